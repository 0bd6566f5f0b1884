"""When things happen in a compound: working days, quiet holidays, mornings and evenings."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random

import chinese_calendar

from linli.demo.history import CST

_LAST_PUBLISHED_YEAR = 2026
# Reports by hour: a morning peak, a quiet noon, and the evening when people are home.
_REPORT_HOURS = (1, 0, 0, 0, 0, 1, 4, 12, 22, 26, 20, 12, 7, 9, 14, 16, 17, 18, 24, 27, 21, 13, 6, 3)
_REPORT_HOURS_SUMMED = tuple(accumulate(_REPORT_HOURS))


@cache
def is_workday(day: date) -> bool:
    """The published calendar; weekdays only for a year that is not published."""
    if day.year > _LAST_PUBLISHED_YEAR:
        return day.weekday() < 5
    return bool(chinese_calendar.is_workday(day))


@cache
def add_workdays(day: date, count: int) -> date:
    """The `count`-th working day strictly after `day`; 0 gives `day` itself."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_workday(day)
    return day


@cache
def month_days(year: int, month: int) -> tuple[date, ...]:
    first = date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    return tuple(first + timedelta(days=n) for n in range((following - first).days))


@cache
def _report_weights(year: int, month: int) -> tuple[float, ...]:
    return tuple(accumulate(_report_weight(day) for day in month_days(year, month)))


def _report_weight(day: date) -> float:
    if not is_workday(day):
        # A holiday on a weekday is quieter still: people are away.
        return 0.3 if day.weekday() < 5 else 0.5
    return 1.25 if day.weekday() == 4 else 1.0


def at(day: date, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=CST)


def report_time(rng: Random, year: int, month: int) -> datetime:
    """A moment of the month at which somebody reports something."""
    day = rng.choices(month_days(year, month), cum_weights=_report_weights(year, month))[0]
    hour = rng.choices(range(24), cum_weights=_REPORT_HOURS_SUMMED)[0]
    if is_workday(day) and day.weekday() == 4 and rng.random() < 0.25:
        hour = rng.randint(18, 22)
    return at(day, hour, rng.randrange(60), rng.randrange(60))


def office_time(rng: Random, day: date) -> datetime:
    """A moment of that day in office hours, now and then in the evening."""
    if rng.random() < 0.06:
        return at(day, rng.randint(18, 20), rng.randrange(60), rng.randrange(60))
    hour = rng.choice((8, 9, 9, 10, 10, 11, 14, 15, 15, 16, 16, 17))
    return at(day, hour, rng.randint(31, 59) if hour == 8 else rng.randrange(60), rng.randrange(60))


def workday_in(rng: Random, year: int, month: int) -> date:
    return rng.choice([day for day in month_days(year, month) if is_workday(day)])


def spread(rng: Random, total: int, parts: int) -> list[int]:
    """Split `total` over `parts` months, uneven but exact: each part within about a fifth of the mean."""
    weights = [rng.uniform(0.82, 1.18) for _ in range(parts)]
    whole = sum(weights)
    counts = [int(total * weight / whole) for weight in weights]
    for n in rng.sample(range(parts), total - sum(counts)):
        counts[n] += 1
    return counts


def months() -> list[tuple[int, int]]:
    """All months of the demo's history."""
    return [(year, month) for year in (2025, 2026) for month in range(1, 13)]
