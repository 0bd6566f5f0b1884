"""Copies by audience: of every closed month, written once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import duckdb

from linli import audiences, closing, publication, warehouse
from linli.calendar import next_month
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
        directories = [directory_at_close(settings, closed.month) or directory_of(con, closed.month) for closed in months]
    finally:
        con.close()
    few = warehouse.small_group_n(settings)
    written = []
    for done, (closed, there, directory) in enumerate(zip(months, found, directories, strict=True)):
        progress(f"{closed.name} 的副本", done, len(months))
        figures = closing.folder_of(settings.closed, closed.month) / "figures.parquet"
        written.append(there or audiences.write_copies(figures, settings.copies / closed.name, closed.month, directory, few=few))
    progress("完成", len(months), len(months))
    return written


def directory_at_close(settings: Settings, month: dt.date) -> audiences.Directory | None:
    """The directory frozen with a closed month: what is hidden in it must not depend on what belongs where today. None for a month closed
    without."""
    kept = closing.directory_of(settings.closed, month)
    return audiences.Directory.from_json(kept) if kept else None


_PLACES = """
    select compounds.district_code, compounds.compound_code, compounds.community_code,
        coalesce(then_with.station_code, compounds.station_code)
    from {dims}.dim_compound as compounds
    left join ref.compound_stations as then_with
        on
            compounds.compound_code = then_with.compound_code
            and $day between then_with.from_on and coalesce(then_with.to_on, $day)
    order by all
"""
_CHANGES = """
    select distinct from_on from ref.compound_stations
    where from_on <= $day
    qualify lag(station_code) over (partition by compound_code order by from_on) <> station_code
    order by from_on desc
"""


def directory_of(con: duckdb.DuckDBPyConnection, month: dt.date, *, dims: str = "ref") -> audiences.Directory:
    """The reference data as they were at the end of the month, and which station had which compounds before; of the release open in `con`,
    or, with `dims` in schema core, of a built file."""
    end = next_month(month) - dt.timedelta(days=1)
    changes = [day for (day,) in con.execute(_CHANGES, {"day": end}).fetchall()]
    now, *before = (_parents(con, day, dims) for day in (end, *(day - dt.timedelta(days=1) for day in changes)))
    names = con.execute(f"select district_code, level, key, key_name from {dims}.dim_level_key order by all").fetchall()
    return audiences.Directory(now, {(district, level, key): name for district, level, key, name in names}, before)


def _parents(con: duckdb.DuckDBPyConnection, day: dt.date, dims: str) -> dict[tuple[str, str, str], dict[str, str]]:
    parents: dict[tuple[str, str, str], dict[str, str]] = {}
    for district, compound, community, station in con.execute(_PLACES.format(dims=dims), {"day": day}).fetchall():
        for level, key in (("community", community), ("station", station)):
            parents.setdefault((district, "compound", level), {})[compound] = key
    for district, officer, department in con.execute(
        f"select district_code, officer_no, arg_max(department_code, from_on) from {dims}.dim_officer group by all order by all"
    ).fetchall():
        parents.setdefault((district, "officer", "department"), {})[officer] = department
    return parents
