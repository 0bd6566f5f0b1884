"""The monthly review pack: from the newest release and the months closed so far."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb

from linli import audiences, closing, publication, warehouse
from linli import review as reviews
from linli.calendar import previous_month
from linli.pipeline.copies import directory_at_close, directory_of
from linli.pipeline.night import silent
from linli.review import FORMATS, TEAM, Language, NothingToReview, Pack, Unit, Withheld
from linli.settings import Settings


def review(
    settings: Settings,
    month: dt.date,
    *,
    of: Mapping[str, str] | None = None,
    language: Language = "zh",
    formats: Sequence[str] = FORMATS,
    into: Path | None = None,
    progress: Callable[[str, int, int], None] = silent,
) -> Pack:
    """Writes the review of `month` for everybody, or for the units named in `of` (key or name by level).

    It lies in `into`, or under reviews/ in a folder named after the month, how often it was restated and the release.
    Pages that leave the team tell of callbacks what the copies of closed months do. Raises NothingPublished, NothingToReview, FontMissing.
    """
    closed = closing.published_tables(settings.closed, month.replace(year=month.year - 1), month)
    con = publication.open_with_closed(settings, closed)
    try:
        chosen = _chosen(con, of) if of else reviews.units(con)
        [(digest,)] = con.execute("select any_value(content_hash) from main.published_at").fetchall()
        number = len(closing.restatements(settings.closed, month))
        parts = [f"r{number}", str(digest)[:8], language, *(reviews.name_of(unit) for unit in chosen if of)]
        parts += [] if set(formats) == set(FORMATS) else formats
        folder = into or settings.reviews / f"{month:%Y-%m}" / "-".join(parts)
        return reviews.write_pack(
            con, folder, chosen, month, language=language, formats=formats, small_sample_n=settings.small_sample_n,
            satisfied_min_score=settings.satisfied_min_score, tell=progress,
            withheld=_withheld(settings, con, month) if any(unit.level not in TEAM for unit in chosen) else {},
        )  # fmt: skip
    finally:
        con.close()


def _withheld(settings: Settings, con: duckdb.DuckDBPyConnection, month: dt.date) -> Withheld:
    """What the copies hide of the callbacks in a month and the one before it, as far as they are closed."""
    months = {previous_month(month), month} & {each.month for each in closing.closed_months(settings.closed)}
    few = warehouse.small_group_n(settings)
    return {
        each: audiences.withheld(
            closing.folder_of(settings.closed, each) / "figures.parquet",
            "satisfaction",
            directory_at_close(settings, each) or directory_of(con, each),
            few=few,
        )
        for each in sorted(months)
    }


def _chosen(con: duckdb.DuckDBPyConnection, of: Mapping[str, str]) -> list[Unit]:
    """The units named; a district beside others says which district's they are."""
    others = {level: text for level, text in of.items() if level != "district"}
    district = _found(reviews.units(con, ["district"]), "district", of["district"]) if "district" in of else None
    if district and not others:
        return [district]
    within = {level: [u for u in reviews.units(con, [level]) if district is None or u.district_code == district.key] for level in others}
    return [_found(within[level], level, text) for level, text in others.items()]


def _found(units: Sequence[Unit], level: str, text: str) -> Unit:
    found = [unit for unit in units if text in (unit.key, unit.name)]
    if len(found) == 1:
        return found[0]
    shown = found or units
    some = "、".join(f"{unit.district_code} 的 {unit.key} {unit.name}" for unit in shown[:_SHOWN])
    more = f" 等 {len(shown)} 个" if len(shown) > _SHOWN else ""
    what = "不止一个，请写编码，或用 --district 指明是哪个区" if found else "没有找到"
    raise NothingToReview(f"--{level}“{text}”{what}：有 {some}{more}")


_SHOWN = 5
