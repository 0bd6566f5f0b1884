"""The oracle's rounds, clocks and cases against answers worked out by hand on a paper calendar, edge by edge."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from . import oracle
from .by_hand import LATER, REFERENCE, RESOLVED, at, call, case, due, on, round_of, rows, states, steps
from .reference import Reference


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


def test_a_due_date_is_provisional_from_the_first_day_nobody_has_published() -> None:
    def provisional(reported: str, reference: Reference = REFERENCE) -> list[bool]:
        return [step.is_provisional for step in round_of(f"上报 {reported}", reference=reference).steps.values()]

    # due on 12-31, 01-06, 01-08; a day earlier on 12-30, 01-05, 01-07; on 12-24, 12-29, 12-31
    assert provisional("2026-12-29 12:00") == [False, True, True]
    assert provisional("2026-12-22 12:00") == [False, False, False]
    # the holiday decided, what follows is still open; all decided, nothing is
    decided = {on(f"2027-01-{day:02}"): day > 3 for day in range(1, 9)}
    assert provisional("2026-12-29 12:00", Reference({}, {}, {}, {}, {}, {on("2027-01-01"): False})) == [False, True, True]
    assert provisional("2026-12-29 12:00", Reference({}, {}, {}, {}, {}, decided)) == [False, False, False]
    assert provisional("2026-12-31 12:00", Reference({}, {}, {}, {}, {}, decided)) == [False, False, True]


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
    assert (october["judged_count"], october["closed_count"], october["provisional_count"]) == (3, 2, 0)
    assert october["is_small_sample"] is True
    assert october["on_time_rate"] == pytest.approx(1 / 3) and october["closed_only_rate"] == 0.5
    # Wilson of 1 in 3, of 1 in 2 and the spread of 1 and 3 working days
    assert october["on_time_low"] == pytest.approx(0.0614919447203962) and october["on_time_high"] == pytest.approx(0.7923403991979523)
    assert (october["closed_only_low"], october["closed_only_high"]) == (pytest.approx(0.0945312057), pytest.approx(0.9054687943))
    assert (october["median_workdays"], october["p90_workdays"]) == (2.0, pytest.approx(2.8))
    november = clock[on("2026-11-01"), "340405", "district", "340405", "accept"]
    assert [november[name] for name in counts] == [1, 0, 0, 0, 1]
    rates = ("on_time_rate", "on_time_low", "on_time_high", "closed_only_rate", "median_workdays", "p90_workdays")
    assert [november[name] for name in rates] == [None] * 6
    assert clock[on("2026-10-01"), "340405", "compound", "X02", "accept"]["open_count"] == 1
