"""The database the releases go into: its sessions, and what it refuses in words.

Messages of the server quote values and addresses, so only the SQLSTATE goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import adbc_driver_manager as adbc
import adbc_driver_postgresql as driver
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from linli.failures import Refusal, SourceUnavailable
from linli.settings import SERVING_SETTING as VARIABLE

_PATIENCE = {"connect_timeout": "10", "keepalives_idle": "60", "tcp_user_timeout": "120000", "application_name": "linli"}
"""libpq's own parameters (seconds, seconds, milliseconds), where the address gives none: a server that is silent is down"""
_PASSING = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes that pass by themselves: connection, serialisation, resources, locks, operator intervention, system"""

Session = psycopg.Connection[tuple[object, ...]]


class ServingUnavailable(SourceUnavailable):
    """The database is down, slow or refusing for now."""


class ServingRefused(Refusal):
    """The database answers, but does not take what it is given."""


class NotPermitted(ServingRefused):
    """The account may not do what is needed; the message holds the statements a database administrator has to run."""


class Database:
    """One PostgreSQL database at a postgresql:// address. Raises ServingRefused for an address that is none."""

    def __init__(self, url: str) -> None:
        try:
            given = conninfo_to_dict(url) if url.startswith(("postgresql://", "postgres://")) else None
        except psycopg.Error:
            given = None
        if given is None:
            raise ServingRefused(f"{VARIABLE}：应写作 postgresql://账号:密码@主机:5432/库名，密码中的特殊字符要写成 %40 一类")
        self._conninfo = make_conninfo("", **{**_PATIENCE, **{name: str(value) for name, value in given.items()}})

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session in which every statement is a transaction of its own. Raises ServingUnavailable, ServingRefused."""
        with told(), psycopg.connect(self._conninfo, autocommit=True) as session:
            session.execute("set client_min_messages = warning")
            yield session

    @contextmanager
    def wire(self) -> Iterator[adbc.AdbcConnection]:
        """A connection that takes Arrow. Raises ServingUnavailable, ServingRefused."""
        with told():
            database = driver.connect(self._conninfo)
            try:
                connection = adbc.AdbcConnection(database)
                try:
                    yield connection
                finally:
                    connection.close()
            finally:
                database.close()


@contextmanager
def told() -> Iterator[None]:
    """Errors of both drivers as ours."""
    try:
        yield
    except (psycopg.Error, adbc.Error) as error:
        state = str(error.sqlstate or "")
        if state.startswith("28") or "authentication failed" in str(error):
            raise ServingRefused(f"{VARIABLE}：数据库拒绝登录，请检查账号、密码和 pg_hba.conf") from None
        if state == "3D000" or (not state and "does not exist" in str(error)):
            raise ServingRefused(f"{VARIABLE}：没有这个账号或库，请检查地址，或先请数据库管理员建立") from None
        if not state or state.startswith(_PASSING):
            hint = f"SQLSTATE {state}" if state else "请检查地址、端口和数据库是否在运行"
            raise ServingUnavailable(f"{VARIABLE}：数据库没有应答，{hint}；已发布的一版不受影响，可稍后再试") from None
        if state == "42501":
            raise NotPermitted(f"{VARIABLE}：账号权限不足（SQLSTATE {state}）；linli doctor 会列出数据库管理员要运行的语句") from None
        raise ServingRefused(f"{VARIABLE}：数据库不接受（SQLSTATE {state}）；已发布的一版不受影响") from None
