"""The answers about one unit and month, as its page reads them: by month, beside the month before, told apart where too few."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linli.calendar import next_month, previous_month
from linli.review.questions import TEAM, Answer, Unit
from linli.review.words import Words
from linli.settings import SHANGHAI, as_of

Row = Mapping[str, Any]

GAP = 0.05
"""a rate this much below that of the unit as a whole is marked"""
BEYOND_WORKDAYS = 8
"""ages of the backlog from here on are beyond the clock"""


@dataclass(frozen=True)
class Reading:
    """A unit, a month, the answers about them and the words they are told in; samples below `few` are small, a score of
    `satisfied_from` says satisfied."""

    unit: Unit
    month: dt.date
    answers: Mapping[str, Answer]
    words: Words
    few: int
    satisfied_from: int

    @property
    def previous(self) -> dt.date:
        """The month before."""
        return previous_month(self.month)

    @property
    def is_running(self) -> bool:
        """Whether the month is not over in what is published: it is compared with nothing."""
        return bool(self.answers["release"].only["as_of"] < as_of(next_month(self.month) - dt.timedelta(days=1)))

    @property
    def is_for_outside(self) -> bool:
        """Whether the page leaves the team: what residents answered is told once the month is closed, and nothing about few of them."""
        return self.unit.level not in TEAM

    @property
    def is_closed(self) -> bool:
        """Whether the month is closed for the unit's district: its figures are those that were approved."""
        return bool(self.answers["closed"].only.get("is_of_district"))

    def as_it_stands(self, name: str) -> str:
        """That the answer to a question was not among what was approved of a closed month; nothing where it was."""
        if not self.is_closed or self.answers[name].is_approved:
            return ""
        return self.words("as_it_stands", day=f"{self.answers['release'].only['as_of'].astimezone(SHANGHAI):%Y-%m-%d}")

    def of(self, name: str, month: dt.date, **where: str) -> Row:
        """The row of an answer for a month, and for what else is in its grain; an empty one where there is none."""
        found = [row for row in self.answers[name].rows if row["month"] == month and all(row[k] == v for k, v in where.items())]
        return found[0] if found else {}

    def clock(self, step: str, month: dt.date) -> Row:
        """The clock of one step."""
        return self.of("clock", month, step=step)

    def received_change(self) -> int | None:
        """By how much more were received than the month before; None where the two are not to be compared."""
        now, before = (self.of("volume", month).get("received_count") for month in (self.month, self.previous))
        return None if self.is_running or now is None or before is None else now - before

    def on_time_change(self, step: str) -> float | None:
        """By how much the on-time rate of a step is above that of the month before; None where the two are not to be compared."""
        return self.rate_change("clock", "on_time_rate", step=step)

    def rate_change(self, name: str, rate: str, few: str = "is_small_sample", **where: str) -> float | None:
        """By how much a rate is above that of the month before; None too where either's column `few` says it is a small sample."""
        now, before = (self.of(name, month, **where) for month in (self.month, self.previous))
        if self.is_running or any(not row or row[few] or row[rate] is None for row in (now, before)):
            return None
        return float(now[rate] - before[rate])

    def open_rounds(self, month: dt.date, name: str = "backlog") -> int | None:
        """The rounds open at the end of a month, whatever their age; None where nothing is known of the month."""
        counts = [row["open_count"] for row in self.answers[name].rows if row["month"] == month]
        return sum(counts) if counts else None

    def open_change(self) -> int | None:
        """By how many more rounds are open than at the end of the month before; None where the two are not to be compared."""
        now, before = (self.open_rounds(month) for month in (self.month, self.previous))
        # a month without an open round has no row; one before the first case has none either
        if self.is_running or not self.of("volume", self.previous):
            return None
        return (now or 0) - (before or 0)
