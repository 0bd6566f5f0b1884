"""Copies by audience: of every closed month, written once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import duckdb

from linli import audiences, closing, publication, warehouse
from linli.pipeline.night import silent
from linli.settings import Settings


def copies(
    settings: Settings, month: dt.date | None = None, *, progress: Callable[[str, int, int], None] = silent
) -> list[audiences.Copies]:
    """The copies of `month`, or of every closed month, under copies/; those of a month once written are never written again.

    Raises NotClosed for a month that is not closed or when there is none, NothingPublished.
    """
    months = [closing.closing_of(settings.closed, month)] if month else closing.closed_months(settings.closed)
    if not months:
        raise closing.NotClosed("还没有结过账的月份：副本只含已结账的月份，请先运行 linli month close")
    found = [audiences.copies_of(settings.copies / closed.name, closed.month) for closed in months]
    con = publication.open_published(settings)
    try:
        today = directory_of(con)
    finally:
        con.close()
    few = warehouse.small_group_n(settings)
    written = []
    for done, (closed, there) in enumerate(zip(months, found, strict=True)):
        progress(f"{closed.name} 的副本", done, len(months))
        figures = closing.folder_of(settings.closed, closed.month) / "figures.parquet"
        directory = directory_at_close(settings, closed.month) or today
        written.append(there or audiences.write_copies(figures, settings.copies / closed.name, closed.month, directory, few=few))
    progress("完成", len(months), len(months))
    return written


def directory_at_close(settings: Settings, month: dt.date) -> audiences.Directory | None:
    """The directory frozen with a closed month: what is hidden in it must not depend on which compound belongs where today. None for a
    month closed without."""
    kept = closing.directory_of(settings.closed, month)
    return audiences.Directory.from_json(kept) if kept else None


def directory_of(con: duckdb.DuckDBPyConnection, schema: str = "ref") -> audiences.Directory:
    """Names and parents of the reference data in the release open in `con`, or, in schema core, in the built file."""
    parents: dict[tuple[str, str, str], dict[str, str]] = {}
    for district, compound, community, station in con.execute(
        f"select district_code, compound_code, community_code, station_code from {schema}.dim_compound order by all"
    ).fetchall():
        for level, key in (("community", community), ("station", station)):
            parents.setdefault((district, "compound", level), {})[compound] = key
    for district, officer, department in con.execute(
        f"select district_code, officer_no, arg_max(department_code, from_on) from {schema}.dim_officer group by all order by all"
    ).fetchall():
        parents.setdefault((district, "officer", "department"), {})[officer] = department
    names = con.execute(f"select district_code, level, key, key_name from {schema}.dim_level_key order by all").fetchall()
    return audiences.Directory(parents, {(district, level, key): name for district, level, key, name in names})
