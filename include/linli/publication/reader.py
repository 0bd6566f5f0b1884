"""The analysts' door: the published file, read-only and without access to anything else."""

from __future__ import annotations

import duckdb

from linli.settings import Settings


class NothingPublished(RuntimeError):
    """There is no published warehouse yet."""


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the newest release, with external access off and the configuration locked.

    The symlink is resolved once, so every query of the connection sees the same release.
    Raises NothingPublished before the first night.
    """
    if not settings.published.exists():
        raise NothingPublished(f"nothing is published under {settings.home.name}/warehouse yet: run `linli night` first")
    con = duckdb.connect(str(settings.published.resolve()), read_only=True)
    con.execute("set TimeZone='Asia/Shanghai'")
    con.execute("set enable_external_access=false")
    con.execute("set lock_configuration=true")
    return con
