"""The demo's own books: the figures that a right reading of the sources must give, and every bad submission."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime

from linli.demo.cases import COMPLAINT_CHANNELS, HANDLED_STATUSES, INVALID_STATUSES
from linli.demo.history import Row
from linli.demo.meetings import COUNCIL_TYPES

# The column by whose local month the rows of a record are counted.
MONTH_OF = {
    "case_system.cases": "reported_at",
    "case_system.case_steps": "stepped_at",
    "case_system.whistles": "blown_at",
    "case_system.callbacks": "called_at",
    "case_system.consultations": "consulted_at",
    "patrol_app.patrols": "started_at",
    "patrol_app.snaps": "taken_at",
    "patrol_app.disputes": "raised_at",
    "meeting_returns.meetings": "met_on",
    "meeting_returns.matters": "heard_on",
    "meeting_returns.publicity_events": "held_on",
    "points_ledger.residents": "joined_on",
    "points_ledger.ledger_entries": "entered_at",
}


@dataclass(frozen=True)
class BadSubmission:
    """One bad row: what is wrong, since when, and since when it is right again (None: it still stands)."""

    record: str
    key: str
    problem: str
    appeared_at: str
    corrected_at: str | None


@dataclass(frozen=True)
class Books:
    """The books at the end of `until`.

    `account`: the figures of the programme's account, `until`'s year to date, over all districts; `account_by_district`
    the same per district code. `counts`: good rows per record and month ('2026-10'). `held`: keys of rows that wait for
    a parent. `deleted`: keys that were hard-deleted (PostgreSQL) or marked deleted (patrol app) so far.
    `bad_files`: uploads that broke off, by file name, with the moment of the complete one.
    """

    seed: int
    scale: int
    until: str
    account: dict[str, float]
    account_by_district: dict[str, dict[str, float]]
    counts: dict[str, dict[str, int]]
    bad: list[BadSubmission]
    bad_files: list[BadSubmission]
    held: dict[str, list[str]]
    deleted: dict[str, list[str]]
    file_count: int

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Books:
        values = json.loads(text)
        for name in ("bad", "bad_files"):
            values[name] = [BadSubmission(**entry) for entry in values[name]]
        return cls(**values)


def account(rows: dict[str, list[Row]], until: date) -> dict[str, float]:
    """The account's figures for `until`'s year to date from good rows by record (docs/demo.md gives them as SQL)."""
    this_year = [row for row in rows["case_system.cases"] if row["reported_at"].year == until.year]
    valid = [row for row in this_year if row["status"] not in INVALID_STATUSES]
    complaints = _complaints(this_year)
    before = [row for row in rows["case_system.cases"] if row["reported_at"].year == until.year - 1]
    before = [row for row in before if (row["reported_at"].month, row["reported_at"].day) <= (until.month, until.day)]
    last_year = _complaints(before)
    patrols = [row for row in rows["patrol_app.patrols"] if row["started_at"].year == until.year]
    person_times = sum(_person_times(row) for row in patrols)
    council = [row for row in rows["meeting_returns.meetings"] if row["meeting_type"] in COUNCIL_TYPES]
    return {
        "meetings": sum(row["has_enforcement"] and row["met_on"].year == until.year for row in council),
        "matters_solved": sum(_year(row["solved_on"]) == until.year for row in rows["meeting_returns.matters"]),
        "on_scene": sum(row["on_scene"] for row in valid),
        "problems_handled": sum(row["status"] in HANDLED_STATUSES for row in valid if row["channel"] in COMPLAINT_CHANNELS),
        "complaints": complaints,
        "complaints_last_year": last_year,
        "complaints_change": round(complaints / last_year - 1, 4) if last_year else 0.0,
        "volunteer_person_times": person_times,
        "volunteer_person_times_a_month": round(person_times / until.month, 1),
        "disputes_defused": sum(_year(row["defused_at"]) == until.year for row in rows["patrol_app.disputes"]),
        "publicity_events": sum(row["held_on"].year == until.year for row in rows["meeting_returns.publicity_events"]),
        "lead_residents": sum(row["is_lead"] for row in rows["points_ledger.residents"]),
        "snap_reports": sum(row["taken_at"].year == until.year for row in rows["patrol_app.snaps"]),
    }


def _complaints(rows: list[Row]) -> int:
    return sum(row["channel"] in COMPLAINT_CHANNELS for row in rows)


def _person_times(patrol: Row) -> int:
    return sum(participant["role"] == "志愿者" for participant in patrol["participants"])


def _year(moment: date | datetime | None) -> int | None:
    return moment.year if moment else None


def month_counts(name: str, rows: Iterable[Row]) -> dict[str, int]:
    months = Counter(f"{row[MONTH_OF[name]]:%Y-%m}" for row in rows)
    return dict(sorted(months.items()))
