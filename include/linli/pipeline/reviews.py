"""The monthly review pack: from the newest release and the months closed so far."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from linli import closing, publication
from linli import review as reviews
from linli.pipeline.night import silent
from linli.review import FORMATS, Language, NothingToReview, Pack, Unit
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
    Raises NothingPublished, NothingToReview, FontMissing.
    """
    tables = closing.published_tables(settings.closed)
    con = publication.open_with_closed(settings, {name: tables[name] for name in ("month", "restatement")})
    try:
        chosen = [_found(reviews.units(con, [level]), level, text) for level, text in of.items()] if of else reviews.units(con)
        [(digest,)] = con.execute("select any_value(content_hash) from main.published_at").fetchall()
        number = len(closing.restatements(settings.closed, month.replace(day=1)))
        parts = [f"r{number}", str(digest)[:8], language, *(f"{unit.level}-{unit.key}" for unit in chosen if of)]
        folder = into or settings.reviews / f"{month:%Y-%m}" / "-".join(parts)
        return reviews.write_pack(
            con, folder, chosen, month, language=language, formats=formats, small_sample_n=settings.small_sample_n, tell=progress
        )
    finally:
        con.close()


def _found(units: Sequence[Unit], level: str, text: str) -> Unit:
    found = [unit for unit in units if text in (unit.key, unit.name)]
    if len(found) == 1:
        return found[0]
    some = "、".join(f"{unit.key} {unit.name}" for unit in units[:_SHOWN])
    more = f" 等 {len(units)} 个" if len(units) > _SHOWN else ""
    what = "不止一个，请写编码" if found else "没有找到"
    raise NothingToReview(f"“{text}”{what}：{level} 有 {some}{more}")


_SHOWN = 5
