"""The oracle's two callbacks against answers worked out by hand: whose voice counts, when, and for what."""

from __future__ import annotations

from typing import Any

import pytest

from . import oracle
from .by_hand import LATER, REFERENCE, RESOLVED, at, call, case, on, round_of, rows, steps


def judge(calls: Any, as_of: str = "2027-01-01 00:00", told: tuple[str, ...] = RESOLVED) -> oracle.Judgement:
    (found,) = oracle.cases_of(rows([case()], steps(*told), calls), REFERENCE, at(as_of))
    judged = oracle.judgement(found, at(as_of))
    assert judged is not None
    return judged


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
        "eligible_count": 13, "matured_count": 12, "pending_count": 1, "both_reached_count": 11, "double_called_count": 10,
        "double_satisfied_count": 4, "org_yes_resident_no_count": 1, "org_no_resident_yes_count": 1, "neither_satisfied_count": 4,
    }  # fmt: skip
    assert cell["coverage_rate"] == pytest.approx(10 / 12) and cell["satisfaction_rate"] == 0.4
    assert cell["strict_satisfaction_rate"] == pytest.approx(4 / 12) and cell["is_small_sample"] is False
    # Wilson of 10 in 12 and of 4 in 12
    assert (cell["coverage_low"], cell["coverage_high"]) == (pytest.approx(0.5519691), pytest.approx(0.9530349))
    assert (cell["strict_satisfaction_low"], cell["strict_satisfaction_high"]) == (pytest.approx(0.1381201), pytest.approx(0.6093779))
    # agreed 8 of 10, by chance half of them: (0.8 - 0.5) / (1 - 0.5)
    assert cell["cohen_kappa"] == pytest.approx(0.6)
