"""The pack of a month: for every unit one page in four formats, a list of them, and the checksums of all of it.

The folder appears whole and takes the place of an earlier one of the same name; the same release gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from linli.durable import is_empty_or_of, whole
from linli.failures import Refusal
from linli.review.blocks import Page
from linli.review.page import page
from linli.review.questions import Unit, Withheld, ask
from linli.review.words import Language, Words

FORMATS = ("html", "pdf", "docx", "xlsx")
MANIFEST = "pack.json"
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_.-]+")

Tell = Callable[[str, int, int], None]


class NothingToReview(Refusal):
    """There is nothing of the month, or nobody of that name."""


@dataclass(frozen=True)
class Pack:
    """What was written: the folder, the units in it, its files and the checksum over all of them."""

    folder: Path
    units: Sequence[Unit]
    files: Sequence[str]
    checksum: str


def write_pack(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    units: Sequence[Unit],
    month: dt.date,
    *,
    language: Language,
    formats: Sequence[str],
    small_sample_n: int,
    satisfied_min_score: int,
    withheld: Withheld,
    tell: Tell,
) -> Pack:
    """Writes the pages of `units` in `month` into `folder`. `con` is a connection to the published file, `withheld` what the pages that
    leave the team must not tell.

    Raises NothingToReview for a month the marts do not know, FontMissing, FileExistsError where something else lies in `folder`.
    """
    from linli import fonts

    words = Words(language)
    fonts.loaded()
    has_cases, has_any = (
        con.execute(f"select count(*) > 0 from mart.{mart} where month = $month", {"month": month}).fetchall()[0][0]
        for mart in ("mart_case_volume", "mart_monthly_review")
    )
    if not has_cases:
        if has_any:
            raise NothingToReview(f"{month:%Y-%m} 没有案件数据，月度复盘以案件为准：请先载入案件系统；其他数字可用 linli sql 查询")
        raise NothingToReview(f"{month:%Y-%m} 没有已发布的数字：请核对月份，或先运行 linli night 载入该月")
    pages = []
    for number, unit in enumerate(units):
        tell(f"查询 {unit.name}", number, len(units))
        answers = ask(con, unit, month, withheld)
        pages.append(page(unit, month, answers, words, small_sample_n=small_sample_n, satisfied_min_score=satisfied_min_score))
    if not is_empty_or_of(folder, MANIFEST):
        raise FileExistsError(errno.EEXIST, "已有别的内容", str(folder))
    with whole(folder, replaces=True) as aside:
        for name, content in _files(pages, words, formats, tell):
            (aside / name).write_bytes(content)
        checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(aside.iterdir())}
        said = {"month": f"{month:%Y-%m}", "language": language, "files": checksums}
        (aside / MANIFEST).write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        checksum = hashlib.sha256((aside / MANIFEST).read_bytes()).hexdigest()
    return Pack(folder, units, [*checksums, MANIFEST], checksum)


def name_of(unit: Unit) -> str:
    """The name of the files of a unit, without their endings."""
    # departments and the like have the same keys in every district
    key = unit.key if unit.key.startswith(unit.district_code) else f"{unit.district_code}-{unit.key}"
    name = f"{unit.level}-{key}"
    plain = _NOT_IN_NAMES.sub("_", name)
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _files(pages: Sequence[Page], words: Words, formats: Sequence[str], tell: Tell) -> Iterator[tuple[str, bytes]]:
    # what writes the formats is imported by whoever wants a pack, and not by every night
    from linli.review import excel, html, word
    from linli.review.pdf import Sheet

    sheets = []
    for number, each in enumerate(pages):
        tell(f"排版 {each.unit.name}", number, len(pages))
        name = name_of(each.unit)
        if {"pdf", "html"} & set(formats):
            sheet = Sheet(each)
            sheets.append((each, sheet.shrunk))
            if "pdf" in formats:
                yield f"{name}.pdf", sheet.pdf()
        if "docx" in formats:
            yield f"{name}.docx", word.render(each, words)
        if "xlsx" in formats:
            yield f"{name}.xlsx", excel.render(each, words)
    if "html" in formats:
        tell("网页", len(pages), len(pages))
        for (each, _), content in zip(sheets, html.render(sheets, words), strict=True):
            yield f"{name_of(each.unit)}.html", content
    yield "index.html", html.contents([(each.unit, name_of(each.unit)) for each in pages], pages[0], formats, words)
