"""Matters of the returns, points of the ledger and leads computed the plain way, from docs/marts/meetings.md and docs/marts/points.md."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .case_oracle import Mart
from .figures import SMALL_SAMPLE_BELOW, percentile, rate, wilson
from .oracle import Key, Row, Rows
from .programme_oracle import PLACE_LEVELS, has_passed, last_day_known, months_from, places_on
from .reference import Reference, is_workday, local_day, month_of

MATTER_LEVELS = (*PLACE_LEVELS, "department", "category", "item")
RAISED_BY = {"居民": "resident", "社区": "community", "物业": "property_firm", "部门": "department"}
SOLVED_WITHIN_WORKDAYS = 20
EARNED = {"调解": "mediation", "议事": "deliberation", "隐患上报": "hazard_report", "随手拍": "snap_report"}
REDEEMED = {"兑换实物": "goods", "兑换代办": "errand", "兑换活动": "activity"}
RESIDENT_KINDS = {"退休党员": "retired_member", "学生": "student", "其他": "other"}
SMALL_GROUP_BELOW = 5


# ---- mart_matter ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Matter:
    """A matter of a current return with its places and the working days between its days."""

    row: Row
    places: Mapping[str, str]
    raised_on: dt.date
    hearing: int | None
    solving: int | None
    whole: int | None
    is_solved_in_time: bool | None


def matter(returns: Rows, reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_matter by (month, district_code, level, key)."""
    meetings = current(returns["returns"], returns["meetings"], "会议")
    known = {(m["community_code"], m["meeting_no"]) for m in returns["meetings"]}
    # "a matter is counted with the meeting it was raised in": without it the row is held
    accepted = [m for m in returns["matters"] if (m["community_code"], m["meeting_no"]) in known]
    listings: dict[Key, list[Row]] = defaultdict(list)
    for row in current(returns["returns"], accepted, "议题"):
        # "A matter is told by its number and its meeting, which is known by its own number and its return's month"
        month_on = (_meeting_of(row, meetings) or row)["month_on"]
        listings[row["community_code"], month_on, row["meeting_no"], row["matter_no"]].append(row)
    matters = [_matter(_said_together(its, as_of), meetings, reference, as_of) for its in listings.values()]
    # "a matter raised on one [a day not known yet] is left out"
    matters = [one for one in matters if one.raised_on < local_day(as_of)]
    cells: dict[Key, dict[str, list[Matter]]] = defaultdict(lambda: defaultdict(list))
    for one in matters:
        for level in MATTER_LEVELS:
            # "A count belongs to the month its event fell in"
            for event, day in (("raised", one.raised_on), ("heard", one.row["heard_on"]), ("solved", one.row["solved_on"])):
                if day is not None:
                    cells[month_of(day), one.places["district"], level, one.places[level]][event].append(one)
            # "raised in this month or before and not solved in it or before"
            for month in months_from(one.raised_on, as_of):
                end = last_day_known(month, as_of)
                if one.row["solved_on"] is None or one.row["solved_on"] > end:
                    cells[month, one.places["district"], level, one.places[level]]["open"].append(one)
    return {cell: _matter_row(cell[0], found, as_of) for cell, found in cells.items()}


def current(returns: Iterable[Row], given: Iterable[Row], sheet: str) -> list[Row]:
    """The rows of a sheet that count: those of the newest return of their community and month."""
    of_file: dict[str, list[Row]] = defaultdict(list)
    for row in given:
        of_file[row["file_sha"]].append(row)
    newest: dict[Key, Row] = {}
    for one in returns:
        # "A return none of whose rows is accepted … leaves the one before it standing, unless it states that it has no rows."
        if one["sheet"] == sheet and (one["row_count"] == 0 or one["file_sha"] in of_file):
            place = (one["community_code"], one["month_on"])
            # "Of two files written in the same instant, the one with the higher checksum counts"
            newest[place] = max(newest.get(place, one), one, key=lambda r: (r["received_at"], r["file_sha"]))
    return [row for one in newest.values() for row in of_file[one["file_sha"]]]


def _meeting_of(row: Row, meetings: Sequence[Row]) -> Row | None:
    # "the meeting of that number in the return of the same month …, else of the latest earlier month"
    its = [
        m
        for m in meetings
        if (m["community_code"], m["meeting_no"]) == (row["community_code"], row["meeting_no"]) and m["month_on"] <= row["month_on"]
    ]
    return max(its, key=lambda m: m["month_on"]) if its else None


def _said_together(listings: Sequence[Row], as_of: dt.datetime) -> Row:
    """One matter of the rows that list it: what the newest says, and before it the others where it says nothing."""
    said: dict[str, Any] = {}
    for row in sorted(listings, key=lambda row: row["month_on"], reverse=True):
        said = {**row, **{name: value for name, value in said.items() if value is not None}}
    # "The return of its first month keeps it"
    said["month_on"] = min(row["month_on"] for row in listings)
    # "it is heard and solved on the first day any of them gives"; "Days on or after the local date of as_of are not known yet."
    for name in ("heard_on", "solved_on"):
        said[name] = min((row[name] for row in listings if row[name] is not None and row[name] < local_day(as_of)), default=None)
    return said


def _matter(row: Row, meetings: Sequence[Row], reference: Reference, as_of: dt.datetime) -> Matter:
    meeting = _meeting_of(row, meetings)
    # "when there is none, on the first day of the return's month"
    raised_on: dt.date = meeting["met_on"] if meeting else row["month_on"]
    heard_on, solved_on = row["heard_on"], row["solved_on"]

    def workdays(first: dt.date | None, last: dt.date | None) -> int | None:
        # "Working days are those strictly after the first date up to and including the second"
        if first is None or last is None:
            return None
        return sum(is_workday(first + dt.timedelta(days=i), reference) for i in range(1, (last - first).days + 1))

    solving = workdays(heard_on, solved_on)
    in_time: bool | None = None
    if heard_on is not None and solved_on is not None:
        in_time = solving is not None and solving <= SOLVED_WITHIN_WORKDAYS
    elif heard_on is not None:
        # "false as well when it is not solved and at least that many working days after the hearing have passed"
        passed = workdays(heard_on, local_day(as_of) - dt.timedelta(days=1)) or 0
        in_time = False if passed >= SOLVED_WITHIN_WORKDAYS else None
    places = places_on(row["compound_code"], raised_on, reference) | {
        "department": reference.department_codes.get(row["department"], "none"),
        "category": reference.category_of.get(row["item_code"], "none"),
        "item": row["item_code"] or "none",
    }
    return Matter(row, places, raised_on, workdays(raised_on, heard_on), solving, workdays(raised_on, solved_on), in_time)


def _matter_row(month: dt.date, found: Mapping[str, Sequence[Matter]], as_of: dt.datetime) -> dict[str, Any]:
    raised, heard, solved, waiting = (found.get(event, ()) for event in ("raised", "heard", "solved", "open"))
    by = Counter(one.row["raised_by"] for one in raised)
    judged = [one.is_solved_in_time for one in heard if one.is_solved_in_time is not None]
    low, high = wilson(sum(judged), len(judged))
    row: dict[str, Any] = {
        "raised_count": len(raised),
        **{f"raised_by_{code}_count": by[name] for name, code in RAISED_BY.items()},
        "with_case_count": sum(one.row["case_no"] is not None for one in raised),
        "heard_count": len(heard),
        "judged_count": len(judged),
        "solved_in_time_count": sum(judged),
        "solved_count": len(solved),
        "timed_count": sum(one.solving is not None for one in solved),
        "open_count": len(waiting),
        # "of them not heard by then"
        "open_unheard_count": sum(one.row["heard_on"] is None or one.row["heard_on"] > last_day_known(month, as_of) for one in waiting),
        "is_complete": has_passed(month, as_of),
        "solved_in_time_rate": rate(sum(judged), len(judged)),
        "solved_in_time_low": low,
        "solved_in_time_high": high,
        "is_small_sample": len(judged) < SMALL_SAMPLE_BELOW,
    }
    for name, days in (
        ("hearing", [one.hearing for one in heard if one.hearing is not None]),
        ("solving", [one.solving for one in solved if one.solving is not None]),
        ("whole", [one.whole for one in solved if one.whole is not None]),
    ):
        row[f"{name}_workdays_sum"] = sum(days)
        row[f"median_{name}_workdays"], row[f"p90_{name}_workdays"] = percentile(days, 0.5), percentile(days, 0.9)
    return row


# ---- mart_points ------------------------------------------------------------------------------------------------------


def points(rows: Rows, reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_points by (month, district_code, level, key, resident_kind_code)."""
    today = local_day(as_of) - dt.timedelta(days=1)
    # "newest accepted version, not deleted, joined_on before the local date of as_of"; "Compound and kind are those of the newest version"
    residents = {one["resident_no"]: one for one in rows["residents"] if one["joined_on"] <= today}
    entries = [entry for entry in rows["ledger_entries"] if entry["entered_at"] < as_of]
    # "The books of a district open with the month of its first entry"
    firsts: dict[str, dt.date] = {}
    for entry in entries:
        district = residents[entry["resident_no"]]["district_code"]
        firsts[district] = min(firsts.get(district, dt.date.max), month_of(local_day(entry["entered_at"])))
    cells: dict[Key, _Cell] = defaultdict(_Cell)
    for one in residents.values():
        its = [entry for entry in entries if entry["resident_no"] == one["resident_no"]]
        # "from then on every key has its row from the month on in which its first resident joined or its first entry fell"
        own = min((one["joined_on"], *(local_day(entry["entered_at"]) for entry in its)))
        for month in months_from(max(firsts[one["district_code"]], own), as_of) if one["district_code"] in firsts else ():
            # "residents and balance belong to the station that covered the compound on the last day of the month that has passed"
            end = last_day_known(month, as_of)
            for key in _keys(one, end, reference):
                cells[month, *key].residents += one["joined_on"] <= end
                cells[month, *key].balance += sum(entry["points"] for entry in its if local_day(entry["entered_at"]) <= end)
        for entry in its:
            # "an entry written later belongs to the month of its act"; "the station is the one that covered the compound that day"
            day = local_day(entry["entered_at"])
            for key in _keys(one, day, reference):
                cells[month_of(day), *key].entries.append(entry)
    # "with zeros where nothing happened, up to the last month begun before as_of"
    for month, *key in list(cells):
        for later in months_from(month, as_of):
            cells[later, *key]
    return {key: _points_row(cell) for key, cell in cells.items()}


@dataclass
class _Cell:
    """What a key holds at the end of a month, and the entries that fell in it."""

    residents: int = 0
    balance: int = 0
    entries: list[Row] = field(default_factory=list)


def _keys(resident: Row, day: dt.date, reference: Reference) -> list[Key]:
    """Where the resident counts on a day, for all and for the own kind."""
    places = places_on(resident["compound_code"], day, reference)
    return [
        (places["district"], level, places[level], kind) for level in PLACE_LEVELS for kind in ("all", RESIDENT_KINDS[resident["kind"]])
    ]


def _points_row(cell: _Cell) -> dict[str, Any]:
    its = cell.entries
    row: dict[str, Any] = {}
    for codes, sign in ((EARNED, 1), (REDEEMED, -1)):
        for kind, code in codes.items():
            # "redeemed, by kind; points are positive"
            of_kind = [sign * entry["points"] for entry in its if entry["kind"] == kind]
            row[f"{code}_count"], row[f"{code}_points"] = len(of_kind), sum(of_kind)
    earned, redeemed = ([entry for entry in its if entry["kind"] in codes] for codes in (EARNED, REDEEMED))
    reversals = [entry["points"] for entry in its if entry["kind"] == "冲正"]
    behind = [len({entry["resident_no"] for entry in some}) for some in (its, earned, redeemed)]
    return row | {
        "resident_count": cell.residents,
        "active_resident_count": behind[0],
        "earning_resident_count": behind[1],
        "redeeming_resident_count": behind[2],
        "entry_count": len(its),
        "earned_count": len(earned),
        "redeemed_count": len(redeemed),
        "reversal_count": len(reversals),
        "earned_points": sum(entry["points"] for entry in earned),
        "redeemed_points": -sum(entry["points"] for entry in redeemed),
        "reversal_points": sum(reversals),
        "net_points": sum(entry["points"] for entry in its),
        # "sum of all entries up to the end of the month"
        "balance_points": cell.balance,
        # "resident_count < 5, or one of the active, earning, redeeming counts is 1 to 4"
        "is_small_group": cell.residents < SMALL_GROUP_BELOW or any(0 < n < SMALL_GROUP_BELOW for n in behind),
    }


# ---- mart_lead --------------------------------------------------------------------------------------------------------


def lead(rows: Rows, reference: Reference, as_of: dt.datetime) -> Mart:
    """mart_lead by (month, district_code, level, key)."""
    residents = {one["resident_no"]: one for one in rows["residents"] if one["joined_on"] < local_day(as_of)}
    leads = {no: _lead_of(one, residents) for no, one in residents.items()}
    stocks: dict[Key, Counter[str]] = defaultdict(Counter)
    flows: dict[Key, Counter[str]] = defaultdict(Counter)
    active: dict[Key, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def cells(compound: str, month: dt.date, day: dt.date) -> list[Key]:
        places = places_on(compound, day, reference)
        return [(month, places["district"], level, places[level]) for level in PLACE_LEVELS]

    for what, compound, day in _began(residents, leads):
        # "a joining belongs to the station of its day; what stands at the end of a month … to the station of the last day"
        for cell in cells(compound, month_of(day), day):
            flows[cell][f"new_{what}_count"] += 1
        for month in months_from(day, as_of):
            for cell in cells(compound, month, last_day_known(month, as_of)):
                stocks[cell][f"{what}_count"] += 1
    for what, resident_no, at in _acts(rows, as_of):
        above = leads.get(resident_no)
        if above is not None:
            # "All of a lead counts where the lead lives … at the station of the day"; "of followers … and of leads"
            is_lead = residents[resident_no]["is_lead"]
            for cell in cells(residents[above]["compound_code"], month_of(local_day(at)), local_day(at)):
                flows[cell][("lead_snap_count" if what == "snap_count" else "lead_act_count") if is_lead else what] += 1
                active[cell]["lead" if is_lead else "follower"].add(resident_no)
    firsts: dict[Key, dt.date] = {}
    for month, *key in stocks.keys() | flows.keys():
        firsts[tuple(key)] = min(firsts.get(tuple(key), dt.date.max), month)
    # "at whose end it covered a compound that has a row", if only of zeros
    for (_, level, place), first in list(firsts.items()):
        for month in months_from(first, as_of) if level == "compound" else ():
            for _, *cell in cells(place, month, last_day_known(month, as_of)):
                firsts[tuple(cell)] = min(firsts.get(tuple(cell), dt.date.max), month)
    return {
        (month, *key): _lead_row(stocks[month, *key], flows[month, *key], active[month, *key])
        for key, first in firsts.items()
        for month in months_from(first, as_of)
    }


def _lead_of(one: Row, residents: Mapping[str, Row]) -> str | None:
    # "the lead's own number, for others the nearest lead above in the chain"; "In a circle, and below one, it is null."
    passed: set[str] = set()
    while not one["is_lead"]:
        above = residents.get(one["brought_by"] or "")
        if above is None or above["resident_no"] in passed:
            return None
        passed.add(above["resident_no"])
        one = above
    return str(one["resident_no"])


def _began(residents: Mapping[str, Row], leads: Mapping[str, str | None]) -> Iterable[tuple[str, str, dt.date]]:
    """(what, compound, day) of whatever stands from a day on."""
    compounds: dict[str, dt.date] = {}
    households: dict[Key, Row] = {}
    for no, one in sorted(residents.items(), key=lambda pair: (pair[1]["joined_on"], pair[0])):
        above, bringer = leads[no], residents.get(one["brought_by"] or "")
        # "Recruit: brought by a lead directly (a lead can be a recruit)"
        if bringer is not None and bringer["is_lead"]:
            yield "recruit", bringer["compound_code"], one["joined_on"]
        if above is None:
            continue
        # "compounds with a lead or a follower", where it lies
        compounds.setdefault(one["compound_code"], one["joined_on"])
        if one["is_lead"]:
            yield "lead", one["compound_code"], one["joined_on"]
            if one["kind"] in ("退休党员", "学生"):
                yield "elder_lead" if one["kind"] == "退休党员" else "student_lead", one["compound_code"], one["joined_on"]
        else:
            # "Follower: no lead, with a lead above, however far"
            yield "follower", residents[above]["compound_code"], one["joined_on"]
            if one["household_no"] is not None:
                # "it is the lead's of the first follower (by joined_on, then resident_no)"
                households.setdefault((one["compound_code"], one["household_no"]), one)
    for compound, day in compounds.items():
        yield "compound", compound, day
    for one in households.values():
        yield "household", residents[leads[one["resident_no"]] or ""]["compound_code"], one["joined_on"]


def _acts(rows: Rows, as_of: dt.datetime) -> Iterable[tuple[str, str, dt.datetime]]:
    """(figure, resident, moment) of every act: "earned entries not reversed"; "snap reports … whatever became of them"."""
    known = [entry for entry in rows["ledger_entries"] if entry["entered_at"] < as_of]
    undone = {entry["reverses_entry_id"] for entry in known if entry["kind"] == "冲正"}
    for entry in known:
        if entry["kind"] in EARNED and entry["entry_id"] not in undone:
            yield f"{EARNED[entry['kind']]}_count", entry["resident_no"], entry["entered_at"]
    for snap in rows["snaps"]:
        if snap["taken_at"] < as_of:
            yield "snap_count", snap["resident_no"], snap["taken_at"]


def _lead_row(stock: Counter[str], flow: Counter[str], active: Mapping[str, set[str]]) -> dict[str, Any]:
    standing = ("lead", "elder_lead", "student_lead", "recruit", "follower", "household", "compound")
    acts = [f"{code}_count" for code in EARNED.values()]
    behind = {who: len(active.get(who, ())) for who in ("lead", "follower")}
    return {
        **{f"{what}_count": stock[f"{what}_count"] for what in standing},
        **{name: flow[name] for name in ("new_lead_count", "new_recruit_count", "new_follower_count", "new_household_count")},
        **{name: flow[name] for name in (*acts, "snap_count", "lead_act_count", "lead_snap_count")},
        "act_count": sum(flow[name] for name in acts),
        "recruits_per_lead": rate(stock["recruit_count"], stock["lead_count"]),
        "active_lead_count": behind["lead"],
        "active_follower_count": behind["follower"],
        # "leads and followers together fewer than 5, or those active in the month 1 to 4"
        "is_small_group": stock["lead_count"] + stock["follower_count"] < SMALL_GROUP_BELOW
        or any(0 < n < SMALL_GROUP_BELOW for n in behind.values()),
    }
