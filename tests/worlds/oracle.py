"""The clock and the satisfaction computed the slow, plain way from rows of the case system: the other side of every comparison.

Written from the domain's rules alone, one rule a function, with the sentence it implements; nothing here is shared
with the warehouse. Where the rules leave room, the reading is named beside the sentence.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .figures import SMALL_SAMPLE_BELOW, kappa, percentile, rate, wilson
from .reference import PUBLISHED_YEARS, Reference, is_workday, local_day, month_of

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]
Key = tuple[Any, ...]

TARGETS = {"accept": 2, "resolve": 5, "follow_up": 7}
LEVELS = (
    "district", "community", "compound", "station", "department", "officer", "category", "item", "whistle_level", "channel",
)  # fmt: skip
SATISFIED_FROM = 4
STATUS_OF_ENDING = {"作废": "已作废", "撤诉": "已撤诉", "判重": "重复件"}
WHISTLES_RISING = (("宣传", "publicity"), ("应急", "emergency"), ("执法", "enforcement"), ("攻坚", "tough_problem"))


# ---- one round and its clock ------------------------------------------------------------------------------------------


@dataclass
class Suspension:
    """Local dates d with start <= d < end; an end of None is still open."""

    start: dt.date
    end: dt.date | None = None

    def covers(self, day: dt.date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass
class Step:
    """One of accept, resolve, follow_up of a round."""

    name: str
    due_on: dt.date | None
    taken_at: dt.datetime | None
    state: str | None
    workdays: int | None
    is_provisional: bool


@dataclass
class Round:
    """One round of a case as of an instant."""

    case_no: str
    round_no: int
    day_0: dt.date
    suspensions: list[Suspension]
    accepted_at: dt.datetime | None
    first_resolved_at: dt.datetime | None
    resolved_at: dt.datetime | None
    first_reached_at: dict[str, dt.datetime]
    voice: dict[str, Row]
    steps: dict[str, Step]


def suspensions_of(steps: Sequence[Row]) -> list[Suspension]:
    """The suspensions of one round, from its steps in order of time."""
    # "local dates d with suspended-on <= d < resumed-on do not count …; (an open suspension stops the clock from its day on)"
    # "a 办结反馈 ends a suspension still open."
    found: list[Suspension] = []
    for step in steps:
        is_open = bool(found) and found[-1].end is None
        if step["step"] == "挂起" and not is_open:
            found.append(Suspension(local_day(step["stepped_at"])))
        elif step["step"] in ("恢复", "办结反馈") and is_open:
            found[-1].end = local_day(step["stepped_at"])
    return found


def counts(day: dt.date, suspensions: Sequence[Suspension], reference: Reference) -> bool:
    """Whether `day` is a working day of that round."""
    return is_workday(day, reference) and not any(s.covers(day) for s in suspensions)


def due_on(day_0: dt.date, n: int, suspensions: Sequence[Suspension], reference: Reference) -> dt.date | None:
    """The n-th counted working day after day 0; None when the clock stands still before it is reached."""
    # "Day 0 is the local date of the report; day n is the nth working day strictly after it"
    day, counted = day_0, 0
    while counted < n:
        day += dt.timedelta(days=1)
        if any(s.end is None and s.start <= day for s in suspensions):
            return None
        counted += counts(day, suspensions, reference)
    return day


def workdays_between(day_0: dt.date, taken_on: dt.date, suspensions: Sequence[Suspension], reference: Reference) -> int:
    """Counted working days in (day 0, the day the step was taken]."""
    days = ((day_0 + dt.timedelta(days=i)) for i in range(1, (taken_on - day_0).days + 1))
    return sum(counts(day, suspensions, reference) for day in days)


def is_provisional(day_0: dt.date, due: dt.date | None, reference: Reference) -> bool:
    """Whether a due date touches a day that may yet turn out otherwise."""
    # "Days of a year not yet published are provisional …, and every due date that touches one is flagged and restated once the year
    #  is known": it touches the days after day 0 up to itself. A day that the deployment has decided is not restated, so it is not one.
    touched = [] if due is None else [day_0 + dt.timedelta(days=i) for i in range(1, (due - day_0).days + 1)]
    return any(day.year not in PUBLISHED_YEARS and day not in reference.overrides for day in touched)


def state_of(due: dt.date | None, taken_at: dt.datetime | None, as_of: dt.datetime) -> str | None:
    """on_time, late, open or overdue; None for a step already taken that has no due date to be judged by."""
    if taken_at is not None:
        if due is None:
            return None
        # "a step is on time if its local date is on or before its due date"
        return "on_time" if local_day(taken_at) <= due else "late"
    # "a due date has passed when it is before the local date of as_of"; "A step not yet taken whose due date has not
    #  passed (or that has none, the clock standing still) is open, afterwards overdue."
    has_passed = due is not None and due < local_day(as_of)
    return "overdue" if has_passed else "open"


def round_of(
    case_no: str, round_no: int, steps: Sequence[Row], callbacks: Sequence[Row], as_of: dt.datetime, reference: Reference
) -> Round | None:
    """The round from its own steps and callbacks; None when it has not begun."""
    # "Every run has as_of": what happens at or after it is not known yet.
    steps = sorted((s for s in steps if s["stepped_at"] < as_of), key=lambda s: (s["stepped_at"], s["step_id"]))
    # "a round's day 0 is the local date of its 上报 (round 1) or 重办 (later rounds) step"
    opening = "上报" if round_no == 1 else "重办"
    begun = [s for s in steps if s["step"] == opening]
    if not begun:
        return None
    day_0 = local_day(begun[0]["stepped_at"])
    # "the first 受理核实 and the last 办结反馈 of a round are its acceptance and resolution."
    accepted_at = next((s["stepped_at"] for s in steps if s["step"] == "受理核实"), None)
    resolutions = [s["stepped_at"] for s in steps if s["step"] == "办结反馈"]
    first_resolved_at, resolved_at = (resolutions[0], resolutions[-1]) if resolutions else (None, None)
    suspensions = suspensions_of(steps)

    first_reached_at: dict[str, dt.datetime] = {}
    voice: dict[str, Row] = {}
    for call in sorted(callbacks, key=lambda c: (c["called_at"], c["callback_id"])):
        # "a callback before the resolution it judges is a bad submission": read as not counted for the round.
        judges = resolved_at is not None and resolved_at <= call["called_at"] < as_of
        if judges and call["outcome"] == "接通":
            first_reached_at.setdefault(call["side"], call["called_at"])
            # "The latest reached callback of a side is that side's voice"
            voice[call["side"]] = call
    # "Follow-up is taken at the first moment both sides have been reached."
    both = len(first_reached_at) == 2
    taken = {
        "accept": accepted_at,
        "resolve": resolved_at,
        "follow_up": max(first_reached_at.values()) if both else None,
    }
    found = {}
    for name, n in TARGETS.items():
        due, taken_at = due_on(day_0, n, suspensions, reference), taken[name]
        worked = None if taken_at is None else workdays_between(day_0, local_day(taken_at), suspensions, reference)
        found[name] = Step(name, due, taken_at, state_of(due, taken_at, as_of), worked, is_provisional(day_0, due, reference))
    return Round(case_no, round_no, day_0, suspensions, accepted_at, first_resolved_at, resolved_at, first_reached_at, voice, found)


# ---- cases ------------------------------------------------------------------------------------------------------------


def is_out(case: Row, steps: Sequence[Row], as_of: dt.datetime) -> bool:
    """Whether the case is withdrawn, invalid or a duplicate."""
    # "rounds of withdrawn, invalid and duplicate cases are left out."
    endings = [s for s in steps if s["step"] in STATUS_OF_ENDING]
    if any(s["stepped_at"] < as_of for s in endings):
        return True
    # "`as_of` is an instant (the end of the loaded interval)": a status that the case reaches by a step after it is not reached yet;
    # of one without such a step nobody knows since when it holds, so it is read as holding.
    to_come = {STATUS_OF_ENDING[s["step"]] for s in endings}
    return case["status"] in STATUS_OF_ENDING.values() and case["status"] not in to_come


def whistle_level(whistles: Iterable[Row], as_of: dt.datetime) -> str | None:
    """The highest level blown for a case."""
    # "A case may be whistled several times, rising in level."
    blown = {w["level"] for w in whistles if w["blown_at"] < as_of}
    return next((code for level, code in reversed(WHISTLES_RISING) if level in blown), None)


def places_of(case: Row, whistles: Iterable[Row], reference: Reference, as_of: dt.datetime) -> dict[str, str]:
    """The key of a case at each of the ten levels; 'none' where it has none."""
    compound = case["compound_code"]
    keys = {
        "district": case["district_code"],
        "community": reference.community_of.get(compound),
        "compound": compound,
        "station": case["station_code"] or reference.station_on(compound, local_day(case["reported_at"])),
        "department": reference.department_codes.get(case["lead_department"]),
        "officer": case["officer_no"],
        "category": reference.category_of.get(case["item_code"]),
        "item": case["item_code"],
        "whistle_level": whistle_level(whistles, as_of),
        "channel": reference.channel_codes.get(case["channel"]),
    }
    return {level: keys[level] or "none" for level in LEVELS}


@dataclass
class Case:
    """A case that counts, with its places and every round begun before as_of."""

    row: Row
    places: dict[str, str]
    rounds: list[Round]


def cases_of(rows: Rows, reference: Reference, as_of: dt.datetime) -> list[Case]:
    """Every case that is not out."""
    # "a child row (step, whistle, callback) whose case has not been accepted is held": it is never looked up here.
    steps, callbacks, whistles = (by_case(rows[name]) for name in ("case_steps", "callbacks", "whistles"))
    found = []
    for case in rows["cases"]:
        case_no = case["case_no"]
        if is_out(case, steps[case_no], as_of):
            continue
        # "Every round has its own clock"
        rounds = []
        for round_no in sorted({s["round_no"] for s in steps[case_no]}):
            its_steps = [s for s in steps[case_no] if s["round_no"] == round_no]
            its_calls = [c for c in callbacks[case_no] if c["round_no"] == round_no]
            one = round_of(case_no, round_no, its_steps, its_calls, as_of, reference)
            if one is not None:
                rounds.append(one)
        found.append(Case(case, places_of(case, whistles[case_no], reference, as_of), rounds))
    return found


def by_case(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows grouped by their case."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["case_no"]].append(row)
    return grouped


# ---- the two marts ----------------------------------------------------------------------------------------------------


def clock(cases: Iterable[Case]) -> dict[Key, dict[str, Any]]:
    """mart_clock_257 by (month, district_code, level, key, step)."""
    cells: dict[Key, list[Step]] = defaultdict(list)
    for case in cases:
        for one in case.rounds:
            for name, step in one.steps.items():
                if step.due_on is not None:
                    # "by the month in which the step falls due"
                    for level, key in case.places.items():
                        cells[month_of(step.due_on), case.row["district_code"], level, key, name].append(step)
    return {cell: _clock_row(steps) for cell, steps in cells.items()}


def _clock_row(steps: Sequence[Step]) -> dict[str, Any]:
    states = [step.state for step in steps]
    on_time, late, overdue, still_open = (states.count(state) for state in ("on_time", "late", "overdue", "open"))
    # "On-time rate = on time / (on time + late + overdue) …; beside it, for comparison only, closed-only = on time / (on time + late)"
    judged, closed = on_time + late + overdue, on_time + late
    low, high = wilson(on_time, judged)
    closed_low, closed_high = wilson(on_time, closed)
    taken = [step.workdays for step in steps if step.workdays is not None]
    return {
        "due_count": len(steps),
        "on_time_count": on_time,
        "late_count": late,
        "overdue_count": overdue,
        "open_count": still_open,
        "judged_count": judged,
        "closed_count": closed,
        "provisional_count": sum(step.is_provisional for step in steps),
        "on_time_rate": rate(on_time, judged),
        # "always with n, the Wilson 95% interval, and a small-sample flag (n < 10)"
        "on_time_low": low,
        "on_time_high": high,
        "is_small_sample": judged < SMALL_SAMPLE_BELOW,
        "closed_only_rate": rate(on_time, closed),
        "closed_only_low": closed_low,
        "closed_only_high": closed_high,
        "is_small_sample_of_closed": closed < SMALL_SAMPLE_BELOW,
        "median_workdays": percentile(taken, 0.5),
        "p90_workdays": percentile(taken, 0.9),
    }


@dataclass
class Judgement:
    """What the two callbacks say of one resolved case."""

    resolved_on: dt.date
    is_matured: bool
    is_both_reached: bool
    is_double_called: bool
    is_satisfied: dict[str, bool]


def is_satisfied(call: Row) -> bool:
    """Whether a reached side is content."""
    # "a side is satisfied if it says solved and both its scores are >= 4"
    scores = (call["department_score"], call["officer_score"])
    return bool(call["solved"]) and all(score is not None and score >= SATISFIED_FROM for score in scores)


def judgement(case: Case, as_of: dt.datetime) -> Judgement | None:
    """The satisfaction of a case by its latest round; None while that is not resolved."""
    # "For cases resolved in the month, not withdrawn, invalid or duplicate, latest round"
    if not case.rounds or case.rounds[-1].resolved_at is None:
        return None
    latest = case.rounds[-1]
    follow_up = latest.steps["follow_up"]
    # "matured: the 7-working-day follow-up date has passed, or both sides are already reached."
    has_passed = follow_up.due_on is not None and follow_up.due_on < local_day(as_of)
    # "double-called: both sides reached on or before the follow-up due date."; without a due date nothing is late.
    # "Late callbacks still count as that side's voice but not for coverage in time"
    in_time = follow_up.taken_at is not None and (follow_up.due_on is None or local_day(follow_up.taken_at) <= follow_up.due_on)
    assert latest.resolved_at is not None
    return Judgement(
        local_day(latest.resolved_at),
        has_passed or follow_up.taken_at is not None,
        follow_up.taken_at is not None,
        in_time,
        {side: is_satisfied(call) for side, call in latest.voice.items()},
    )


def satisfaction(cases: Iterable[Case], as_of: dt.datetime) -> dict[Key, dict[str, Any]]:
    """mart_two_callback_satisfaction by (month, district_code, level, key)."""
    cells: dict[Key, list[Judgement]] = defaultdict(list)
    for case in cases:
        judged = judgement(case, as_of)
        if judged is not None:
            for level, key in case.places.items():
                cells[month_of(judged.resolved_on), case.row["district_code"], level, key].append(judged)
    return {cell: _satisfaction_row(judged) for cell, judged in cells.items()}


def _satisfaction_row(judged: Sequence[Judgement]) -> dict[str, Any]:
    matured = sum(j.is_matured for j in judged)
    # "satisfaction = double-satisfied / double-called": a share, so both are read of the double-called cases only.
    called = [(j.is_satisfied["组织"], j.is_satisfied["居民"]) for j in judged if j.is_double_called]
    both, org_only, resident_only, neither = (called.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))
    low, high = wilson(both, len(called))
    coverage_low, coverage_high = wilson(len(called), matured)
    strict_low, strict_high = wilson(both, matured)
    return {
        "eligible_count": len(judged),
        "matured_count": matured,
        # "Others are pending and stay out of every rate."
        "pending_count": len(judged) - matured,
        # "Late callbacks still count as that side's voice but not for coverage in time; both figures are kept."
        "both_reached_count": sum(j.is_both_reached for j in judged),
        "double_called_count": len(called),
        "double_satisfied_count": both,
        # "disagreement: one side satisfied and the other not; its two directions are told apart"
        "org_yes_resident_no_count": org_only,
        "org_no_resident_yes_count": resident_only,
        "neither_satisfied_count": neither,
        # "coverage = double-called / matured"
        "coverage_rate": rate(len(called), matured),
        # "always with n, the Wilson 95% interval": each of the three rates by its own n
        "coverage_low": coverage_low,
        "coverage_high": coverage_high,
        "satisfaction_rate": rate(both, len(called)),
        # "strict satisfaction = double-satisfied / matured (nobody reached counts against)."
        "strict_satisfaction_rate": rate(both, matured),
        "strict_satisfaction_low": strict_low,
        "strict_satisfaction_high": strict_high,
        "satisfaction_low": low,
        "satisfaction_high": high,
        # "a small-sample flag (n < 10)"
        "is_small_sample": len(called) < SMALL_SAMPLE_BELOW,
        "cohen_kappa": kappa(both, org_only, resident_only, neither),
    }


def marts(cases: Iterable[Case], as_of: dt.datetime) -> dict[str, dict[Key, dict[str, Any]]]:
    """Both marts, complete, from the cases that count."""
    return {"mart_clock_257": clock(cases), "mart_two_callback_satisfaction": satisfaction(cases, as_of)}
