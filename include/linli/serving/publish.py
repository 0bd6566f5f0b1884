"""A release into PostgreSQL: loaded into schemas aside, table by table, `published_at` last, where nobody reads; then switched in at once
(see switch). Whatever is killed leaves the old release; what lies aside is removed by the next call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import duckdb
import psycopg
from psycopg import sql

from linli.serving.access import READER, TEAM, Table
from linli.serving.database import Database, NotPermitted, ServingRefused, Session
from linli.serving.descriptions import Description
from linli.serving.load import definition, load
from linli.serving.switch import ASIDE, switch
from linli.settings import SERVING_SETTING as VARIABLE

_LAST = "published_at"
_MARK = "Linli release "
"""begins the comment of a schema that is ours; version and shape follow"""
_ONE_AT_A_TIME = "select pg_advisory_lock(hashtextextended('linli serve', 0))"
_WAIT_MS = 30_000
"""for the lock against another publication, and for what a killed one has left to end"""


class AlreadyServing(ServingRefused):
    """Another publication into the same database is under way."""


class NewerServed(ServingRefused):
    """The database holds a newer release."""


@dataclass(frozen=True)
class Served:
    """What the database holds now. `is_new` is false when it held this release already; `lost_views` are views of others that stood on
    tables of the old release and went with it, when tables had to be made anew."""

    version: str
    tables: int
    rows: int
    is_new: bool = True
    lost_views: Sequence[str] = field(default_factory=tuple)


def serve(
    url: str,
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[Table],
    descriptions: Mapping[str, Description],
    *,
    again: bool = False,
    progress: Callable[[str, int, int], None],
) -> Served:
    """Publishes these tables of the release open in `con` into the database at `url`, described by name; does nothing when it holds that
    version already, unless `again`: then tables and grants are made anew as well.

    Raises ServingUnavailable (trying again may help), NotPermitted, AlreadyServing, NewerServed, StillRead, ServingRefused.
    """
    version = str(con.execute("select any_value(version) from main.published_at").fetchall()[0][0])
    # the last table is the one that says what has been published
    ordered = sorted(tables, key=lambda table: (table.name == _LAST, table.schema, table.name))
    schemas = sorted({table.schema for table in tables})
    database = Database(url)
    with database.session() as session, _alone(session):
        _check_place(session, schemas)
        there = _version(session, schemas)
        if there == version and not again:
            return Served(version, len(tables), 0, is_new=False)
        if there is not None and there > version and not again:
            raise NewerServed(f"数据库里已是更新的一版（{there}），没有换成较旧的（{version}）；确实要换，请加 --again")
        _make_roles(session)
        _clear(session)
        try:
            shape = _make_tables(session, ordered, descriptions, schemas)
            rows = 0
            with database.wire() as wire:
                for done, table in enumerate(ordered):
                    progress(f"写入 {table.schema}.{table.name}", done, len(ordered))
                    rows += load(session, wire, con, table, ASIDE + table.schema)
            progress("切换", len(ordered), len(ordered))
            mark = f"{_MARK}{version} {shape}"
            lost = switch(session, ordered, mark, is_same_shape=not again and _shape(session, schemas) == shape)
        finally:
            with suppress(psycopg.Error):
                _clear(session)
    return Served(version, len(tables), rows, lost_views=lost)


def standing(url: str, schemas: Sequence[str]) -> str | None:
    """The version the database holds, None before the first. Nothing is changed.

    Raises what a publication into these schemas would be refused with: ServingUnavailable, NotPermitted, ServingRefused.
    """
    with Database(url).session() as session:
        _check_place(session, schemas)
        missing = _missing_roles(session)
        if missing and not _answer(session, "select rolcreaterole or rolsuper from pg_roles where rolname = current_user"):
            raise _roles_needed(missing)
        return _version(session, schemas)


def _check_place(session: Session, schemas: Sequence[str]) -> None:
    """Raises NotPermitted where no schema can be made, ServingRefused where one of these names is somebody else's: it would be dropped."""
    if not _answer(session, "select has_database_privilege(current_database(), 'create')"):
        database, user = _row(session, "select quote_ident(current_database()), quote_ident(current_user)")
        raise NotPermitted(f"{VARIABLE}：账号不能在库里建模式，请数据库管理员运行：grant create on database {database} to {user};")
    found = session.execute(
        "select nspname from pg_namespace where nspname = any(%s)"
        " and (coalesce(obj_description(oid, 'pg_namespace'), '') not like %s or not pg_has_role(nspowner, 'usage')) order by 1",
        [list(schemas), f"{_MARK}%"],
    ).fetchall()
    if found:
        named = "、".join(str(name) for (name,) in found)
        raise ServingRefused(f"{VARIABLE}：库里已有不是由这个账号发布的模式 {named}，不会覆盖；请给邻里单独建一个库")


def _version(session: Session, schemas: Sequence[str]) -> str | None:
    """The version of which every schema is there; None when there is none."""
    return _marked(session, schemas, 1)


def _shape(session: Session, schemas: Sequence[str]) -> str | None:
    return _marked(session, schemas, 2)


def _marked(session: Session, schemas: Sequence[str], part: int) -> str | None:
    """What all schemas are marked with; None where one is missing or they differ."""
    found = session.execute(
        "select split_part(substr(obj_description(oid, 'pg_namespace'), %s), ' ', %s) from pg_namespace where nspname = any(%s)",
        [len(_MARK) + 1, part, list(schemas)],
    ).fetchall()
    return str(found[0][0]) if len(found) == len(schemas) and len(set(found)) == 1 else None


def _missing_roles(session: Session) -> list[str]:
    there = {str(name) for (name,) in session.execute("select rolname from pg_roles where rolname = any(%s)", [[TEAM, READER]]).fetchall()}
    return [role for role in (TEAM, READER) if role not in there]


def _make_roles(session: Session) -> None:
    missing = _missing_roles(session)
    try:
        for role in missing:
            session.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
    except psycopg.errors.InsufficientPrivilege:
        raise _roles_needed(missing) from None


def _roles_needed(missing: Sequence[str]) -> NotPermitted:
    statements = " ".join(f"create role {role} nologin;" for role in missing)
    return NotPermitted(f"{VARIABLE}：缺少角色 {'、'.join(missing)}，账号也无权建立，请数据库管理员运行：{statements}")


@contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Against another publication, until the session ends."""
    session.execute(f"set lock_timeout = {_WAIT_MS}")
    try:
        session.execute(_ONE_AT_A_TIME)
    except psycopg.errors.LockNotAvailable:
        raise AlreadyServing(f"{VARIABLE}：另一次发布正在进行，等它结束后再试") from None
    yield


def _clear(session: Session) -> None:
    """Removes what an earlier publication has left aside."""
    left = session.execute("select nspname from pg_namespace where starts_with(nspname, %s)", [ASIDE]).fetchall()
    for (name,) in left:
        session.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(str(name))))


def _make_tables(session: Session, tables: Sequence[Table], descriptions: Mapping[str, Description], schemas: Sequence[str]) -> str:
    """Makes the schemas aside with their tables, empty, described and granted; returns a hash of all that they are but rows."""
    statements: list[sql.Composable] = []
    for schema in schemas:
        aside = sql.Identifier(ASIDE + schema)
        statements.append(sql.SQL("create schema {}").format(aside))
        statements.append(sql.SQL("grant usage on schema {} to {}, {}").format(aside, sql.Identifier(TEAM), sql.Identifier(READER)))
    for table in tables:
        statements += definition(table, ASIDE + table.schema, descriptions.get(table.name, Description()))
    text = sql.SQL("; ").join(statements).as_string(session)
    with session.transaction():
        session.execute(sql.SQL(text))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _row(session: Session, query: str) -> tuple[object, ...]:
    return session.execute(sql.SQL(query)).fetchall()[0]


def _answer(session: Session, query: str) -> object:
    return _row(session, query)[0]
