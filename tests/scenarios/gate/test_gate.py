"""What becomes of whole batches: accounts, waiting rows, quarantine entries, batches that stop, and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from linli.gate import GateDisagreement, GateReport, gate
from linli.gate.enrich import load_batch
from linli.gate.judge import judge
from linli.gate.state import opened
from linli.register import Batch
from scenarios.gate.lake import Lake, Row


def given(name: str) -> dict[str, Any]:
    path = Path(__file__).parent / "cases" / f"{name}.yml"
    case: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return case


CASE: Row = given("case_system.cases")["good"]
STEP: Row = given("case_system.case_steps")["good"]
OPENING: Row = given("case_system.case_steps")["beside"][0]
MEETING: Row = given("meeting_returns.meetings")["good"]
RETURN: Row = given("meeting_returns.returns")["good"]
RESIDENT: Row = given("points_ledger.residents")["good"]
ENTRY: Row = given("points_ledger.ledger_entries")["good"]
WHISTLE: Row = given("case_system.whistles")["good"]
CASES, STEPS, MEETINGS, LEDGER = "case_system.cases", "case_system.case_steps", "meeting_returns.meetings", "points_ledger.ledger_entries"
WHISTLES = "case_system.whistles"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.at(tmp_path)


def run(lake: Lake) -> GateReport:
    lake.next_run()
    return gate(lake.settings, lake.register, lake.catalog, lake.run)


def open_keys(lake: Lake, record: str) -> list[str]:
    source, _, name = record.partition(".")
    return [entry.key for entry in lake.register.quarantine(source=source, record=name)]


def case(number: int, **changes: Any) -> Row:
    return {**CASE, "case_no": f"340405-2026-{number:06d}", **changes}


def test_bad_row_is_quarantined_seen_again_and_closed_once_corrected(lake: Lake) -> None:
    first = lake.land(CASES, [case(1), case(2, channel="路过看见", phase=None)])
    run(lake)
    assert lake.account(first) == (1, 1, 0, 0)
    assert lake.listed(first) == {1: ("quarantined", ["channel_listed", "phase_present"])}
    (entry,) = lake.register.quarantine()
    assert (entry.key, entry.submitter, entry.rules) == ("340405-2026-000002", "340405-S01", ("channel_listed", "phase_present"))
    again = lake.land(CASES, [case(2, channel="路过看见")])
    run(lake)
    (same,) = lake.register.quarantine()
    assert (same.opened_at, same.batch_id, same.rules) == (entry.opened_at, again.batch_id, ("channel_listed",))
    assert same.last_seen_at is not None and same.last_seen_at > entry.opened_at
    lake.land(CASES, [case(2)])
    run(lake)
    assert open_keys(lake, CASES) == []
    (closed,) = lake.register.quarantine(include_closed=True)
    assert closed.closed_reason == "accepted" and closed.closed_at is not None


def test_tombstone_closes_an_entry_and_needs_no_values(lake: Lake) -> None:
    lake.land(CASES, [case(1, channel=None)])
    run(lake)
    gone = lake.land(CASES, [{"case_no": "340405-2026-000001", "_deleted": True}], kind="tombstone")
    run(lake)
    assert lake.account(gone) == (1, 0, 0, 0)
    (closed,) = lake.register.quarantine(include_closed=True)
    assert closed.closed_reason == "deleted"


def test_corrected_row_in_a_later_batch_of_the_same_night_leaves_no_open_entry(lake: Lake) -> None:
    lake.land(CASES, [case(1, channel=None)])
    lake.land(CASES, [case(1)])
    run(lake)
    assert open_keys(lake, CASES) == []


def test_steps_wait_for_their_case_and_are_released_by_themselves(lake: Lake) -> None:
    steps = lake.land(STEPS, [OPENING, STEP])
    report = run(lake)
    assert lake.account(steps) == (0, 0, 2, 0)
    assert report.record(STEPS) is not None
    lake.land(CASES, [{**CASE, "channel": None}])
    run(lake)
    assert lake.account(steps) == (0, 0, 2, 0)
    assert not (lake.settings.verdicts / "case_system" / "case_steps" / f"{steps.batch_id}.2.parquet").exists()
    lake.land(CASES, [CASE])
    after = run(lake).record(STEPS)
    assert after is not None and after.released == 2 and after.landed == 0
    assert lake.account(steps) == (2, 0, 0, 0)
    assert lake.listed(steps, 2) == {0: ("released", []), 1: ("released", [])}
    assert lake.register.held_rows("case_system", "case_steps") == []


def test_held_row_that_turns_out_bad_is_quarantined(lake: Lake) -> None:
    steps = lake.land(STEPS, [{**OPENING, "officer_no": "E999"}])
    run(lake)
    lake.land(CASES, [CASE])
    run(lake)
    assert lake.account(steps) == (0, 1, 0, 0)
    assert lake.listed(steps, 2) == {0: ("quarantined", ["officer_known"])}
    assert open_keys(lake, STEPS) == ["1"]


def test_a_bad_opening_does_not_open_its_round(lake: Lake) -> None:
    lake.land(CASES, [CASE])
    steps = lake.land(STEPS, [{**OPENING, "officer_no": "E999"}, STEP])
    run(lake)
    assert lake.listed(steps) == {0: ("quarantined", ["officer_known"]), 1: ("held", ["round_not_opened"])}
    lake.land(STEPS, [OPENING])
    run(lake)
    assert lake.account(steps) == (1, 1, 0, 0)


def test_a_redemption_that_overdraws_does_not_overdraw_for_others(lake: Lake) -> None:
    lake.land("points_ledger.residents", [RESIDENT])
    earned = {**ENTRY, "entry_id": 1, "points": 10, "entered_at": "2026-10-01T10:00:00+08:00"}
    spent = {**ENTRY, "kind": "兑换代办", "reference_kind": None, "reference_no": None}
    rows = [
        earned,
        {**spent, "entry_id": 2, "points": -40, "entered_at": "2026-10-02T10:00:00+08:00"},
        {**spent, "entry_id": 3, "points": -6, "entered_at": "2026-10-03T10:00:00+08:00"},
        {**spent, "entry_id": 4, "points": -5, "entered_at": "2026-10-04T10:00:00+08:00"},
        {**spent, "entry_id": 5, "points": -4, "entered_at": "2026-10-05T10:00:00+08:00"},
    ]
    ledger = lake.land(LEDGER, rows)
    run(lake)
    assert lake.listed(ledger) == {1: ("quarantined", ["balance_not_negative"]), 3: ("quarantined", ["balance_not_negative"])}
    next_day = lake.land(LEDGER, [{**spent, "entry_id": 6, "points": -1, "entered_at": "2026-10-06T10:00:00+08:00"}, rows[4]])
    run(lake)
    assert lake.listed(next_day) == {0: ("quarantined", ["balance_not_negative"])}


def test_identical_rows_and_older_versions_are_duplicates(lake: Lake) -> None:
    patrol = given("patrol_app.patrols")["good"]
    newer = {**patrol, "ended_at": "2026-10-08T10:40:00+08:00", "updated_at": "2026-10-08T11:00:00+08:00"}
    batch = lake.land("patrol_app.patrols", [newer, patrol, patrol])
    cases = lake.land(CASES, [case(1), case(1)])
    run(lake)
    assert lake.account(batch) == (1, 0, 0, 2)
    assert lake.listed(batch) == {1: ("duplicate", []), 2: ("duplicate", [])}
    assert lake.listed(cases) == {0: ("duplicate", [])}


def test_one_number_for_two_meetings_in_one_file_is_bad_but_the_same_line_twice_is_not(lake: Lake) -> None:
    lake.land("meeting_returns.returns", [RETURN], kind="file")
    other = {**MEETING, "meeting_no": "HY-002"}
    batch = lake.land(MEETINGS, [MEETING, {**MEETING, "resident_count": 3}, other, other], kind="file")
    run(lake)
    bad = ("quarantined", ["key_repeated"])
    assert lake.listed(batch) == {0: bad, 1: bad, 2: ("duplicate", [])}


def test_a_newer_file_ends_the_entries_of_rows_it_no_longer_has(lake: Lake) -> None:
    lake.land("meeting_returns.returns", [RETURN], kind="file")
    lake.land(
        MEETINGS,
        [{**MEETING, "meeting_no": None, "_source_ref": "10月台账 会议!第4行"}, {**MEETING, "meeting_no": "HY-8", "met_on": None}],
        kind="file",
    )
    run(lake)
    assert open_keys(lake, MEETINGS) == ["340405-C01|2026-10-01|#10月台账 会议!第4行", "340405-C01|2026-10-01|HY-8"]
    sha = "c" * 64
    lake.land("meeting_returns.returns", [{**RETURN, "file_sha": sha}], kind="file")
    lake.land(MEETINGS, [{**MEETING, "meeting_no": "HY-9", "_parent_version": sha}], kind="file")
    run(lake)
    assert open_keys(lake, MEETINGS) == []
    assert {entry.closed_reason for entry in lake.register.quarantine(include_closed=True)} == {"superseded"}


def test_a_mostly_bad_batch_stops_alone(lake: Lake) -> None:
    lake.land("points_ledger.residents", [RESIDENT])
    bad = lake.land(CASES, [case(n, channel=None if n > 8 else "居民来电") for n in range(20)])
    small = lake.land(CASES, [case(100 + n, channel=None) for n in range(19)])
    good = lake.land(CASES, [case(200 + n, channel=None if n < 10 else "居民来电") for n in range(20)])
    steps = lake.land(STEPS, [{**OPENING, "case_no": "340405-2026-000001"}])
    report = run(lake).record(CASES)
    assert report is not None and report.stopped == (bad.batch_id,)
    assert (lake.account(bad), lake.account(small), lake.account(good)) == ((0, 20, 0, 0), (0, 19, 0, 0), (10, 10, 0, 0))
    verdict = lake.register.latest_verdict(bad.batch_id)
    assert verdict is not None and verdict.stopped
    assert lake.listed(bad)[0] == ("quarantined", ["batch_stopped"])
    assert lake.listed(bad)[19] == ("quarantined", ["channel_present", "batch_stopped"])
    assert lake.account(steps) == (0, 0, 1, 0)
    assert lake.register.latest_verdict(lake.register.batches(record="residents")[0].batch_id).accepted == 1  # type: ignore[union-attr]
    results = {row["rule"]: row["result"] for row in lake.register.check_results(lake.run.run_id) if row["record"] == "cases"}
    assert (results["batch_stopped"], results["column_missing"]) == ("FAIL", "PASS")


def test_a_file_without_a_declared_column_stops_and_says_so(lake: Lake) -> None:
    names = lake.catalog.record(CASES).landing_schema().names
    batch = lake.land(CASES, [case(1)], columns=[name for name in names if name != "channel"])
    fine = lake.land(CASES, [case(2)])
    run(lake)
    assert (lake.account(batch), lake.account(fine)) == ((0, 1, 0, 0), (1, 0, 0, 0))
    assert lake.listed(batch) == {0: ("quarantined", ["column_missing", "batch_stopped"])}


def test_an_empty_batch_is_judged_not_applicable(lake: Lake) -> None:
    batch = lake.land(CASES, [])
    run(lake)
    assert lake.account(batch) == (0, 0, 0, 0)
    results = {row["rule"]: row["result"] for row in lake.register.check_results(lake.run.run_id)}
    assert {results[rule] for rule in results if rule not in ("column_missing", "batch_stopped")} == {"NA"}


def test_info_rules_let_the_row_through_and_are_told(lake: Lake) -> None:
    batch = lake.land(CASES, [case(1, created_at="2026-10-08T08:00:00+08:00")])
    run(lake)
    assert lake.account(batch) == (1, 0, 0, 0)
    told = [row for row in lake.register.check_results(lake.run.run_id) if row["rule"] == "created_after_report"]
    assert [(row["unexpected"], row["result"]) for row in told] == [(1, "FAIL")]


def test_a_second_gate_has_nothing_to_do_and_a_killed_one_is_gone_over(lake: Lake) -> None:
    batch = lake.land(CASES, [case(1, channel=None)])
    orphan = lake.settings.verdicts / "case_system" / "cases" / f"{batch.batch_id}.1.parquet"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"half a verdict")
    run(lake)
    assert lake.listed(batch) == {0: ("quarantined", ["channel_present"])}
    before = orphan.read_bytes()
    assert run(lake).records == ()
    assert orphan.read_bytes() == before


def stage_cases(lake: Lake, batch: Batch) -> None:
    """A working file that has taken in this batch of cases, whose own file is there no more."""
    lake.settings.warehouse.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(lake.settings.work_file)) as work:
        work.execute("create schema staging; create schema landing; create table landing.built (verdict_id varchar)")
        work.execute("insert into landing.built values (?)", [f"{batch.batch_id}.1"])
        work.register("staged", pq.read_table(lake.settings.home / batch.path))
        work.execute("create table staging.stg_case_system__cases as from staged")
    (lake.settings.home / batch.path).unlink()


def test_staged_cases_are_looked_for_once_for_all_that_waits_and_again_for_what_waited_before(lake: Lake) -> None:
    waiting = lake.land(WHISTLES, [{**WHISTLE, "case_no": "340405-2026-000002"}])
    run(lake)
    assert lake.account(waiting) == (0, 0, 1, 0)
    cases = lake.land(CASES, [case(1), case(2), case(3), case(4)])
    gate(lake.settings, lake.register, lake.catalog, lake.run, records={CASES})
    stage_cases(lake, cases)
    steps = lake.land(STEPS, [{**OPENING, "case_no": "340405-2026-000001"}])
    whistles = lake.land(WHISTLES, [{**WHISTLE, "whistle_id": 2, "case_no": "340405-2026-000003"}])
    with opened(lake.settings, lake.register, lake.catalog) as state:
        load_batch(state, lake.catalog.record(STEPS), [steps])
        state.prepare_accepted(lake.catalog.record(STEPS))
        found = state.connection.execute(f'select case_no from found."{CASES}" order by all').fetchall()
        asked = state.connection.execute(f'select case_no from accepted."{CASES}"').fetchall()
    assert found == [("340405-2026-000001",), ("340405-2026-000003",)]
    assert asked == [("340405-2026-000001",)]
    run(lake)
    assert [lake.account(batch) for batch in (steps, whistles, waiting)] == [(1, 0, 0, 0)] * 3


def test_accepted_state_is_staging_under_verdicts_not_built(lake: Lake) -> None:
    first = lake.land(CASES, [CASE, case(2)])
    lake.land(STEPS, [OPENING])
    run(lake)
    stage_cases(lake, first)
    second = lake.land(STEPS, [STEP, {**OPENING, "step_id": 9, "case_no": "340405-2026-000002"}])
    lake.land(CASES, [{"case_no": "340405-2026-000002", "_deleted": True}], kind="tombstone")
    run(lake)
    assert lake.account(second) == (1, 0, 1, 0)
    assert lake.listed(second) == {1: ("held", ["case_not_accepted"])}


def test_a_count_that_differs_fails_the_gate(lake: Lake) -> None:
    record = lake.catalog.record(CASES)
    with opened(lake.settings, lake.register, lake.catalog) as state:
        names = ", ".join(f"null::varchar as {name}" for name in {check.column for check in record.checks})
        state.connection.execute(f"create table judged as select {names}, null::timestamptz as ctx_as_of")
        with pytest.raises(GateDisagreement, match="case_no_present: GX counts 1, the compiled pass 0"):
            judge(state, record, state.reference(record), {})


def test_results_and_verdicts_carry_no_free_text(lake: Lake) -> None:
    batch = lake.land(CASES, [case(1, title="独一无二的标题锟斤拷")])
    run(lake)
    assert lake.listed(batch) == {0: ("quarantined", ["title_garbled"])}
    kept = b"".join(path.read_bytes() for path in lake.settings.home.rglob("*") if path.is_file() and "lake" not in path.parts)
    assert "独一无二".encode() not in kept
