"""Rows written by hand for the tests of the oracle, short to read: a step, a call, a case, and one round made of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from . import oracle
from .reference import SHANGHAI, Reference

REFERENCE = Reference(
    community_of={"X01": "C01", "X02": "C02"},
    station_of={"X01": "S01", "X02": "S02"},
    category_of={"1-01": "1", "4-02": "4"},
    department_codes={"城管": "urban_management", "消防": "fire"},
    channel_codes={"居民来电": "resident_call"},
)
LATER = dt.datetime(2029, 1, 1, tzinfo=SHANGHAI)


def at(text: str) -> dt.datetime:
    """A moment in Shanghai, as '2026-10-16 21:00'; with 24:00 as the midnight after."""
    day, time = text.split(" ")
    if time == "24:00":
        return dt.datetime.fromisoformat(f"{day} 00:00").replace(tzinfo=SHANGHAI) + dt.timedelta(days=1)
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def on(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def steps(*told: str, round_no: int = 1, case_no: str = "K1", first_id: int = 1) -> list[dict[str, Any]]:
    """Steps from '上报 2026-10-16 21:00', numbered in the order given."""
    found = []
    for number, text in enumerate(told, first_id):
        step, moment = text.split(" ", 1)
        found.append({"step_id": number, "case_no": case_no, "round_no": round_no, "step": step, "stepped_at": at(moment)})
    return found


def call(number: int, side: str, moment: str, outcome: str = "接通", verdict: str = "yes 5 5", **more: Any) -> dict[str, Any]:
    solved, department, officer = verdict.split(" ")
    reached = outcome == "接通"
    return {
        "callback_id": number, "case_no": "K1", "round_no": 1, "side": side, "called_at": at(moment), "outcome": outcome,
        "solved": solved == "yes" if reached else None, "department_score": int(department) if reached else None,
        "officer_score": int(officer) if reached else None, **more,
    }  # fmt: skip


def case(case_no: str = "K1", **more: Any) -> dict[str, Any]:
    return {
        "case_no": case_no, "district_code": "340405", "compound_code": "X01", "station_code": None, "lead_department": "城管",
        "officer_no": "E001", "item_code": "1-01", "channel": "居民来电", "status": "处置中", "reported_at": at("2026-10-16 21:00"), **more,
    }  # fmt: skip


def rows(cases: Any = (), case_steps: Any = (), callbacks: Any = (), whistles: Any = ()) -> dict[str, list[dict[str, Any]]]:
    return {"cases": list(cases), "case_steps": list(case_steps), "callbacks": list(callbacks), "whistles": list(whistles)}


def round_of(*told: str, calls: Any = (), as_of: dt.datetime = LATER, reference: Reference = REFERENCE) -> oracle.Round:
    found = oracle.round_of("K1", 1, steps(*told), list(calls), as_of, reference)
    assert found is not None
    return found


def due(found: oracle.Round) -> list[str | None]:
    """The due dates of accept, resolve and follow-up, without the year."""
    dates = [step.due_on for step in found.steps.values()]
    return [None if date is None else date.strftime("%m-%d") for date in dates]


def states(found: oracle.Round) -> list[str | None]:
    return [step.state for step in found.steps.values()]


RESOLVED = ("上报 2026-10-19 10:00", "受理核实 2026-10-20 10:00", "办结反馈 2026-10-22 10:00")  # follow-up due on Wed 10-28
