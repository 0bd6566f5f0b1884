"""The analysts' door: the published file, read-only and without access to anything else."""

from __future__ import annotations

import duckdb

from linli.failures import Refusal
from linli.settings import Settings


class NothingPublished(Refusal):
    """There is no published warehouse yet."""


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the newest release, with external access off and the configuration locked.

    The symlink is resolved once, so every query of the connection sees the same release.
    Raises NothingPublished before the first night.
    """
    if not settings.published.exists():
        raise NothingPublished(f"{settings.home.name}/warehouse 下还没有发布过数据，请先运行 linli night")
    con = duckdb.connect(str(settings.published.resolve()), read_only=True)
    con.execute("set TimeZone='Asia/Shanghai'")
    con.execute("set enable_external_access=false")
    con.execute("set lock_configuration=true")
    return con
