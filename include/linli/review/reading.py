"""The answers about one unit and month, as its page reads them: by month, beside the month before, told apart where too few."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linli.calendar import next_month, previous_month
from linli.review.questions import Answer, Unit
from linli.review.words import Words
from linli.settings import as_of

Row = Mapping[str, Any]

GAP = 0.05
"""a rate this much below that of the unit as a whole is marked"""
BEYOND_WORKDAYS = 8
"""ages of the backlog from here on are beyond the clock"""


@dataclass(frozen=True)
class Reading:
    """A unit, a month, the answers about them and the words they are told in; samples below `few` are small."""

    unit: Unit
    month: dt.date
    answers: Mapping[str, Answer]
    words: Words
    few: int

    @property
    def previous(self) -> dt.date:
        """The month before."""
        return previous_month(self.month)

    @property
    def is_running(self) -> bool:
        """Whether the month is not over in what is published: it is compared with nothing."""
        return bool(self.answers["release"].only["as_of"] < as_of(next_month(self.month) - dt.timedelta(days=1)))

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
        """By how much the on-time rate of a step is above that of the month before; None too where either is of too small a sample."""
        now, before = (self.clock(step, month) for month in (self.month, self.previous))
        if self.is_running or any(not clock or clock["is_small_sample"] or clock["on_time_rate"] is None for clock in (now, before)):
            return None
        return float(now["on_time_rate"] - before["on_time_rate"])
