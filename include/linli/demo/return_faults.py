"""Bad rows in the monthly returns: wrong for good, or until the community sends a corrected file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

from linli.demo.faults import SHARE, Fault
from linli.demo.history import Row
from linli.demo.meetings import Correction, MonthReturn, correction_time, drops

RECORDS = {"会议": "meeting_returns.meetings", "议题": "meeting_returns.matters", "普法": "meeting_returns.publicity_events"}
NUMBERS = {"会议": "meeting_no", "议题": "matter_no", "普法": "event_no"}
# What tells the second row of a number from the first.
_DIFFERING: dict[str, Row] = {"会议": {"resident_count": 99}, "议题": {"content": "同一编号的另一议题"}, "普法": {"attendee_count": 99}}
Mutation = Callable[[Row], Row]


def _set(column: str, value: object) -> Mutation:
    return lambda row: {**row, column: value}


def _elsewhere(row: Row) -> Row:
    """A compound of the next community over."""
    head, community, compound = row["compound_code"].split("-")
    return {**row, "compound_code": f"{head}-C{int(community[1:]) % 13 + 1:02d}-{compound}"}


_MUTATIONS: dict[str, dict[str, Mutation]] = {
    "会议": {
        "missing_date": _set("met_on", None),
        "impossible_date": _set("met_on", "2026-02-30"),
        "count_text": _set("resident_count", "十几人吧"),
        "wrong_community": _elsewhere,
        "unknown_type": _set("meeting_type", "茶话会"),
    },
    "议题": {
        "unknown_item": _set("item_code", "9-99"),
        "missing_content": _set("content", None),
        "wrong_community": _elsewhere,
        "unknown_department": _set("department", "城建局"),
    },
    "普法": {
        "missing_date": _set("held_on", None),
        "impossible_date": _set("held_on", "2026-02-30"),
        "count_text": _set("attendee_count", "很多"),
        "wrong_community": _elsewhere,
        "unknown_type": _set("event_type", "广场宣传"),
    },
}


def spoil_returns(returns: list[MonthReturn], seed: int, district_code: str) -> list[Fault]:
    """Put bad rows into the returns of one district; return what is wrong and from which upload on."""
    rng = Random(f"{seed}/{district_code}/faults/returns")
    planned: list[tuple[MonthReturn, Correction, str]] = []
    for sheet, mutations in _MUTATIONS.items():
        rows = [(month_return, row) for month_return in returns for row in month_return.rows(sheet)]
        discussed = {row["meeting_no"] for month_return in returns for row in month_return.matters}
        # A meeting whose matters would wait for it is left alone.
        rows = [(month_return, row) for month_return, row in rows if sheet == "议题" or row.get("meeting_no") not in discussed]
        for n, (month_return, row) in enumerate(rng.sample(rows, max(len(mutations), round(len(rows) * SHARE * 1.5)))):
            problem = list(mutations)[n % len(mutations)]
            if any(correction.right is row for correction in month_return.corrections):
                continue
            if rng.random() < 0.45:
                correction = Correction(sheet, problem, mutations[problem](row), row, correction_time(rng, month_return))
            else:
                correction = Correction(sheet, problem, mutations[problem](_another(row, sheet, 80 + n)), None, None)
            month_return.corrections.append(correction)
            planned.append((month_return, correction, str(row[NUMBERS[sheet]]) if correction.right else _number_of(correction)))
        for month_return, row in rng.sample(rows, 2):
            # The same number on two rows: neither can be told to be the one that is meant.
            for twin in (_another(row, sheet, 79), {**_another(row, sheet, 79), **_DIFFERING[sheet]}):
                correction = Correction(sheet, "duplicate_number", twin, None, None)
                month_return.corrections.append(correction)
                planned.append((month_return, correction, _number_of(correction)))
    return [_fault(month_return, correction, key, seed) for month_return, correction, key in planned]


def _another(row: Row, sheet: str, n: int) -> Row:
    """A row of its own beside the good one, that counts for nothing in the account."""
    number = NUMBERS[sheet]
    other = {**row, number: f"{row[number].rsplit('-', 1)[0]}-{n}"}
    if sheet == "会议":
        other |= {"departments": [], "officer_nos": [], "has_enforcement": False}
    if sheet == "议题":
        other |= {"solved_on": None, "case_no": None}
    return other


def _number_of(correction: Correction) -> str:
    return str(correction.wrong[NUMBERS[correction.sheet]])


def _fault(month_return: MonthReturn, correction: Correction, key: str, seed: int) -> Fault:
    number = NUMBERS[correction.sheet]
    appears: datetime = next(
        drop.dropped_at
        for drop in drops(month_return, seed)
        if drop.cut == 1.0 and any(row[number] == key for row in month_return.rows_at(correction.sheet, drop.content_at))
    )
    return Fault(RECORDS[correction.sheet], correction.problem, None, key, appears, correction.corrected_at)
