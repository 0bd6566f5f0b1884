"""The oracle against answers worked out by hand on a paper calendar, edge by edge."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from . import oracle
from .oracle import SHANGHAI, Reference

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


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        # a Friday evening: Mon 19, Tue 20 | Fri 23 | Mon 26, Tue 27
        ("2026-10-16 21:00", ["10-20", "10-23", "10-27"]),
        # a Thursday before the make-up Saturday of 10-10: Fri 9, Sat 10 | Mon, Tue, Wed 14 | Fri 16
        ("2026-10-08 10:00", ["10-10", "10-14", "10-16"]),
        # on a make-up Sunday: Mon 21, Tue 22 | Wed, Thu, Mon 28 (Mid-Autumn is 25 to 27) | Wed 30
        ("2026-09-20 09:00", ["09-22", "09-28", "09-30"]),
        # the last minute before National Day: Thu 8, Fri 9 | Sat 10, Mon 12, Tue 13 | Thu 15
        ("2026-09-30 23:59", ["10-09", "10-13", "10-15"]),
        # in the middle of National Day: the same
        ("2026-10-04 00:00", ["10-09", "10-13", "10-15"]),
        # before Spring Festival (15 to 23), make-up Saturdays 14 and 28: Sat 14, Tue 24 | Fri 27 | Sat 28, Mon 03-02
        ("2026-02-13 08:00", ["02-24", "02-27", "03-02"]),
        # a leap day: Wed 28, Thu 29 | Fri 03-01, Mon 4, Tue 5 | Thu 7
        ("2024-02-27 08:00", ["02-29", "03-05", "03-07"]),
        # a leap day of a year not published: Tue 29, Wed 03-01 | Mon 6 | Wed 8
        ("2028-02-28 08:00", ["03-01", "03-06", "03-08"]),
        # into a year not published: Wed 30, Thu 31 | Fri 1 is New Year, Mon 4, Tue 5, Wed 6 | Fri 8
        ("2026-12-29 12:00", ["12-31", "01-06", "01-08"]),
        # the last microsecond of a month, and the midnight after it: both before Mon 2, Tue 3 | Fri 6 | Tue 10
        ("2026-10-31 23:59:59.999999", ["11-03", "11-06", "11-10"]),
        ("2026-10-31 24:00", ["11-03", "11-06", "11-10"]),
        # a Thursday's last microsecond is a day 0, its midnight is the next: Fri 30, Mon 2 against Mon 2, Tue 3
        ("2026-10-29 23:59:59.999999", ["11-02", "11-05", "11-09"]),
        ("2026-10-29 24:00", ["11-03", "11-06", "11-10"]),
    ],
)
def test_due_dates_follow_the_published_calendar(reported: str, expected: list[str]) -> None:
    assert due(round_of(f"上报 {reported}")) == expected


def test_a_day_is_the_day_in_shanghai() -> None:
    # 16:00 UTC on Thursday is already Friday there
    moment = dt.datetime(2026, 10, 29, 16, tzinfo=dt.UTC)
    found = oracle.round_of("K1", 1, [{"step_id": 1, "round_no": 1, "step": "上报", "stepped_at": moment}], [], LATER, REFERENCE)
    assert found is not None and found.day_0 == on("2026-10-30")


def test_overrides_win_over_both_calendars() -> None:
    # Mon 01-04 off, Sat 01-09 on: Wed 30, Thu 31 | Tue 5, Wed 6, Thu 7 | Fri 8, Sat 9
    reference = Reference({}, {}, {}, {}, {}, {on("2027-01-04"): False, on("2027-01-09"): True})
    assert due(round_of("上报 2026-12-29 12:00", reference=reference)) == ["12-31", "01-07", "01-09"]


@pytest.mark.parametrize(
    ("accepted", "state", "workdays"),
    [
        ("2026-10-16 21:01", "on_time", 0),
        ("2026-10-18 10:00", "on_time", 0),
        ("2026-10-20 00:00", "on_time", 2),
        ("2026-10-20 23:59:59.999999", "on_time", 2),
        ("2026-10-20 24:00", "late", 3),
        ("2026-10-26 10:00", "late", 6),
    ],
)
def test_the_deadline_is_the_end_of_the_due_date(accepted: str, state: str, workdays: int) -> None:
    found = round_of("上报 2026-10-16 21:00", f"受理核实 {accepted}")
    assert (found.steps["accept"].state, found.steps["accept"].workdays) == (state, workdays)


@pytest.mark.parametrize(
    ("as_of", "state"),
    [
        ("2026-10-20 23:59", "open"),
        ("2026-10-20 24:00", "overdue"),
        ("2026-10-20 00:00", "open"),
    ],
)
def test_a_due_date_has_passed_when_its_day_is_over(as_of: str, state: str) -> None:
    assert round_of("上报 2026-10-16 21:00", as_of=at(as_of)).steps["accept"].state == state


def test_what_happens_at_as_of_is_not_known_yet() -> None:
    told = ("上报 2026-10-16 21:00", "受理核实 2026-10-20 24:00")
    assert round_of(*told, as_of=at("2026-10-20 24:00")).accepted_at is None
    assert round_of(*told, as_of=at("2026-10-20 24:00") + dt.timedelta(microseconds=1)).accepted_at is not None
    assert oracle.round_of("K1", 1, steps(*told), [], at("2026-10-16 21:00"), REFERENCE) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # Tue 20 and Wed 21 stand still: Thu 22, Fri 23 | Mon 26, Tue 27, Wed 28 | Fri 30
        (["挂起 2026-10-20 09:00", "恢复 2026-10-22 09:00"], ["10-23", "10-28", "10-30"]),
        # resumed on the day itself: nothing lost
        (["挂起 2026-10-20 09:00", "恢复 2026-10-20 23:00"], ["10-21", "10-26", "10-28"]),
        # suspended on day 0, resumed at the first moment of Wed 21: only Tue 20 is lost
        (["挂起 2026-10-19 12:00", "恢复 2026-10-20 24:00"], ["10-22", "10-27", "10-29"]),
        # over a weekend: Fri 23 is lost, the weekend was never counted
        (["挂起 2026-10-23 12:00", "恢复 2026-10-26 08:00"], ["10-21", "10-27", "10-29"]),
        # twice: Tue 20 and Thu 22 are lost: Wed 21, Fri 23 | Mon, Tue, Wed 28 | Fri 30
        (
            ["挂起 2026-10-20 09:00", "恢复 2026-10-21 09:00", "挂起 2026-10-22 09:00", "恢复 2026-10-23 09:00"],
            ["10-23", "10-28", "10-30"],
        ),
        # still open: what was not reached by then has no due date
        (["挂起 2026-10-20 09:00"], [None, None, None]),
        (["挂起 2026-10-21 09:00"], [None, None, None]),
        (["挂起 2026-10-22 09:00"], ["10-21", None, None]),
        (["挂起 2026-10-27 09:00"], ["10-21", "10-26", None]),
        (["挂起 2026-10-29 09:00"], ["10-21", "10-26", "10-28"]),
        # a resolution ends it: Wed 21 and Thu 22 are lost
        (["受理核实 2026-10-20 09:00", "挂起 2026-10-21 09:00", "办结反馈 2026-10-23 09:00"], ["10-23", "10-28", "10-30"]),
        # resolved on Thu 22, suspended on Fri 23, resolved again on Tue 27: Fri 23 and Mon 26 are lost
        (
            ["受理核实 2026-10-20 09:00", "办结反馈 2026-10-22 09:00", "挂起 2026-10-23 09:00", "办结反馈 2026-10-27 09:00"],
            ["10-21", "10-28", "10-30"],
        ),
        # at one moment, in the order of their numbers: the second suspension is the one that stays
        (
            ["挂起 2026-10-20 09:00", "恢复 2026-10-22 09:00", "挂起 2026-10-22 09:00", "恢复 2026-10-23 09:00"],
            ["10-26", "10-29", "11-02"],
        ),
    ],
)
def test_suspended_days_do_not_count(told: list[str], expected: list[str | None]) -> None:
    # reported on Monday 10-19; without a suspension 10-21, 10-26, 10-28
    assert due(round_of("上报 2026-10-19 10:00", *told)) == expected


def test_a_suspension_over_national_day() -> None:
    # day 0 Mon 09-28; Tue 29 is day 1; 09-30 to 10-08 stands still; Fri 9 is day 2, Sat 10, Mon 12, Tue 13 | Thu 15
    found = round_of("上报 2026-09-28 10:00", "挂起 2026-09-30 10:00", "恢复 2026-10-09 00:00")
    assert due(found) == ["10-09", "10-13", "10-15"]


def test_a_suspension_counts_only_once_it_has_happened() -> None:
    told = ("上报 2026-10-19 10:00", "挂起 2026-10-20 09:00", "恢复 2026-10-22 09:00")
    assert due(round_of(*told, as_of=at("2026-10-20 09:00"))) == ["10-21", "10-26", "10-28"]
    assert due(round_of(*told, as_of=at("2026-10-21 00:00"))) == [None, None, None]


def test_states_while_the_clock_stands_still() -> None:
    found = round_of("上报 2026-10-19 10:00", "受理核实 2026-10-19 11:00", "挂起 2026-10-20 09:00")
    assert states(found) == [None, "open", "open"]


def test_workdays_taken_leave_suspended_days_out() -> None:
    # Tue 20, [Wed 21, Thu 22], Fri 23: the second working day
    found = round_of("上报 2026-10-19 10:00", "受理核实 2026-10-20 09:00", "挂起 2026-10-21 09:00", "办结反馈 2026-10-23 09:00")
    assert (found.steps["accept"].workdays, found.steps["resolve"].workdays) == (1, 2)


def test_the_first_acceptance_and_the_last_resolution_count() -> None:
    found = round_of(
        "上报 2026-10-19 10:00", "受理核实 2026-10-20 09:00", "受理核实 2026-10-26 09:00",
        "办结反馈 2026-10-26 10:00", "办结反馈 2026-10-27 10:00",
    )  # fmt: skip
    assert found.accepted_at == at("2026-10-20 09:00") and found.resolved_at == at("2026-10-27 10:00")
    assert states(found) == ["on_time", "late", "overdue"]
    earlier = round_of("上报 2026-10-19 10:00", "办结反馈 2026-10-26 10:00", "办结反馈 2026-10-27 10:00", as_of=at("2026-10-27 10:00"))
    assert earlier.steps["resolve"].state == "on_time"


RESOLVED = ("上报 2026-10-19 10:00", "受理核实 2026-10-20 10:00", "办结反馈 2026-10-22 10:00")  # follow-up due on Wed 10-28


def test_follow_up_is_taken_when_both_sides_have_been_reached() -> None:
    calls = [
        call(1, "组织", "2026-10-23 10:00", "无人接听"),
        call(2, "组织", "2026-10-24 10:00"),
        call(3, "居民", "2026-10-28 23:00"),
        call(4, "组织", "2026-11-20 10:00"),
    ]
    found = round_of(*RESOLVED, calls=calls)
    assert found.steps["follow_up"].taken_at == at("2026-10-28 23:00")
    assert (found.steps["follow_up"].state, found.steps["follow_up"].workdays) == ("on_time", 7)
    # the resident not reached by as_of: open on the due date itself, overdue after it
    assert round_of(*RESOLVED, calls=calls[:2], as_of=at("2026-10-28 12:00")).steps["follow_up"].state == "open"
    assert round_of(*RESOLVED, calls=calls, as_of=at("2026-10-28 23:00")).steps["follow_up"].state == "open"
    assert round_of(*RESOLVED, calls=calls[:2], as_of=at("2026-10-28 24:00")).steps["follow_up"].state == "overdue"


def test_a_follow_up_after_the_due_date_is_late() -> None:
    calls = [call(1, "组织", "2026-10-23 10:00"), call(2, "居民", "2026-10-28 24:00")]
    assert round_of(*RESOLVED, calls=calls).steps["follow_up"].state == "late"


def test_calls_before_the_resolution_of_the_round_are_not_counted() -> None:
    calls = [call(1, "组织", "2026-10-22 10:00"), call(2, "居民", "2026-10-22 09:59:59.999999")]
    found = round_of(*RESOLVED, calls=calls)
    assert set(found.first_reached_at) == {"组织"}
    # a second resolution takes the calls between the two away
    again = round_of(
        *RESOLVED, "办结反馈 2026-10-26 10:00", calls=[call(1, "组织", "2026-10-23 10:00"), call(2, "居民", "2026-10-24 10:00")]
    )
    assert again.steps["follow_up"].taken_at is None


def test_the_latest_reached_call_is_the_voice() -> None:
    calls = [
        call(3, "居民", "2026-10-26 10:00", verdict="yes 5 5"),
        call(4, "居民", "2026-10-26 10:00", verdict="no 1 1"),
        call(5, "居民", "2026-10-27 10:00", "拒访"),
        call(1, "居民", "2026-10-25 10:00", verdict="yes 4 4"),
    ]
    assert round_of(*RESOLVED, calls=calls).voice["居民"]["callback_id"] == 4


@pytest.mark.parametrize(
    ("verdict", "satisfied"),
    [("yes 4 4", True), ("yes 5 5", True), ("yes 3 5", False), ("yes 5 3", False), ("no 5 5", False)],
)
def test_satisfied_is_solved_and_both_scores_high(verdict: str, satisfied: bool) -> None:
    assert oracle.is_satisfied(call(1, "居民", "2026-10-26 10:00", verdict=verdict)) is satisfied


def judge(calls: Any, as_of: str = "2027-01-01 00:00", told: tuple[str, ...] = RESOLVED) -> oracle.Judgement:
    (found,) = oracle.cases_of(rows([case()], steps(*told), calls), REFERENCE, at(as_of))
    judged = oracle.judgement(found, at(as_of))
    assert judged is not None
    return judged


def test_pending_matured_and_double_called() -> None:
    org, resident = call(1, "组织", "2026-10-23 10:00"), call(2, "居民", "2026-10-26 10:00")
    late = call(3, "居民", "2026-10-29 10:00")

    def seen(calls: Any, as_of: str) -> tuple[bool, bool]:
        judged = judge(calls, as_of)
        return judged.is_matured, judged.is_double_called

    assert seen([org], "2026-10-28 23:00") == (False, False)
    assert seen([org, resident], "2026-10-27 00:00") == (True, True)
    assert seen([org], "2026-10-28 24:00") == (True, False)
    assert seen([org, late], "2026-11-02 00:00") == (True, False)
    assert seen([org, resident, late], "2026-11-02 00:00") == (True, True)


def test_without_a_due_date_nothing_is_late_and_nothing_matures_by_itself() -> None:
    told = (*RESOLVED, "挂起 2026-10-26 10:00")
    org, resident = call(1, "组织", "2026-10-23 10:00"), call(2, "居民", "2026-12-26 10:00")
    assert not judge([org], told=told).is_matured
    both = judge([org, resident], told=told)
    assert both.is_matured and both.is_double_called


def test_a_late_change_of_mind_is_still_the_voice() -> None:
    calls = [
        call(1, "组织", "2026-10-23 10:00"),
        call(2, "居民", "2026-10-26 10:00"),
        call(3, "居民", "2026-11-26 10:00", verdict="no 1 1"),
    ]
    judged = judge(calls)
    assert judged.is_double_called and judged.is_satisfied == {"组织": True, "居民": False}


def test_satisfaction_is_of_the_latest_round() -> None:
    reopened = [*steps(*RESOLVED), *steps("重办 2026-11-02 10:00", round_no=2, first_id=11)]
    known = rows([case()], reopened, [call(1, "组织", "2026-10-23 10:00"), call(2, "居民", "2026-10-23 10:00")])
    assert oracle.satisfaction(oracle.cases_of(known, REFERENCE, LATER), LATER) == {}
    # as of the moment of the reopening the first round is the latest
    before = at("2026-11-02 10:00")
    found = oracle.satisfaction(oracle.cases_of(known, REFERENCE, before), before)
    assert found[on("2026-10-01"), "340405", "district", "340405"]["double_satisfied_count"] == 1
    # both rounds keep a clock: the second is due on Wed 11-04, Mon 9, Wed 11
    clock = oracle.clock(oracle.cases_of(known, REFERENCE, LATER))
    assert clock[on("2026-10-01"), "340405", "district", "340405", "accept"]["on_time_count"] == 1
    assert clock[on("2026-11-01"), "340405", "district", "340405", "accept"]["overdue_count"] == 1


@pytest.mark.parametrize("ending", ["作废", "撤诉", "判重"])
def test_ended_cases_are_left_out_from_the_moment_they_end(ending: str) -> None:
    known = rows([case()], steps(*RESOLVED, f"{ending} 2026-10-30 10:00"))
    assert oracle.cases_of(known, REFERENCE, LATER) == []
    assert len(oracle.cases_of(known, REFERENCE, at("2026-10-30 10:00"))) == 1


@pytest.mark.parametrize("status", ["已作废", "已撤诉", "重复件"])
def test_an_ended_status_alone_leaves_a_case_out(status: str) -> None:
    assert oracle.cases_of(rows([case(status=status)], steps(*RESOLVED)), REFERENCE, LATER) == []


@pytest.mark.parametrize(("ending", "status"), [("作废", "已作废"), ("撤诉", "已撤诉"), ("判重", "重复件")])
def test_a_status_holds_from_the_moment_of_its_step(ending: str, status: str) -> None:
    known = rows([case(status=status)], steps(*RESOLVED, f"{ending} 2026-10-30 10:00"))
    assert len(oracle.cases_of(known, REFERENCE, at("2026-10-30 10:00"))) == 1
    assert oracle.cases_of(known, REFERENCE, LATER) == []
    # another step says nothing about it
    other = "撤诉" if ending == "作废" else "作废"
    known = rows([case(status=status)], steps(*RESOLVED, f"{other} 2026-10-30 10:00"))
    assert oracle.cases_of(known, REFERENCE, at("2026-10-30 10:00")) == []


def test_rows_without_a_case_are_held() -> None:
    marts = oracle.marts(oracle.cases_of(rows([], steps(*RESOLVED), [call(1, "组织", "2026-10-23 10:00")]), REFERENCE, LATER), LATER)
    assert marts == {"mart_clock_257": {}, "mart_two_callback_satisfaction": {}}


def test_places_and_where_they_are_missing() -> None:
    def whistle(level: str, moment: str) -> dict[str, Any]:
        return {"case_no": "K1", "level": level, "blown_at": at(moment)}

    whistles = [whistle("执法", "2026-10-20 10:00"), whistle("应急", "2026-10-21 10:00"), whistle("攻坚", "2026-10-22 10:00")]
    full = oracle.places_of(case(), whistles, REFERENCE, at("2026-10-22 10:00"))
    assert full == {
        "district": "340405", "community": "C01", "compound": "X01", "station": "S01", "department": "urban_management",
        "officer": "E001", "category": "1", "item": "1-01", "whistle_level": "enforcement", "channel": "resident_call",
    }  # fmt: skip
    bare = oracle.places_of(case(station_code="S09", lead_department=None, officer_no=None), [], REFERENCE, LATER)
    assert (bare["station"], bare["department"], bare["officer"], bare["whistle_level"]) == ("S09", "none", "none", "none")


def test_one_cell_of_the_clock() -> None:
    # all reported on Monday 10-19, accepted after 1, 3 and never; one more reported on Thu 29, due on Mon 11-02
    known = rows(
        [case("A"), case("B"), case("C"), case("D"), case("E", compound_code="X02")],
        [
            *steps("上报 2026-10-19 10:00", "受理核实 2026-10-20 10:00", case_no="A"),
            *steps("上报 2026-10-19 10:00", "受理核实 2026-10-22 10:00", case_no="B"),
            *steps("上报 2026-10-19 10:00", case_no="C"),
            *steps("上报 2026-10-29 10:00", case_no="D"),
            *steps("上报 2026-10-28 10:00", case_no="E"),
        ],
    )
    as_of = at("2026-10-30 12:00")
    clock = oracle.clock(oracle.cases_of(known, REFERENCE, as_of))
    october = clock[on("2026-10-01"), "340405", "district", "340405", "accept"]
    # A on time, B late, C overdue, E due today and open; D falls due in November
    counts = ("due_count", "on_time_count", "late_count", "overdue_count", "open_count")
    assert [october[name] for name in counts] == [4, 1, 1, 1, 1]
    assert october["on_time_rate"] == pytest.approx(1 / 3) and october["closed_only_rate"] == 0.5
    # Wilson of 1 in 3 and the spread of 1 and 3 working days
    assert october["on_time_low"] == pytest.approx(0.0614919447203962) and october["on_time_high"] == pytest.approx(0.7923403991979523)
    assert (october["median_workdays"], october["p90_workdays"]) == (2.0, pytest.approx(2.8))
    november = clock[on("2026-11-01"), "340405", "district", "340405", "accept"]
    assert [november[name] for name in counts] == [1, 0, 0, 0, 1]
    rates = ("on_time_rate", "on_time_low", "on_time_high", "closed_only_rate", "median_workdays", "p90_workdays")
    assert [november[name] for name in rates] == [None] * 6
    assert clock[on("2026-10-01"), "340405", "compound", "X02", "accept"]["open_count"] == 1


def test_one_cell_of_satisfaction() -> None:
    # org/resident: 4 both content, 1 only the organisation, 1 only the resident, 4 neither, 1 late, 1 not called, 1 pending
    answers = [("yes 5 5", "yes 4 4")] * 4 + [("yes 5 5", "no 5 5"), ("yes 3 5", "yes 5 5")] + [("no 1 1", "yes 5 3")] * 4
    cases, found_steps, calls = [], [], []
    for number, (org, resident) in enumerate([*answers, ("yes 5 5", "yes 5 5")]):
        name = f"K{number}"
        cases.append(case(name))
        found_steps += steps(*RESOLVED, case_no=name)
        late = "2026-10-29 10:00" if number == len(answers) else "2026-10-26 10:00"
        calls += [call(2 * number, "组织", "2026-10-23 10:00", verdict=org, case_no=name)]
        calls += [call(2 * number + 1, "居民", late, verdict=resident, case_no=name)]
    cases += [case("N"), case("P")]
    found_steps += steps(*RESOLVED, case_no="N")
    found_steps += steps("上报 2026-10-26 10:00", "受理核实 2026-10-27 10:00", "办结反馈 2026-10-28 10:00", case_no="P")
    as_of = at("2026-10-31 00:00")
    found = oracle.satisfaction(oracle.cases_of(rows(cases, found_steps, calls), REFERENCE, as_of), as_of)
    cell = found[on("2026-10-01"), "340405", "officer", "E001"]
    assert {name: value for name, value in cell.items() if name.endswith("_count")} == {
        "eligible_count": 13, "matured_count": 12, "pending_count": 1, "double_called_count": 10, "double_satisfied_count": 4,
        "org_yes_resident_no_count": 1, "org_no_resident_yes_count": 1,
    }  # fmt: skip
    assert cell["coverage_rate"] == pytest.approx(10 / 12) and cell["satisfaction_rate"] == 0.4
    assert cell["strict_satisfaction_rate"] == pytest.approx(4 / 12) and cell["is_small_sample"] is False
    # agreed 8 of 10, by chance half of them: (0.8 - 0.5) / (1 - 0.5)
    assert cell["cohen_kappa"] == pytest.approx(0.6)


def test_figures_by_hand() -> None:
    # 8 of 10: (0.8 + 3.8414588/20 ± 1.9599640 * sqrt(0.016 + 3.8414588/400)) / 1.38414588
    low, high = oracle.wilson(8, 10)
    assert low == pytest.approx(0.4901624715) and high == pytest.approx(0.9433178485)
    assert oracle.wilson(0, 5)[0] == pytest.approx(0, abs=1e-12) and oracle.wilson(5, 5)[1] == pytest.approx(1)
    assert oracle.wilson(0, 0) == (None, None)
    assert oracle.percentile([4, 1, 3, 2], 0.5) == 2.5 and oracle.percentile([4, 1, 3, 2], 0.9) == pytest.approx(3.7)
    assert oracle.kappa(5, 0, 0, 0) is None and oracle.kappa(0, 0, 0, 0) is None
    # nobody agrees: (0 - 0.5) / (1 - 0.5)
    assert oracle.kappa(0, 3, 3, 0) == -1.0
