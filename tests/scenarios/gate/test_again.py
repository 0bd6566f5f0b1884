"""Rows judged again: bad rows whose context changes, stopped batches, superseded rows, entries that end, order of arrival."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from linli.gate import gate
from scenarios.gate.lake import Lake, Row
from scenarios.gate.test_gate import (
    CASE,
    CASES,
    ENTRY,
    LEDGER,
    MEETING,
    MEETINGS,
    OPENING,
    RESIDENT,
    RETURN,
    STEP,
    STEPS,
    case,
    given,
    open_keys,
    run,
)

RETURNS, PATROLS, FINDINGS, CALLBACKS = (
    "meeting_returns.returns",
    "patrol_app.patrols",
    "patrol_app.patrol_findings",
    "case_system.callbacks",
)
PATROL: Row = given(PATROLS)["good"]
FINDING: Row = given(FINDINGS)["good"]
CALLBACK: Row = given(CALLBACKS)["good"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.at(tmp_path)


def step(step_id: int, name: str, at: str, **changes: Any) -> Row:
    return {**STEP, "step_id": step_id, "step": name, "stepped_at": f"2026-10-{at}:00+08:00", "reason": "等待法律意见", **changes}


def entry(entry_id: int, points: int, on: int, kind: str = "兑换代办") -> Row:
    reference = {} if kind == "调解" else {"reference_kind": None, "reference_no": None}
    return {**ENTRY, "entry_id": entry_id, "kind": kind, "points": points, "entered_at": f"2026-10-{on:02d}T10:00:00+08:00", **reference}


def register_compound(lake: Lake, code: str) -> None:
    seed = lake.settings.reference / "compounds.csv"
    lines = seed.read_text(encoding="utf-8").splitlines()
    known = next(line for line in lines if "340405-C01-X01" in line)
    seed.write_text("\n".join([*lines, known.replace("340405-C01-X01", code)]) + "\n", encoding="utf-8")


def reasons(lake: Lake) -> dict[str, str | None]:
    return {one.key: one.closed_reason for one in lake.register.quarantine(include_closed=True)}


def test_a_resumption_is_released_once_its_suspension_is_corrected(lake: Lake) -> None:
    lake.land(CASES, [CASE])
    batch = lake.land(STEPS, [OPENING, step(2, "挂起", "09T10:00", officer_no="E999"), step(3, "恢复", "10T10:00")])
    run(lake)
    assert lake.listed(batch) == {1: ("quarantined", ["officer_known"]), 2: ("quarantined", ["resumed_while_suspended"])}
    run(lake)
    assert len(lake.register.verdicts_of(batch.batch_id)) == 1
    lake.land(STEPS, [step(2, "挂起", "09T10:00")])
    report = run(lake).record(STEPS)
    assert report is not None and report.released == 1
    assert lake.account(batch) == (2, 1, 0, 0)
    assert lake.listed(batch, 2) == {2: ("released", [])}
    assert reasons(lake) == {"2": "accepted", "3": "context_changed"}


def test_a_case_is_released_once_its_compound_is_registered(lake: Lake) -> None:
    batch = lake.land(CASES, [case(1, compound_code="340405-C01-X77"), case(2, compound_code="340405-C01-X77", channel=None)])
    run(lake)
    register_compound(lake, "340405-C01-X77")
    run(lake)
    assert lake.account(batch) == (1, 1, 0, 0)
    assert open_keys(lake, CASES) == ["340405-2026-000002"]


def test_an_opening_is_released_once_the_other_is_deleted(lake: Lake) -> None:
    lake.land(CASES, [CASE])
    batch = lake.land(STEPS, [OPENING, step(7, "上报", "08T11:00")])
    run(lake)
    assert lake.listed(batch) == {1: ("quarantined", ["opened_once"])}
    lake.land(STEPS, [{**OPENING, "_deleted": True}], kind="tombstone")
    run(lake)
    assert lake.account(batch) == (2, 0, 0, 0)
    assert open_keys(lake, STEPS) == []


def test_a_stopped_batch_is_let_through_once_its_context_is_right(lake: Lake) -> None:
    unknown = [case(n, compound_code="340405-C01-X77") for n in range(12)]
    batch = lake.land(CASES, [*unknown, *(case(20 + n) for n in range(7)), case(50, channel=None)])
    run(lake)
    assert lake.account(batch) == (0, 20, 0, 0)
    run(lake)
    assert len(lake.register.verdicts_of(batch.batch_id)) == 1
    register_compound(lake, "340405-C01-X77")
    run(lake)
    assert lake.account(batch) == (19, 1, 0, 0)
    verdict = lake.register.latest_verdict(batch.batch_id)
    assert verdict is not None and not verdict.stopped
    (left,) = lake.register.quarantine()
    assert (left.key, left.rules) == ("340405-2026-000050", ("channel_present",))
    assert run(lake).records == ()


def test_a_batch_bad_by_itself_is_not_judged_again(lake: Lake) -> None:
    lake.land(CASES, [case(n, channel=None) for n in range(20)])
    run(lake)
    assert run(lake).records == ()


def test_deletions_of_a_stopped_batch_go_through(lake: Lake) -> None:
    lake.land(CASES, [case(90)])
    run(lake)
    rows = [case(n, channel=None) for n in range(20)]
    batch = lake.land(CASES, [*rows, {"case_no": "340405-2026-000090", "_deleted": True}])
    waits = lake.land(STEPS, [{**OPENING, "case_no": "340405-2026-000090"}])
    run(lake)
    assert lake.account(batch) == (1, 20, 0, 0)
    assert lake.account(waits) == (0, 0, 1, 0)


def test_a_held_row_makes_place_for_its_newer_version_and_for_its_deletion(lake: Lake) -> None:
    first = lake.land(STEPS, [OPENING, {**OPENING, "step_id": 9}])
    run(lake)
    second = lake.land(STEPS, [{**OPENING, "officer_no": "E002"}])
    lake.land(STEPS, [{**OPENING, "step_id": 9, "_deleted": True}], kind="tombstone")
    run(lake)
    assert lake.account(first) == (0, 0, 0, 2)
    lake.land(CASES, [CASE])
    run(lake)
    assert (lake.account(first), lake.account(second)) == ((0, 0, 0, 2), (1, 0, 0, 0))


def test_a_typed_year_and_a_huge_number_are_bad_and_stop_nothing(lake: Lake) -> None:
    cases = lake.land(CASES, [case(1, reported_at="1926-10-08T09:00:00+08:00"), case(2)])
    lake.land("points_ledger.residents", [RESIDENT])
    most = 2_147_483_647
    ledger = lake.land(
        LEDGER,
        [
            entry(1, most, 1, "调解"),
            {**entry(2, most, 2, "冲正"), "reverses_entry_id": 1},
            entry(3, -most, 3),
        ],
    )
    run(lake)
    assert lake.listed(cases) == {0: ("quarantined", ["reported_at_plausible"])}
    assert lake.listed(ledger) == {1: ("quarantined", ["reversal_negates"])}


def test_a_bad_version_of_a_patrol_leaves_the_rows_of_the_good_one(lake: Lake) -> None:
    lake.land(PATROLS, [PATROL])
    findings = lake.land(FINDINGS, [FINDING])
    run(lake)
    newer = "2026-10-09T08:00:00+08:00"
    lake.land(PATROLS, [{**PATROL, "kind": "联合", "started_at": "2026-10-08T09:50:00+08:00", "updated_at": newer}])
    of_newer = lake.land(FINDINGS, [{**FINDING, "updated_at": newer}])
    again = lake.land(FINDINGS, [{**FINDING, "finding_id": "F-2"}])
    run(lake)
    assert lake.account(findings) == (1, 0, 0, 0)
    assert lake.account(of_newer) == (0, 0, 1, 0)
    assert lake.account(again) == (1, 0, 0, 0)


def test_entries_of_a_finding_end_when_a_newer_patrol_no_longer_lists_it(lake: Lake) -> None:
    lake.land(PATROLS, [PATROL])
    lake.land(FINDINGS, [{**FINDING, "severity": None}])
    run(lake)
    assert open_keys(lake, FINDINGS) == ["F-000991"]
    lake.land(PATROLS, [{**PATROL, "updated_at": "2026-10-09T08:00:00+08:00"}])
    run(lake)
    assert reasons(lake) == {"F-000991": "superseded"}


def test_a_corrected_file_ends_what_its_refused_one_left(lake: Lake) -> None:
    cut = {**RETURN, "file_sha": "b" * 64, "is_complete": False}
    unread = {**RETURN, "file_sha": "d" * 64, "sheet": None, "problem": "文件无法打开"}
    lake.land(RETURNS, [cut, unread], kind="file")
    waits = lake.land(MEETINGS, [{**MEETING, "_parent_version": "b" * 64}], kind="file")
    lake.land(MEETINGS, [{**MEETING, "meeting_no": "HY|2", "met_on": None, "_parent_version": "b" * 64}], kind="file")
    run(lake)
    assert (len(open_keys(lake, RETURNS)), lake.account(waits)) == (2, (0, 0, 1, 0))
    lake.land(RETURNS, [{**RETURN, "row_count": 0}], kind="file")
    run(lake)
    assert open_keys(lake, RETURNS) == open_keys(lake, MEETINGS) == []
    assert set(reasons(lake).values()) == {"superseded"}
    assert lake.account(waits) == (0, 0, 0, 1)


def test_a_row_without_a_number_is_one_entry_however_often_it_lands(lake: Lake) -> None:
    nameless = {**PATROL, "patrol_id": None}
    for _ in range(2):
        lake.land(PATROLS, [PATROL, nameless])
        run(lake)
    (entry,) = lake.register.quarantine()
    assert entry.key.startswith("#")


def test_a_second_try_in_the_same_run_does_not_wash_a_failure_away(lake: Lake) -> None:
    lake.land(CASES, [case(1, channel=None)])
    run(lake)
    lake.land(CASES, [case(2)])
    gate(lake.settings, lake.register, lake.catalog, lake.run)
    results = {row["rule"]: row for row in lake.register.check_results(lake.run.run_id)}
    assert (results["channel_present"]["result"], results["channel_present"]["unexpected"]) == ("FAIL", 1)
    assert (results["phase_present"]["result"], results["phase_present"]["evaluated"]) == ("PASS", 2)


def test_one_entry_tells_of_a_refused_batch_until_the_next_good_one(lake: Lake) -> None:
    names = lake.catalog.record(CASES).landing_schema().names
    for number in (1, 2):
        lake.land(CASES, [case(number)], columns=[name for name in names if name != "channel"])
        run(lake)
    assert open_keys(lake, CASES) == ["#cases"]
    lake.land(CASES, [case(3)])
    run(lake)
    assert open_keys(lake, CASES) == []


def test_a_callback_after_the_first_resolution_is_not_bad_after_a_second_one(lake: Lake) -> None:
    lake.land(CASES, [CASE])
    lake.land(STEPS, [OPENING, STEP, step(5, "办结反馈", "12T16:00")])
    run(lake)
    lake.land(STEPS, [step(6, "办结反馈", "20T16:00")])
    calls = lake.land(CALLBACKS, [CALLBACK])
    run(lake)
    assert lake.account(calls) == (1, 0, 0, 0)
    assert lake.register.quarantine() == []


def test_a_late_redemption_must_leave_the_accepted_ones_covered(lake: Lake) -> None:
    lake.land("points_ledger.residents", [RESIDENT])
    lake.land(LEDGER, [entry(1, 10, 1, "调解"), entry(2, -8, 10)])
    run(lake)
    late = lake.land(LEDGER, [entry(3, -8, 5), entry(4, -2, 6), entry(2, -8, 10)])
    run(lake)
    assert lake.listed(late) == {0: ("quarantined", ["balance_not_negative"])}


def test_a_late_acceptance_is_bad_and_the_accepted_resolution_stays(lake: Lake) -> None:
    lake.land(CASES, [CASE])
    resolved = step(5, "办结反馈", "12T09:00")
    lake.land(STEPS, [OPENING, resolved])
    run(lake)
    late = lake.land(STEPS, [OPENING, step(6, "受理核实", "12T10:00"), resolved])
    run(lake)
    assert lake.listed(late) == {1: ("quarantined", ["accepted_before_resolution"])}
    lake.land(STEPS, [step(5, "办结反馈", "12T11:00")])
    run(lake)
    assert lake.account(late) == (3, 0, 0, 0)
    assert lake.register.quarantine() == []


def test_an_unchanged_accepted_row_stays_accepted_whatever_its_context_says_now(lake: Lake) -> None:
    lake.land(CASES, [case(1)])
    run(lake)
    seed = lake.settings.reference / "compounds.csv"
    lines = seed.read_text(encoding="utf-8").splitlines()
    seed.write_text("\n".join(line for line in lines if "340405-C01-X01" not in line) + "\n", encoding="utf-8")
    again = lake.land(CASES, [case(1), case(2)])
    run(lake)
    assert lake.listed(again) == {1: ("quarantined", ["compound_known"])}


def test_a_row_with_no_place_of_its_own_is_told_to_the_station_of_its_case(lake: Lake) -> None:
    lake.land(CASES, [CASE])
    lake.land(STEPS, [OPENING, {**STEP, "officer_no": "E999"}])
    run(lake)
    (entry,) = lake.register.quarantine()
    assert entry.submitter == "340405-S01"
