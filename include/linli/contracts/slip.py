"""What a return slip says of itself in its cells: `linli.slips` writes it, `linli.sources` reads it back when a filled-in one is dropped.

Nothing but cells is relied on, so that a slip survives being saved again by any office program, or as CSV.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

SLIP = "退回单"
"""every title of a slip begins with it"""
PLACE, ACTION, REASON, REMEDY = "原位置", "处理", "退回原因", "改法"
"""headings of the columns that are the slip's own"""
CORRECT, WITHDRAW = "更正", "作废"
"""what can be done with a row: it is replaced by what the slip says, or left out"""
HIDDEN = "〔已隐去，不用改〕"
"""stands for a pseudonymised value, which stays as it landed"""
READ_ONLY = "只供查看"
"""in the title of a sheet that is not handed back"""
END = "合计"
"""begins the last row: a slip without it has been cut off"""
SLIP_ROW, IS_WITHDRAWN = "_slip_row", "_is_withdrawn"
"""columns beside the declared ones in which a slip is read: where in it the row stands, and whether it is to be left out"""

_NAMED = 5

_TITLE = re.compile(
    rf"{SLIP}\s*(?P<number>[^\s|]+)\s*\|(?P<sheet>[^|]+)\|\s*(?P<community>\d{{6}}-C\d{{2,3}})\b[^|]*\|\s*(?P<year>\d{{4}})年(?P<month>1[0-2]|0?[1-9])月"
)


@dataclass(frozen=True)
class SlipTitle:
    """Which rows a sheet of a slip holds: those of one sheet of one community and month."""

    number: str
    sheet: str
    community_code: str
    month_on: dt.date

    def text(self, community_name: str = "") -> str:
        """The title as it is written."""
        whose = " ".join(part for part in (self.community_code, community_name.replace("|", " ")) if part)
        return f"{SLIP} {self.number} | {self.sheet} | {whose} | {self.month_on:%Y年%m月}"


def some_of(places: Sequence[str]) -> str:
    """The places of a slip that something is said of to whoever sent it: the first few by name, and how many there are."""
    return "、".join(places[:_NAMED]) + (f" 等 {len(places)} 处" if len(places) > _NAMED else "")


def kept(column: str) -> str:
    """The column, of a slip as it is read, that says whether a pseudonymised column stays as it landed."""
    return f"_is_kept_{column}"


def slip_title(text: str) -> SlipTitle | None:
    """What the title of a slip that can be handed back says; None for any other text."""
    found = _TITLE.search(unicodedata.normalize("NFKC", text))
    if not found:
        return None
    month_on = dt.date(int(found["year"]), int(found["month"]), 1)
    return SlipTitle(found["number"], found["sheet"].strip(), found["community"], month_on)
