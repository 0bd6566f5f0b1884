"""What came in, whistles, backlog and frequent problems computed the plain way, from docs/marts/cases.md and docs/marts/problems.md."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from .figures import SMALL_SAMPLE_BELOW, percentile, rate, wilson
from .oracle import LEVELS, STATUS_OF_ENDING, WHISTLES_RISING, Case, Key, Round, Row, Rows, by_case, counts, is_out, places_of
from .reference import SHANGHAI, Reference, local_day, month_of

Mart = dict[Key, dict[str, Any]]

CODE_OF_WHISTLE = dict(WHISTLES_RISING)
EMERGENCY_WITHIN = dt.timedelta(minutes=15)
WHISTLE_LEVELS = ("district", "community", "compound", "station", "department", "officer", "category", "item", "channel")
PROBLEM_LEVELS = ("district", "community", "compound", "station")
BANDS = ((0, 2, "0_2"), (3, 5, "3_5"), (6, 7, "6_7"), (8, 15, "8_15"))
VITAL_SHARE = Fraction(80, 100)
RECURS_WITHIN_DAYS = 60
HOURS_OF_A_BAND = 4
HOT_SPOT_Z = 4.417173413469022
# "duplicate precedes invalid precedes withdrawn"
ENDINGS = {"判重": "duplicate_count", "作废": "invalid_count", "撤诉": "withdrawn_count"}
COMPLAINTS = {"居民来电": "resident_call_count", "队员直诉": "officer_line_count", "12345热线": "hotline_12345_count"}
OTHER_CHANNELS = {
    "网格上报": "grid_report_count", "巡查发现": "patrol_finding_count", "议事会": "council_count", "随手拍": "snap_report_count",
}  # fmt: skip
PHASES = {"未诉先办": "before_complaint_count", "应诉即办": "on_complaint_count", "结诉复办": "after_closure_count"}
VOLUMES = (
    "received_count", "case_count", *ENDINGS.values(), "complaint_count", *COMPLAINTS.values(), *OTHER_CHANNELS.values(),
    "other_channel_count", *PHASES.values(), "no_phase_count", "handled_count", "complaint_handled_count", "on_scene_count",
)  # fmt: skip


# ---- mart_case_volume -------------------------------------------------------------------------------------------------


def volume(rows: Rows, cases: Iterable[Case], reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_case_volume by (month, district_code, level, key)."""
    counted = {case.row["case_no"]: case for case in cases}
    steps, whistles = by_case(rows["case_steps"]), by_case(rows["whistles"])
    cells: dict[Key, Counter[str]] = defaultdict(Counter)
    for row in rows["cases"]:
        its = [step for step in steps[row["case_no"]] if step["stepped_at"] < as_of]
        # "A round begins with 上报 (round 1) or 重办 (later rounds)"; a case of which none has begun is not known yet
        if not any(step["step"] == ("上报" if step["round_no"] == 1 else "重办") for step in its):
            continue
        told = ["received_count", COMPLAINTS.get(row["channel"]) or OTHER_CHANNELS.get(row["channel"], "other_channel_count")]
        # "by the channels of vars.complaint_channel_codes, whatever became of it"
        told += ["complaint_count"] if row["channel"] in COMPLAINTS else []
        if is_out(row, steps[row["case_no"]], as_of):
            told.append(_ending(row, steps[row["case_no"]], as_of))
        else:
            told += ["case_count", PHASES.get(row["phase"], "no_phase_count")]
            # "resolved in the latest round before as_of; a reopened case is not, until it is resolved again"
            if counted[row["case_no"]].rounds[-1].resolved_at is not None:
                told += ["handled_count", "complaint_handled_count"] if row["channel"] in COMPLAINTS else ["handled_count"]
            told += ["on_scene_count"] if row["on_scene"] else []
        places = places_of(row, whistles[row["case_no"]], reference, as_of)
        for level in LEVELS:
            cells[month_of(local_day(row["reported_at"])), row["district_code"], level, places[level]].update(told)
    return {cell: {name: found[name] for name in VOLUMES} for cell, found in cells.items()}


def _ending(case: Row, steps: Sequence[Row], as_of: dt.datetime) -> str:
    # "a step … before as_of, or its status is … and no step of the same name lies at or after as_of"
    holds = {s["step"] for s in steps if s["step"] in ENDINGS and s["stepped_at"] < as_of}
    holds |= {step for step, status in STATUS_OF_ENDING.items() if case["status"] == status and step not in {s["step"] for s in steps}}
    return next(name for step, name in ENDINGS.items() if step in holds)


# ---- mart_whistle -----------------------------------------------------------------------------------------------------


def whistle(cases: Iterable[Case], whistles: Iterable[Row], reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_whistle by (month, district_code, level, key, whistle_level_code)."""
    rising = [level for level, _ in WHISTLES_RISING]
    of_case = by_case(whistles)
    cells: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for case in cases:
        # "Order: blown_at, then id."
        blown = sorted((w for w in of_case[case.row["case_no"]] if w["blown_at"] < as_of), key=lambda w: (w["blown_at"], w["whistle_id"]))
        heights = [rising.index(w["level"]) for w in blown]
        for number, (one, height) in enumerate(zip(blown, heights, strict=True)):
            month, told = month_of(local_day(one["blown_at"])), _told(one, as_of)
            # "higher than every earlier whistle of its case, which had one"
            told["is_raise"] = number > 0 and height > max(heights[:number])
            # "followed by a higher whistle of the case"
            told["is_escalated"] = any(later > height for later in heights[number + 1 :])
            keys = [(level, case.places[level]) for level in WHISTLE_LEVELS]
            # "a whistle counts once for each department it called"
            keys += [("called_department", reference.department_codes[name]) for name in set(one["departments_called"])]
            for level, key in keys:
                cells[month, case.row["district_code"], level, key, CODE_OF_WHISTLE[one["level"]]].append(told)
    return {cell: _whistle_row(found) for cell, found in cells.items()}


def _told(one: Row, as_of: dt.datetime) -> dict[str, Any]:
    # "An answer or arrival at or after as_of is none."
    answer, arrival = ((one[name] - one["blown_at"]) if one[name] and one[name] < as_of else None for name in ("answered_at", "arrived_at"))
    # "judged_count arrived, or 15 minutes have passed without an arrival; in_time_count arrived within them … At other levels
    #  nothing is judged." An arrival at the end of the fifteenth minute is within them: passed is what lies wholly before as_of.
    is_emergency = one["level"] == "应急"
    return {
        "answer": answer,
        "arrival": arrival,
        "is_judged": is_emergency and (arrival is not None or one["blown_at"] + EMERGENCY_WITHIN < as_of),
        "is_in_time": is_emergency and arrival is not None and arrival <= EMERGENCY_WITHIN,
    }


def _whistle_row(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    answers, arrivals = ([one[name] / dt.timedelta(minutes=1) for one in found if one[name] is not None] for name in ("answer", "arrival"))
    judged, in_time = (sum(one[name] for one in found) for name in ("is_judged", "is_in_time"))
    escalated = sum(one["is_escalated"] for one in found)
    low, high = wilson(in_time, judged)
    answered_low, answered_high = wilson(len(answers), len(found))
    escalated_low, escalated_high = wilson(escalated, len(found))
    return {
        "answered_low": answered_low,
        "answered_high": answered_high,
        "escalated_low": escalated_low,
        "escalated_high": escalated_high,
        "is_small_sample_of_whistles": len(found) < SMALL_SAMPLE_BELOW,
        "blown_count": len(found),
        "raise_count": sum(one["is_raise"] for one in found),
        "escalated_count": escalated,
        "answered_count": len(answers),
        "arrived_count": len(arrivals),
        "median_answer_minutes": percentile(answers, 0.5),
        "p90_answer_minutes": percentile(answers, 0.9),
        "median_arrival_minutes": percentile(arrivals, 0.5),
        "p90_arrival_minutes": percentile(arrivals, 0.9),
        "judged_count": judged,
        "in_time_count": in_time,
        "answered_rate": rate(len(answers), len(found)),
        "escalated_rate": rate(escalated, len(found)),
        "in_time_rate": rate(in_time, judged),
        "in_time_low": low,
        "in_time_high": high,
        "is_small_sample": judged < SMALL_SAMPLE_BELOW,
    }


# ---- mart_backlog -----------------------------------------------------------------------------------------------------


def backlog(cases: Iterable[Case], reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_backlog by (month, district_code, level, key, age_code)."""
    cells: dict[Key, list[tuple[dt.date, int, bool]]] = defaultdict(list)
    for case in cases:
        for one in case.rounds:
            for day, age, is_suspended in _waiting(one, reference, as_of):
                for level in LEVELS:
                    cell = (month_of(day), case.row["district_code"], level, case.places[level], _band(age))
                    cells[cell].append((day, age, is_suspended))
    return {
        cell: {
            "state_on": found[0][0],
            "open_count": len(found),
            "suspended_count": sum(is_suspended for _, _, is_suspended in found),
            "age_workdays_sum": sum(age for _, age, _ in found),
            "max_age_workdays": max(age for _, age, _ in found),
        }
        for cell, found in cells.items()
    }


def _waiting(one: Round, reference: Reference, as_of: dt.datetime) -> Iterator[tuple[dt.date, int, bool]]:
    """(last day of a month, age then, whether suspended then) of every month at whose end the round was open."""
    # "The rounds open at the end of the month (of the running month: at as_of)"
    last = local_day(as_of) - dt.timedelta(days=1)
    day, age = one.day_0, 0
    while day <= last:
        # "Age: working days strictly after day 0 up to and including D, without suspended days"
        age += day > one.day_0 and counts(day, one.suspensions, reference)
        # "Open at the end of day D: opened on or before D, no 办结反馈 of the round on or before D."
        if one.first_resolved_at is not None and local_day(one.first_resolved_at) <= day:
            return
        following = day + dt.timedelta(days=1)
        if following.day == 1 or day == last:
            # "Suspended then: it began on or before D and ended after D or not yet."
            yield day, age, any(s.covers(day) for s in one.suspensions)
        day = following


def _band(age: int) -> str:
    # "Bands: seed backlog_ages (0-2, 3-5, 6-7, 8-15, over 15)"
    return next((code for low, high, code in BANDS if low <= age <= high), "over_15")


# ---- mart_frequent_problem --------------------------------------------------------------------------------------------


def frequent_problem(cases: Iterable[Case], as_of: dt.datetime) -> Mart:
    """mart_frequent_problem by (month, district_code, level, key, item_code)."""
    # "a case counts once, by its latest round"
    counted = [case for case in cases if case.rounds]
    reported: dict[Key, list[Case]] = defaultdict(list)
    for case in counted:
        for level in PROBLEM_LEVELS:
            reported[_reported_month(case), case.row["district_code"], level, case.places[level]].append(case)
    watched: dict[Key, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for case, ended_on, recurred in _watched(counted, as_of):
        for level in PROBLEM_LEVELS:
            place = (month_of(ended_on), case.row["district_code"], level, case.places[level])
            watched[place][case.places["item"]].append(recurred)
    found: Mart = {}
    for place in reported.keys() | watched.keys():
        here = reported.get(place, [])
        district = reported.get((place[0], place[1], "district", place[1]), [])
        found |= _pareto(place, here, district, watched.get(place, {}))
    return {key: {**row, "is_hot_spot": _is_hot_spot(key, row, found)} for key, row in found.items()}


def _is_hot_spot(key: Key, row: Mapping[str, Any], of_all: Mart) -> bool:
    month, district, level, code, item = key
    # "A district is compared with nothing; nor is what has no place"; "at least LINLI_SMALL_SAMPLE_N cases of the item"
    if level == "district" or code == "none" or row["case_count"] < SMALL_SAMPLE_BELOW:
        return False
    whole = of_all[month, district, "district", district, item]
    elsewhere, all_elsewhere = whole["case_count"] - row["case_count"], whole["place_count"] - row["place_count"]
    if all_elsewhere == 0:
        return False
    here, there = row["case_count"] / row["place_count"], elsewhere / all_elsewhere
    low, _ = wilson(row["case_count"], row["place_count"], HOT_SPOT_Z)
    _, high = wilson(elsewhere, all_elsewhere, HOT_SPOT_Z)
    # "the lower bound of the difference … (Newcombe 1998, method 10)"
    return here - there > math.hypot(here - low, high - there)


def _reported_month(case: Case) -> dt.date:
    return month_of(local_day(case.row["reported_at"]))


def _watched(counted: Sequence[Case], as_of: dt.datetime) -> Iterator[tuple[Case, dt.date, bool]]:
    """(case, last day watched, whether it came back) of every case whose watch is over."""
    same: dict[Key, list[Case]] = defaultdict(list)
    for case in counted:
        same[case.places["district"], case.places["compound"], case.places["item"]].append(case)
    for case in counted:
        resolved_at = case.rounds[-1].resolved_at
        if resolved_at is None:
            continue
        # "watched for 60 days after the local date of that resolution … counted in the month in which the last of these days falls,
        #  once that day has passed"
        ended_on = local_day(resolved_at) + dt.timedelta(days=RECURS_WITHIN_DAYS)
        if ended_on < local_day(as_of):
            # "another counted case of the same compound and item was reported after the instant of the resolution and on or
            #  before the last day"
            again = any(
                other is not case and resolved_at < other.row["reported_at"] and local_day(other.row["reported_at"]) <= ended_on
                for other in same[case.places["district"], case.places["compound"], case.places["item"]]
            )
            yield case, ended_on, again


def _pareto(place: Key, here: Sequence[Case], district: Sequence[Case], watched: Mapping[str, Sequence[bool]]) -> Mart:
    """The rows of one place and month."""
    of_item: dict[str, list[Case]] = {item: [] for item in watched}
    for case in here:
        of_item.setdefault(case.places["item"], []).append(case)
    found: Mart = {}
    before = 0
    # "item_rank by cases, ties by item code"
    for rank, (item, its) in enumerate(sorted(of_item.items(), key=lambda one: (-len(one[1]), one[0])), 1):
        came_back = watched.get(item, ())
        low, high = wilson(sum(came_back), len(came_back))
        levels = Counter(case.places["whistle_level"] for case in its)
        found[*place, item] = {
            "category_code": item.split("-")[0],
            "case_count": len(its),
            **{f"{code}_count": levels[code] for _, code in WHISTLES_RISING},
            "place_count": len(here),
            "item_rank": rank,
            "cumulative_count": before + len(its),
            "share_rate": rate(len(its), len(here)),
            "cumulative_rate": rate(before + len(its), len(here)),
            # "the items ranked before this one hold less than 80 % … Never vital without a case."
            "is_vital": bool(its) and before < VITAL_SHARE * len(here),
            "watched_count": len(came_back),
            "recurrence_count": sum(came_back),
            "recurrence_rate": rate(sum(came_back), len(came_back)),
            "recurrence_low": low,
            "recurrence_high": high,
            "is_small_sample": len(came_back) < SMALL_SAMPLE_BELOW,
            **_hints(place[2], its, district),
        }
        before += len(its)
    return found


def _hints(level: str, its: Sequence[Case], district: Sequence[Case]) -> dict[str, Any]:
    # "the one whose share among the row's cases lies furthest above its share among all cases of the district in the month;
    #  ties by code … Null when no share lies above."
    found: dict[str, Any] = {}
    for name, of in (("hour_band", _hour_band), ("weekday", _weekday), ("channel", _channel), ("compound", _compound)):
        found |= dict.fromkeys((f"{name}_hint", f"{name}_hint_count", f"{name}_hint_excess"))
        # "of the rows with at least LINLI_SMALL_SAMPLE_N cases"; a compound is no hint at its own level
        if len(its) < SMALL_SAMPLE_BELOW or (level, name) == ("compound", "compound"):
            continue
        ours, all_of_them = Counter(map(of, its)), Counter(map(of, district))
        excess = {code: Fraction(n, len(its)) - Fraction(all_of_them[code], len(district)) for code, n in ours.items()}
        code = min(excess, key=lambda code: (-excess[code], code))
        if excess[code] > 0:
            found |= {f"{name}_hint": code, f"{name}_hint_count": ours[code], f"{name}_hint_excess": float(excess[code])}
    return found


def _hour_band(case: Case) -> str:
    # "the band 08-12 holds 08:00 to 11:59"
    first = case.row["reported_at"].astimezone(SHANGHAI).hour // HOURS_OF_A_BAND * HOURS_OF_A_BAND
    return f"{first:02d}-{first + HOURS_OF_A_BAND:02d}"


def _weekday(case: Case) -> str:
    return str(local_day(case.row["reported_at"]).isoweekday())


def _channel(case: Case) -> str:
    return case.places["channel"]


def _compound(case: Case) -> str:
    return case.places["compound"]
