"""Working-day arithmetic against days read off the State Council's notices."""

from __future__ import annotations

import datetime as dt

import pytest

from linli import calendar

YEAR = calendar.last_published_year()


def on(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "is_workday"),
    [
        ("2026-10-09", True),
        ("2026-10-10", True),  # a Saturday made up for the National Day week
        ("2026-10-11", False),
        ("2026-10-01", False),
        ("2026-10-07", False),
        ("2024-02-29", True),
        ("2024-02-04", True),  # a Sunday made up for Spring Festival
        ("2025-10-08", False),
    ],
)
def test_published_days(day: str, is_workday: bool) -> None:
    found = calendar.day(on(day))
    assert (found.is_workday, found.is_provisional) == (is_workday, False)


def test_a_year_not_published_is_provisional_without_make_up_days() -> None:
    rows = calendar.calendar_rows(dt.date(YEAR + 1, 1, 1), dt.date(YEAR + 1, 12, 31)).to_pylist()
    assert all(row["is_provisional"] for row in rows)
    assert not any(row["is_workday"] for row in rows if row["calendar_on"].weekday() >= 5)
    off = {row["calendar_on"] for row in rows if not row["is_workday"]}
    assert {dt.date(YEAR + 1, 1, 1), dt.date(YEAR + 1, 5, 1), dt.date(YEAR + 1, 10, 1)} <= off
    assert all(row["holiday_name"] for row in rows if row["calendar_on"] in off and row["calendar_on"].weekday() < 5)


def test_a_statutory_holiday_on_a_weekend_is_compensated_on_a_weekday() -> None:
    rows = calendar.calendar_rows(dt.date(YEAR + 1, 1, 1), dt.date(YEAR + 3, 12, 31)).to_pylist()
    compensated = [row for row in rows if row["holiday_name"] and "observed" in row["holiday_name"]]
    assert compensated
    assert not any(row["is_workday"] or row["calendar_on"].weekday() >= 5 for row in compensated)


def test_an_override_decides_and_is_never_provisional() -> None:
    closed, opened = dt.date(YEAR + 1, 3, 1), on("2026-10-11")
    overrides = {closed: False, opened: True}
    assert calendar.day(closed, overrides)[1:3] == (False, False)
    assert calendar.day(opened, overrides)[1:3] == (True, False)


@pytest.mark.parametrize(
    ("day_0", "count", "due"),
    [
        ("2026-11-06", 2, "2026-11-10"),  # a Friday
        ("2026-09-30", 2, "2026-10-09"),  # over the holiday week
        ("2026-09-30", 3, "2026-10-10"),  # the make-up Saturday counts
        ("2026-10-10", 1, "2026-10-12"),
        ("2024-02-28", 1, "2024-02-29"),
        ("2024-02-28", 2, "2024-03-01"),
    ],
)
def test_the_nth_working_day_after_day_0(day_0: str, count: int, due: str) -> None:
    assert calendar.add_workdays(on(day_0), count) == on(due)
    assert calendar.workdays_between(on(day_0), on(due)) == count


def test_a_due_date_crosses_into_a_provisional_year() -> None:
    due = calendar.add_workdays(dt.date(YEAR, 12, 31), 7)
    assert due.year == YEAR + 1
    assert calendar.day(due).is_provisional


def test_rows_cover_every_day_once() -> None:
    table = calendar.calendar_rows(on("2024-01-01"), on("2024-12-31"))
    assert table.schema == calendar.SCHEMA
    assert table.num_rows == 366
    assert table.column("calendar_on").to_pylist() == sorted(set(table.column("calendar_on").to_pylist()))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="the first day known is 2004-01-01"):
        calendar.day(on("2003-12-31"))
    with pytest.raises(ValueError, match="1 or more"):
        calendar.add_workdays(on("2026-01-05"), 0)
    assert calendar.workdays_between(on("2026-01-05"), on("2026-01-05")) == 0


@pytest.mark.parametrize("language", ["zh_CN", "en_US", "C"])
def test_names_of_holidays_do_not_depend_on_the_machine(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LANGUAGE", "LC_ALL", "LANG"):
        monkeypatch.setenv(variable, language)
    calendar._statutory.cache_clear()
    rows = calendar.calendar_rows(dt.date(2030, 1, 1), dt.date(2030, 1, 1)).to_pylist()
    assert rows[0]["holiday_name"] == "New Year's Day"
