"""The analysts' door: the published file, read-only and without access to anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from linli.failures import Refusal
from linli.publication.content import Table, tables
from linli.settings import Settings

SCHEMAS = ("main", "mart", "ref", "closed")
"""searched for a table named without its schema, in this order"""


class NothingPublished(Refusal):
    """There is no published warehouse yet."""


class Ask(Protocol):
    """Answers a question in SQL; `given` are its parameters."""

    def __call__(self, sql: str, given: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]: ...


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the newest release, with external access off and the configuration locked.

    Tables are found without their schema, and `show tables` lists all of them. The symlink is resolved once, so every query of the
    connection sees the same release.
    Raises NothingPublished before the first night.
    """
    con = duckdb.connect(str(_newest(settings)), read_only=True)
    con.execute("set TimeZone='Asia/Shanghai'")
    there = con.execute("select distinct schema_name from duckdb_schemas() where database_name = current_database()").fetchall()
    con.execute(f"set search_path='{','.join(name for name in SCHEMAS if (name,) in there)}'")
    con.execute("set enable_external_access=false")
    con.execute("set lock_configuration=true")
    return con


@contextmanager
def one_release(settings: Settings) -> Iterator[Ask]:
    """The newest release, to be asked several questions: the next one may be published between them. Raises NothingPublished."""
    con = open_published(settings)

    def ask(sql: str, given: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return con.execute(sql, dict(given) if given else None).fetchall()

    try:
        yield ask
    finally:
        con.close()


def ask(settings: Settings, sql: str, given: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The answer of the newest release to one question; `given` are its parameters. Raises NothingPublished."""
    with one_release(settings) as release:
        return release(sql, given)


def open_with_closed(settings: Settings, closed: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """A connection to the newest release in which the schema `closed` holds these tables instead of the release's own: a month is closed
    after the night that was published. Raises NothingPublished."""
    con = duckdb.connect()
    con.execute("set TimeZone='Asia/Shanghai'")
    con.execute(f"attach '{_newest(settings)}' as release (read_only)")
    con.execute("create schema closed")
    for name, table in closed.items():
        con.register("closed_rows", table)
        con.execute(f"create table closed.{name} as select * from closed_rows order by all")
        con.unregister("closed_rows")
    con.execute("set search_path='memory.main,release.main,release.mart,release.ref'")
    return con


def tables_of(con: duckdb.DuckDBPyConnection) -> list[Table]:
    """Every table of the release that `open_published` has opened, in order."""
    catalog = con.execute("select current_database()").fetchall()[0][0]
    return tables(con, catalog, SCHEMAS)


def _newest(settings: Settings) -> Path:
    if not settings.published.exists():
        raise NothingPublished(f"{settings.warehouse} 下还没有发布过数据，请先运行 make run 或 linli night --day 日期")
    return settings.published.resolve()


def holds(settings: Settings, mart: str) -> bool:
    """Whether the newest release has the mart: until the night after an upgrade it may be older than this code. Raises NothingPublished."""
    return bool(ask(settings, "select 1 from information_schema.tables where table_schema = 'mart' and table_name = $mart", {"mart": mart}))
