"""What one unit's review of one month says, as blocks without a format.

Numbers are those of the answers; the only arithmetic is a difference of two of them, for "on last month", and a sum over the ages of the
backlog. Whatever is too small a sample is said to be one and compared with nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace

from linli.review.blocks import Page
from linli.review.questions import Answer, Unit
from linli.review.reading import Reading, Row
from linli.review.sections import sections
from linli.review.summary import conclusion, tiles
from linli.review.words import Words
from linli.settings import SHANGHAI


def page(unit: Unit, month: dt.date, answers: Mapping[str, Answer], words: Words, *, small_sample_n: int, satisfied_min_score: int) -> Page:
    """The page of a unit. `answers` are those of `linli.review.questions.ask`."""
    reading = Reading(unit, month, answers, words, small_sample_n, satisfied_min_score)
    release = answers["release"].only
    issue = words("issue", year=month.year, month=month.month, month_name=f"{month:%B}")
    returned = answers["returned"].rows
    ends = [words("definitions", score=reading.satisfied_from)]
    if returned:
        opened, closed = (sum(row[name] for row in returned) for name in ("opened_count", "closed_count"))
        ends.append(words("returned", opened=opened, closed=closed))
    return Page(
        unit=unit,
        month=month,
        language=words.language,
        title=words("title"),
        subtitle=f"{unit.name}　{issue}",
        remarks=list(_remarks(reading, release)),
        conclusion=list(conclusion(reading)),
        tiles=[
            replace(tile, more=_joined("　", tile.more, reading.as_it_stands(tile.ask))) if tile.value != "—" else tile
            for tile in tiles(reading)
        ],
        rows=[
            [replace(block, note=_joined(words("then"), block.note, reading.as_it_stands(block.ask))) for block in row]
            for row in sections(reading)
        ],
        definitions="".join(ends) if words.language == "zh" else " ".join(ends),
        as_of=release["as_of"],
        answers=answers,
    )


def _joined(between: str, *parts: str) -> str:
    return between.join(part for part in parts if part)


def _remarks(reading: Reading, release: Row) -> Iterator[str]:
    words, closed = reading.words, reading.answers["closed"].only
    up_to = words("as_of", moment=f"{release['as_of'].astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    if release["behind_count"]:
        reach = f"{release['behind_at'].astimezone(SHANGHAI):%Y-%m-%d}" if release["behind_at"] else words("never")
        up_to += words("behind", count=release["behind_count"], reach=reach)
    yield up_to
    if closed:
        name = "closed" if reading.is_closed else "closed_without"
        yield words(name, day=f"{closed['closed_at'].astimezone(SHANGHAI):%Y-%m-%d}", by=closed["approved_by"])
    else:
        yield words("running" if reading.is_running else "not_closed")
    number = release["restatement_no"]
    digest = str(release["content_hash"])
    yield words("revision", month=f"{reading.month:%Y-%m}", number=number, mark=f"{digest[:6]}…{digest[-4:]}")
