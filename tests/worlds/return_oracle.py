"""Which returns came in time, late or not at all, computed the plain way, from docs/marts/quality.md."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from .case_oracle import Mart
from .oracle import Key, Row, Rows
from .reference import PUBLISHED_YEARS, Reference, is_workday, local_day, month_of

SHEETS = {"会议": "meetings", "议题": "matters", "普法": "publicity_events"}
DUE_WORKDAY = 5
STATES = ("on_time", "late", "missing", "not_yet_due")


def completeness(filed: Rows, reference: Reference, district: str, as_of: dt.datetime) -> Mart:
    """mart_return_completeness of a district by (month, district_code, community_code, sheet)."""
    running = month_of(local_day(as_of))
    files = [one for one in filed["returns"] if one["received_at"] < as_of]
    # "months from the first one any return of the district came for … within a year of it"
    firsts = [one["month_on"] for one in files if local_day(one["received_at"]) < _a_year_on(one["month_on"])]
    of_cell: dict[Key, list[Row]] = defaultdict(list)
    month = min(firsts, default=running)
    while month < running:
        for community, its_district in reference.communities.items():
            # "Every community of the reference data owes three sheets a month", whatever it has ever sent
            if its_district == district:
                of_cell.update({(month, district, community, sheet): [] for sheet in SHEETS.values()})
        month = _next(month)
    owed = set(of_cell)
    for one in files:
        if one["month_on"] < running:
            of_cell[one["month_on"], district, one["community_code"], SHEETS[one["sheet"]]].append(one)
    given = _given(filed)
    return {cell: _row(cell[0], its, given, cell in owed, reference, as_of) for cell, its in of_cell.items()}


def _given(filed: Rows) -> set[Key]:
    """The sheets of files of which a row was accepted."""
    known = {(meeting["community_code"], meeting["meeting_no"]) for meeting in filed["meetings"]}
    accepted = [matter for matter in filed["matters"] if (matter["community_code"], matter["meeting_no"]) in known]
    return {(row["file_sha"], "会议") for row in filed["meetings"]} | {(row["file_sha"], "议题") for row in accepted}


def _row(month: dt.date, files: list[Row], given: set[Key], is_expected: bool, reference: Reference, as_of: dt.datetime) -> dict[str, Any]:
    days = [local_day(one["received_at"]) for one in files]
    # "a file none of whose rows is accepted says nothing, unless it states that it has no rows"
    counted = [one for one in files if one["row_count"] == 0 or (one["file_sha"], one["sheet"]) in given]
    newest = max(counted, key=lambda one: (one["received_at"], one["file_sha"]), default=None)
    due_on = _next(month)
    left = DUE_WORKDAY - is_workday(due_on, reference)
    while left:
        due_on += dt.timedelta(days=1)
        left -= is_workday(due_on, reference)
    until_due = [_next(month) + dt.timedelta(days=n) for n in range((due_on - _next(month)).days + 1)]
    came = "on_time" if files and min(days) <= due_on else "late"
    not_come = "missing" if due_on < local_day(as_of) else "not_yet_due"
    # "by the first file, whatever it was corrected to later"
    state = came if counted else not_come
    return {
        "is_expected": is_expected,
        "due_on": due_on,
        "is_due_provisional": any(day.year not in PUBLISHED_YEARS and day not in reference.overrides for day in until_due),
        "state": state,
        "file_count": len(files),
        "first_received_on": min(days, default=None),
        "last_received_on": max(days, default=None),
        "is_complete": bool(counted),
        "row_count": newest and newest["row_count"],
        "expected_count": int(is_expected),
        **{f"{name}_count": int(is_expected and name == state) for name in STATES},
    }


def _next(month: dt.date) -> dt.date:
    return month_of(month + dt.timedelta(days=31))


def _a_year_on(month: dt.date) -> dt.date:
    return month.replace(year=month.year + 1)
