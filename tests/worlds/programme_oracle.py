"""Patrols, disputes and snap reports computed the plain way, from docs/marts/patrols.md."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .case_oracle import Mart
from .figures import SMALL_SAMPLE_BELOW, rate, wilson
from .oracle import Case, Key, Row, Rows, by_case, is_out
from .reference import Reference, local_day, month_of

CHECKLISTS = {
    "安全隐患": "safety_hazards_completed_count", "环境卫生": "sanitation_completed_count", "违规经营": "illegal_business_completed_count",
}  # fmt: skip
CHILDREN = ("patrol_participants", "patrol_checklists", "patrol_findings")
DUTIES = {"事前预警": "warn_before_count", "事中劝导": "dissuade_during_count", "事后监督": "watch_after_count"}
DISPOSITIONS = {"当场解决": "fixed_on_the_spot_count", "提交共议": "joint_discussion_count", "转办立案": "filed_as_case_count"}
SNAPS = {"采纳": "snap_adopted_count", "不采纳": "snap_not_adopted_count", "转办": "snap_passed_on_count"}
COMPLAINT_CHANNELS = {"居民来电", "队员直诉", "12345热线"}
PATROLS_OWED, DEPARTMENTS_NEEDED, COMPLAINT_DAYS = 2, 2, 30
PLACE_LEVELS = ("district", "community", "compound", "station")


def places_on(compound: str, day: dt.date, reference: Reference) -> dict[str, str]:
    """The key of what happens at a compound at each level of places."""
    # "What happens at a compound belongs to the station that covered it that day"
    return {
        "district": reference.district_of[compound],
        "community": reference.community_of[compound],
        "compound": compound,
        "station": reference.station_on(compound, day) or "none",
    }


def months_from(first: dt.date, as_of: dt.datetime) -> list[dt.date]:
    """The months from that of `first` up to the last one begun before as_of."""
    month, found = month_of(first), []
    while month < local_day(as_of):
        found.append(month)
        month = month_of(month + dt.timedelta(days=31))
    return found


def last_day_known(month: dt.date, as_of: dt.datetime) -> dt.date:
    """The end of the month; of the running one the last day before as_of."""
    end = month_of(month + dt.timedelta(days=31)) - dt.timedelta(days=1)
    return min(end, local_day(as_of) - dt.timedelta(days=1))


def has_passed(month: dt.date, as_of: dt.datetime) -> bool:
    """Whether the whole month lies before as_of."""
    return month_of(month + dt.timedelta(days=31)) <= local_day(as_of)


# ---- mart_patrol ------------------------------------------------------------------------------------------------------


class Tally:
    """Counts by (month, district_code, level, key)."""

    def __init__(self) -> None:
        self.cells: dict[Key, Counter[str]] = defaultdict(Counter)

    def add(self, month: dt.date, places: Mapping[str, str], **what: int) -> None:
        """Counts the same at every level of places."""
        for level in PLACE_LEVELS:
            self.cells[month, places["district"], level, places[level]].update(what)


@dataclass(frozen=True)
class CaseBook:
    """What the patrols need to know of the cases."""

    counted: Mapping[str, Case]
    left_out: frozenset[str]
    complaints: Mapping[tuple[str, str], Sequence[dt.datetime]]

    @classmethod
    def of(cls, rows: Rows, cases: Iterable[Case], as_of: dt.datetime) -> CaseBook:
        """From the current rows and the cases that count."""
        steps = by_case(rows["case_steps"])
        complaints: dict[tuple[str, str], list[dt.datetime]] = defaultdict(list)
        for case in rows["cases"]:
            # "A complaint is a case by one of vars.complaint_channel_codes, whatever became of it; its report is the opening of round 1."
            its = [s for s in steps[case["case_no"]] if s["stepped_at"] < as_of]
            opened = [s["stepped_at"] for s in its if s["step"] == "上报" and s["round_no"] == 1]
            if case["channel"] in COMPLAINT_CHANNELS and opened:
                complaints[case["compound_code"], case["item_code"]].append(min(opened))
        out = frozenset(c["case_no"] for c in rows["cases"] if is_out(c, steps[c["case_no"]], as_of))
        return cls({case.row["case_no"]: case for case in cases}, out, complaints)

    def is_settled(self, case_no: str | None) -> bool:
        """Whether the case is resolved in its latest round, or left out."""
        case = self.counted.get(case_no or "")
        return case_no in self.left_out or (case is not None and bool(case.rounds) and case.rounds[-1].resolved_at is not None)

    def was_complained_of(self, compound: str, item: str, found_at: dt.datetime) -> bool:
        """Whether somebody had complained before the patrol found it."""
        # "with a report before found_at and a local date of report not before the day of finding minus 30"
        earliest = local_day(found_at) - dt.timedelta(days=COMPLAINT_DAYS)
        return any(at < found_at and local_day(at) >= earliest for at in self.complaints.get((compound, item), ()))


def patrol(rows: Rows, book: CaseBook, reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_patrol by (month, district_code, level, key)."""
    tally = Tally()
    compliant: Counter[tuple[dt.date, str]] = Counter()
    firsts: dict[str, dt.date] = {}
    findings: dict[str, list[tuple[Row, Row]]] = defaultdict(list)

    def happened(row: Row, at: dt.datetime, **what: int) -> None:
        district = row["district_code"]
        firsts[district] = min(firsts.get(district, dt.date.max), local_day(at))
        tally.add(month_of(local_day(at)), places_on(row["compound_code"], local_day(at), reference), **what)

    children: dict[str, dict[str, list[Row]]] = {name: defaultdict(list) for name in CHILDREN}
    for name, of_patrol in children.items():
        for row in rows[name]:
            of_patrol[row["patrol_id"]].append(row)
    for one in rows["patrols"]:
        if one["started_at"] < as_of:
            its = {name: of_patrol[one["patrol_id"]] for name, of_patrol in children.items()}
            told = _patrol(one, its["patrol_participants"], its["patrol_checklists"])
            happened(one, one["started_at"], **told)
            compliant[month_of(local_day(one["started_at"])), one["compound_code"]] += told.get("compliant_patrol_count", 0)
            findings[one["district_code"]] += [(one, finding) for finding in its["patrol_findings"] if finding["found_at"] < as_of]
    for dispute in rows["disputes"]:
        if dispute["raised_at"] < as_of:
            happened(dispute, dispute["raised_at"], dispute_raised_count=1)
            # "by the month of the raising, of the defusing"; the station is that of the day it was raised
            if dispute["defused_at"] is not None and dispute["defused_at"] < as_of:
                places = places_on(dispute["compound_code"], local_day(dispute["raised_at"]), reference)
                tally.add(month_of(local_day(dispute["defused_at"])), places, dispute_defused_count=1)
    for snap in rows["snaps"]:
        if snap["taken_at"] < as_of:
            happened(snap, snap["taken_at"], snap_count=1, **{SNAPS[snap["status"]]: 1})
    for one, finding in (pair for of_district in findings.values() for pair in of_district):
        # "findings by their patrol" for the station, "by the month found"
        places = places_on(one["compound_code"], local_day(one["started_at"]), reference)
        tally.add(month_of(local_day(finding["found_at"])), places, **_finding(one, finding, book, as_of))
    _owe(tally, firsts, compliant, reference, as_of)
    _cases(tally, firsts, book.counted.values())
    return {cell: _patrol_row(cell[0], counted, as_of) for cell, counted in tally.cells.items()}


def _patrol(one: Row, participants: Sequence[Row], checklists: Sequence[Row]) -> dict[str, int]:
    # "participants with the role 志愿者, of either kind of patrol; summed, the person-times"
    found = {"volunteer_person_times": sum(p["role"] == "志愿者" for p in participants)}
    if one["kind"] == "志愿":
        return found | {"volunteer_patrol_count": 1, DUTIES[one["duty"]]: 1}
    # "different department of the participants with the role 队员, as the patrol records them"
    several = len({p["department"] for p in participants if p["role"] == "队员"}) >= DEPARTMENTS_NEEDED
    completed = {c["kind"] for c in checklists if c["completed"]}
    three = completed == set(CHECKLISTS)
    # "A joint patrol counts … only with all three checklists completed and at least two departments present"
    return found | {
        "joint_patrol_count": 1,
        "compliant_patrol_count": int(three and several),
        "three_in_one_count": int(three),
        "several_departments_count": int(several),
        "completed_checklist_count": len(completed),
        # "joint_patrol_count less it are the joint patrols that skipped it"
        **{CHECKLISTS[kind]: 1 for kind in completed},
    }


def _finding(one: Row, finding: Row, book: CaseBook, as_of: dt.datetime) -> dict[str, int]:
    is_carried_over = finding["disposition"] != "当场解决"
    # "carried over, has no fixed_at, and its case is not known, or neither resolved in its latest round nor left out"
    is_fixed = finding["fixed_at"] is not None and finding["fixed_at"] < as_of
    is_open = is_carried_over and not is_fixed and not book.is_settled(finding["case_no"])
    return {
        "finding_count": 1,
        DISPOSITIONS[finding["disposition"]]: 1,
        "carried_over_count": int(is_carried_over),
        "still_open_count": int(is_open),
        "before_complaint_finding_count": int(not book.was_complained_of(one["compound_code"], finding["item_code"], finding["found_at"])),
    }


def _owe(
    tally: Tally, firsts: Mapping[str, dt.date], compliant: Counter[tuple[dt.date, str]], reference: Reference, as_of: dt.datetime
) -> None:
    # "From the first month in which a district has a patrol, dispute or snap report, up to the last month begun before as_of, every
    #  compound of the reference data owes 2 compliant joint patrols in every month"
    for compound, district in reference.district_of.items():
        if district in firsts:
            for month in months_from(firsts[district], as_of):
                # "to the station that covered the compound on the last day of the month that has passed"
                places = places_on(compound, last_day_known(month, as_of), reference)
                fulfilled = min(compliant[month, compound], PATROLS_OWED)
                tally.add(
                    month, places, compound_count=1, compliant_compound_count=int(fulfilled == PATROLS_OWED),
                    required_patrol_count=PATROLS_OWED, fulfilled_patrol_count=fulfilled,
                )  # fmt: skip


def _cases(tally: Tally, firsts: Mapping[str, dt.date], cases: Iterable[Case]) -> None:
    # "of mart_case_volume: cases by month of report, those in the phase 未诉先办"
    for case in cases:
        month, first = month_of(local_day(case.row["reported_at"])), firsts.get(case.row["district_code"])
        # "cases reported before that first month are in mart_case_volume alone"
        if case.rounds and first is not None and month >= month_of(first):
            tally.add(month, case.places, case_count=1, before_complaint_case_count=int(case.row["phase"] == "未诉先办"))


PATROL_COUNTS = (
    "compound_count", "compliant_compound_count", "required_patrol_count", "fulfilled_patrol_count", "joint_patrol_count",
    "compliant_patrol_count", "three_in_one_count", "several_departments_count", "completed_checklist_count", *CHECKLISTS.values(),
    "volunteer_patrol_count", *DUTIES.values(), "volunteer_person_times", "finding_count", *DISPOSITIONS.values(),
    "carried_over_count", "still_open_count",
    "before_complaint_finding_count", "case_count", "before_complaint_case_count", "dispute_raised_count", "dispute_defused_count",
    "snap_count", *SNAPS.values(),
)  # fmt: skip


def _patrol_row(month: dt.date, counted: Counter[str], as_of: dt.datetime) -> dict[str, Any]:
    row: dict[str, Any] = {name: counted[name] for name in PATROL_COUNTS} | {"is_complete": has_passed(month, as_of)}
    for name, part, whole, flag in (
        ("compliance", "compliant_compound_count", "compound_count", "is_small_sample"),
        ("fulfilled", "fulfilled_patrol_count", "required_patrol_count", "is_small_sample_of_required_patrols"),
        ("fixed_on_the_spot", "fixed_on_the_spot_count", "finding_count", "is_small_sample_of_findings"),
        ("before_complaint_finding", "before_complaint_finding_count", "finding_count", "is_small_sample_of_findings"),
        ("before_complaint_case", "before_complaint_case_count", "case_count", "is_small_sample_of_cases"),
    ):
        row[f"{name}_rate"] = rate(row[part], row[whole])
        row[f"{name}_low"], row[f"{name}_high"] = wilson(row[part], row[whole])
        row[flag] = row[whole] < SMALL_SAMPLE_BELOW
    return row
