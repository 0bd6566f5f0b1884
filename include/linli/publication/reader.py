"""The analysts' door: the published file, read-only and without access to anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from linli.failures import Refusal
from linli.settings import Settings

SCHEMAS = ("main", "mart", "ref", "closed")
"""searched for a table named without its schema, in this order"""


class NothingPublished(Refusal):
    """There is no published warehouse yet."""


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the newest release, with external access off and the configuration locked.

    Tables are found without their schema, and `show tables` lists all of them. The symlink is resolved once, so every query of the
    connection sees the same release.
    Raises NothingPublished before the first night.
    """
    if not settings.published.exists():
        raise NothingPublished(f"{settings.home.name}/warehouse 下还没有发布过数据，请先运行 make run 或 linli night --day 日期")
    con = duckdb.connect(str(settings.published.resolve()), read_only=True)
    con.execute("set TimeZone='Asia/Shanghai'")
    there = con.execute("select distinct schema_name from duckdb_schemas() where database_name = current_database()").fetchall()
    con.execute(f"set search_path='{','.join(name for name in SCHEMAS if (name,) in there)}'")
    con.execute("set enable_external_access=false")
    con.execute("set lock_configuration=true")
    return con


def ask(settings: Settings, sql: str, given: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The answer of the newest release to one question; `given` are its parameters. Raises NothingPublished."""
    con = open_published(settings)
    try:
        return con.execute(sql, dict(given) if given else None).fetchall()
    finally:
        con.close()
