"""Working days of the State Council's calendar, pure: published years as announced, later years provisional.

`chinesecalendar` holds the announced holidays and make-up days up to the last published year. A day after it is
*provisional*: weekends and the statutory holidays known from `holidays` are off, with the weekdays that compensate a
holiday on a weekend by law, and no day is made up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import pyarrow as pa
from chinese_calendar.constants import holidays as _days_off
from chinese_calendar.constants import workdays as _days_made_up

Overrides = Mapping[dt.date, bool]
NO_OVERRIDES: Overrides = {}

_ONE_DAY = dt.timedelta(days=1)

SCHEMA = pa.schema(
    [
        pa.field("calendar_on", pa.date32(), nullable=False),
        pa.field("is_workday", pa.bool_(), nullable=False),
        pa.field("is_provisional", pa.bool_(), nullable=False),
        pa.field("holiday_name", pa.string()),
    ]
)


class Day(NamedTuple):
    """One calendar day. `holiday_name` is English and null on ordinary days and ordinary weekends."""

    calendar_on: dt.date
    is_workday: bool
    is_provisional: bool
    holiday_name: str | None


@cache
def first_published_on() -> dt.date:
    """The first day the announced calendars cover."""
    return dt.date(min(_days_off).year, 1, 1)


@cache
def last_published_year() -> int:
    """The last year the State Council has announced, as far as the installed `chinesecalendar` knows."""
    return int(max(_days_off).year)


@cache
def _statutory(year: int) -> dict[dt.date, str]:
    # Imported late: the package takes a quarter of a second and only provisional years need it.
    import holidays

    return {day: name for day, name in holidays.country_holidays("CN", years=year, language="en_US").items() if day.year == year}


def day(on: dt.date, overrides: Overrides = NO_OVERRIDES) -> Day:
    """What kind of day `on` is; a day in `overrides` (date -> is it a working day) is never provisional.

    Raises ValueError for a day before the first published year.
    """
    if on < first_published_on():
        raise ValueError(f"no calendar is known for {on.isoformat()}; the first day known is {first_published_on().isoformat()}")
    is_provisional = on.year > last_published_year()
    off = _statutory(on.year) if is_provisional else _days_off
    name = off.get(on) or _days_made_up.get(on)
    is_off = on in off or (on.weekday() >= 5 and on not in _days_made_up)
    if on in overrides:
        return Day(on, overrides[on], False, name)
    return Day(on, not is_off, is_provisional, name)


def is_workday(on: dt.date, overrides: Overrides = NO_OVERRIDES) -> bool:
    """Whether `on` is a working day, provisionally so after the last published year."""
    return day(on, overrides).is_workday


def add_workdays(on: dt.date, count: int, overrides: Overrides = NO_OVERRIDES) -> dt.date:
    """The `count`-th working day strictly after `on` (day 0); `on` itself need not be a working day.

    Raises ValueError when count is below 1.
    """
    if count < 1:
        raise ValueError(f"count of working days: 1 or more is expected, not {count}")
    while count:
        on += _ONE_DAY
        count -= is_workday(on, overrides)
    return on


def workdays_between(start: dt.date, end: dt.date, overrides: Overrides = NO_OVERRIDES) -> int:
    """Working days d with start < d <= end; 0 when end is not after start."""
    return sum(is_workday(on, overrides) for on in _days(start + _ONE_DAY, end))


def calendar_rows(first_on: dt.date, last_on: dt.date, overrides: Overrides = NO_OVERRIDES) -> pa.Table:
    """Every day from `first_on` to `last_on`, both included, one row each, as SCHEMA says."""
    columns = zip(*(day(on, overrides) for on in _days(first_on, last_on)), strict=True)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _days(first_on: dt.date, last_on: dt.date) -> Iterator[dt.date]:
    for offset in range((last_on - first_on).days + 1):
        yield first_on + dt.timedelta(days=offset)


def next_month(day: dt.date) -> dt.date:
    """The first day of the month after that of `day`."""
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def previous_month(day: dt.date) -> dt.date:
    """The first day of the month before."""
    return (day.replace(day=1) - _ONE_DAY).replace(day=1)
