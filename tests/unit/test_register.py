"""The register: nothing half-written, nothing twice, and only the newest run may publish."""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from linli.register import (
    Answer,
    Batch,
    CheckResult,
    Decision,
    HeldRow,
    QuarantineEntry,
    Register,
    Run,
    SourceStatus,
    SupersededRun,
    Verdict,
    now,
)
from linli.settings import as_of

DAY = dt.date(2026, 10, 31)
END = as_of(DAY)


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "register.sqlite")


@pytest.fixture
def run(register: Register) -> Run:
    return register.begin_run(DAY, END)


def batch(name: str, rows: int = 3, **given: object) -> Batch:
    values: dict[str, object] = {"kind": "window", "interval_start": None, "interval_end": END, "snapshot_at": END, "run_id": "r"}
    return Batch(batch_id=name, source="case_system", record="cases", path=f"lake/{name}", rows=rows, **{**values, **given})  # type: ignore[arg-type]


def verdict(name: str, n: int = 1, *, landed: int = 3, accepted: int = 3, quarantined: int = 0, held: int = 0) -> Verdict:
    return Verdict(name, n, None, landed, accepted, quarantined, held, 0, False, "r", now())


def entry(key: str, batch_id: str = "a", rules: tuple[str, ...] = ("item_listed",)) -> QuarantineEntry:
    return QuarantineEntry("case_system", "cases", key, rules, "S01", batch_id, 0, None, now())


def test_what_ended_in_a_run_is_told_of_that_run(register: Register, run: Run) -> None:
    register.add_batches([batch("a")])
    register.add_decisions([Decision(verdict("a", quarantined=3, accepted=0), quarantined=[entry(key) for key in "xyz"])], [], run)
    register.end_run(run, "succeeded")
    later = register.begin_run(DAY, END)
    register.close_entries([("case_system", "cases", "x", "accepted"), ("case_system", "cases", "y", "held")], now())
    register.end_run(later, "succeeded")
    register.close_entries([("case_system", "cases", "z", "deleted")], now())
    settled = [[(e["key"], e["closed_reason"]) for e in register.history.settled(each.run_id)] for each in (run, later)]
    assert settled == [[], [("x", "accepted")]]


def test_readable_only_by_its_owner(register: Register) -> None:
    assert register.path.stat().st_mode & 0o077 == 0


def test_a_batch_is_registered_once(register: Register) -> None:
    register.add_batches([batch("a")])
    register.add_batches([batch("a", rows=9)])
    assert [b.rows for b in register.batches()] == [3]


def test_moments_survive_as_instants(register: Register) -> None:
    register.add_batches([batch("a", interval_start=END - dt.timedelta(days=1), meta={"名": 1})])
    found = register.batch("a")
    assert (found.interval_end, found.interval_start, found.meta) == (END, END - dt.timedelta(days=1), {"名": 1})


def test_window_end_is_the_farthest_and_ignores_refetches(register: Register) -> None:
    assert register.window_end("case_system", "cases") is None
    later = END + dt.timedelta(days=1)
    register.add_batches(
        [batch("a"), batch("b", interval_end=later), batch("c", kind="refetch", interval_end=later + dt.timedelta(days=9))]
    )
    assert register.window_end("case_system", "cases") == later


def test_the_windows_stopped_by_their_newest_verdict_with_rows_still_open(register: Register, run: Run) -> None:
    days = [as_of(dt.date(2026, 11, day)) for day in range(1, 6)]
    names = ["let through since", "all corrected", "stopped at the second look", "stopped"]
    windows = [batch(name, interval_start=start, interval_end=end) for name, start, end in zip(names, days[:-1], days[1:], strict=True)]
    register.add_batches([*windows, batch("refetch", kind="refetch", interval_start=days[0])])
    stops, passes = (replace(verdict("x", accepted=accepted, quarantined=3 - accepted), stopped=not accepted) for accepted in (0, 3))
    first = {"let through since": stops, "all corrected": stops, "stopped at the second look": passes, "stopped": stops, "refetch": stops}
    second = {"let through since": passes, "stopped at the second look": stops}
    for n, looks in enumerate((first, second), start=1):
        for name, given in looks.items():
            entries = [entry(name, name)] if given.stopped else []
            register.add_decisions([Decision(replace(given, batch_id=name, n=n), quarantined=entries)], [], run)
    register.close_entries([("case_system", "cases", "all corrected", "corrected")], now())
    assert register.stopped_windows() == {("case_system", "cases"): days[2]}


def test_an_account_that_does_not_add_up_is_refused_whole(register: Register, run: Run) -> None:
    register.add_batches([batch("a"), batch("b")])
    wrong = verdict("b", accepted=2)
    with pytest.raises(sqlite3.IntegrityError):
        register.add_decisions([Decision(verdict("a")), Decision(wrong)], [], run)
    assert register.verdicts() == []


def test_a_verdict_is_given_once(register: Register, run: Run) -> None:
    register.add_batches([batch("a")])
    register.add_decisions([Decision(verdict("a"))], [], run)
    with pytest.raises(sqlite3.IntegrityError):
        register.add_decisions([Decision(verdict("a"))], [], run)
    assert register.ungated_batches("case_system", "cases") == []


def test_accounts_use_the_newest_verdict_of_each_batch(register: Register, run: Run) -> None:
    register.add_batches([batch("a"), batch("b", rows=5)])
    register.add_decisions([Decision(verdict("a", accepted=1, held=2))], [], run)
    register.add_decisions([Decision(verdict("a", 2, accepted=2, quarantined=1))], [], run)
    (account,) = register.accounts()
    found = {k: account[k] for k in ("landed", "accepted", "quarantined", "held", "ungated")}
    assert found == {"landed": 8, "accepted": 2, "quarantined": 1, "held": 0, "ungated": 5}


def test_the_same_bad_row_is_one_entry_until_it_is_closed(register: Register, run: Run) -> None:
    register.add_batches([batch("a"), batch("b"), batch("c")])
    register.add_decisions([Decision(verdict("a"), quarantined=[entry("k")])], [], run)
    register.add_decisions([Decision(verdict("b"), quarantined=[entry("k", "b", ("score_range",))])], [], run)
    (found,) = register.quarantine()
    assert (found.batch_id, found.rules) == ("b", ("score_range",))
    register.add_decisions([Decision(verdict("c"), closed=[("case_system", "cases", "k", "corrected")])], [], run)
    assert register.quarantine() == []
    (closed,) = register.quarantine(include_closed=True)
    assert closed.closed_reason == "corrected"


def test_a_held_row_waits_until_it_is_freed(register: Register, run: Run) -> None:
    register.add_batches([batch("a")])
    row = HeldRow("a", 1, "case_system", "cases", "k", "case_known", now())
    register.add_decisions([Decision(verdict("a", accepted=2, held=1), held=[row])], [], run)
    assert [h.key for h in register.held_rows("case_system", "cases")] == ["k"]
    register.add_decisions([Decision(verdict("a", 2), freed=[("a", 1)])], [], run)
    assert register.held_rows("case_system", "cases") == []


def test_only_the_newest_run_of_a_kind_may_go_on(register: Register, run: Run) -> None:
    register.begin_run(DAY, END, kind="reconcile")
    register.check_token(run)
    newer = register.begin_run(DAY, END)
    with pytest.raises(SupersededRun), register.publishing(run):
        raise AssertionError("the superseded run got in")
    with register.publishing(newer):
        register.note_publication("v", newer, "hash", now())
    assert [p["version"] for p in register.publications()] == ["v"]


def test_the_newest_day_published_before_a_run(register: Register) -> None:
    days = [DAY, DAY + dt.timedelta(days=3), DAY - dt.timedelta(days=9)]
    published = []
    for n, day in enumerate(days):
        run = register.begin_run(day, END)
        published.append(register.newest_day_published(run))
        with register.publishing(run):
            register.note_publication(f"v{n}", run, "hash", now())
    later = register.begin_run(DAY + dt.timedelta(days=99), END)
    assert [*published, register.newest_day_published(later)] == [None, DAY, days[1], days[1]]


def test_a_failed_switch_leaves_no_publication(register: Register, run: Run) -> None:
    with pytest.raises(OSError, match="disk"), register.publishing(run):
        register.note_publication("v", run, "hash", now())
        raise OSError("disk")
    assert register.publications() == []


def test_results_and_statuses_are_rows_with_history(register: Register, run: Run) -> None:
    register.add_decisions([], [CheckResult("case_system", "cases", "item_listed", "warning", 10, 1, "FAIL")], run)
    assert [(r["rule"], r["unexpected"], r["result"]) for r in register.check_results(run.run_id)] == [("item_listed", 1, "FAIL")]
    register.set_source_status(run, SourceStatus("case_system", "cases", "failed", "down", None, 0))
    register.set_source_status(run, SourceStatus("case_system", "cases", "loaded", "", END, 3))
    assert register.source_statuses(run) == [SourceStatus("case_system", "cases", "loaded", "", END, 3)]


def test_answers_are_kept_by_run_and_stage_and_the_later_ones_stand(register: Register, run: Run) -> None:
    """A night whose build is tried again and whose audit refuses it, a month closed, and the night after."""
    later = dt.timedelta(days=1)
    register.note_answers(run, "build", [Answer("tests", "broken", "2 项"), Answer("grain_a", "broken"), Answer("grain_b", "broken")])
    register.note_answers(run, "build", [Answer("tests", "broken", "1 项"), Answer("grain_b", "broken", "3 行不符")])
    register.note_answers(run, "audit", [Answer("one_as_of", "passed"), Answer("not_emptied", "broken", "为空")])
    register.note_answers(register.begin_run(DAY, END, kind="close"), "build", [Answer("tests", "passed")])
    register.note_answers(register.begin_run(DAY + later, END + later), "audit", [Answer("one_as_of", "passed")])
    told = [(row["kind"], row["stage"], row["rule"], row["state"], row["detail"]) for row in register.history.answers(DAY, END)]
    assert told == [
        ("night", "build", "tests", "broken", "1 项"),
        ("night", "build", "grain_b", "broken", "3 行不符"),
        ("night", "audit", "one_as_of", "passed", ""),
        ("night", "audit", "not_emptied", "broken", "为空"),
        ("close", "build", "tests", "passed", ""),
    ]
    assert [row["day"] for row in register.history.answers(DAY + later, END + later)] == ["2026-11-01"]


def test_two_processes_write_one_register(tmp_path: Path) -> None:
    first, second = Register(tmp_path / "r.sqlite"), Register(tmp_path / "r.sqlite")
    first.add_batches([batch("a")])
    second.add_batches([batch("b")])
    assert first.known_batch_ids() == second.known_batch_ids() == {"a", "b"}


def test_history_tells_of_runs_up_to_an_as_of(register: Register) -> None:
    """A first night with two bad rows; the next one puts one of them right and finds another."""
    later = dt.timedelta(days=1)
    first = register.begin_run(DAY, END)
    register.set_source_status(first, SourceStatus("case_system", "cases", "loaded", "", END, 3))
    register.add_batches([batch("a", run_id=first.run_id)])
    broken = [
        CheckResult("case_system", "cases", "item_listed", "warning", 3, 2, "FAIL"),
        CheckResult("case_system", "cases", "kept", "info", 3, 0, "PASS"),
    ]
    register.add_decisions([Decision(verdict("a", accepted=1, quarantined=2), [entry("K1"), entry("K2")])], broken, first)
    register.begin_run(DAY, END, kind="rebuild")
    second = register.begin_run(DAY + later, END + later)
    register.set_source_status(second, SourceStatus("case_system", "cases", "failed", "down", END, 0))
    register.add_batches([batch("b", rows=1, run_id=second.run_id)])
    closed = [("case_system", "cases", "K1", "accepted")]
    register.add_decisions([Decision(verdict("b", landed=1, accepted=0, quarantined=1), [entry("K3", "b")], closed=closed)], [], second)
    entries = [(row["opened_on"], row["closed_on"], row["entries"]) for row in register.history.quarantine(END + later)]
    assert entries == [("2026-10-31", None, 1), ("2026-10-31", "2026-11-01", 1), ("2026-11-01", None, 1)]
    assert [(row["opened_on"], row["closed_on"], row["entries"]) for row in register.history.quarantine(END)] == [("2026-10-31", None, 2)]
    states = [(row["day"], row["state"], row["loaded_to"]) for row in register.history.sources(DAY, END + later)]
    assert states == [
        ("2026-10-31", "loaded", "2026-10-31T16:00:00.000000+00:00"),
        ("2026-11-01", "failed", "2026-10-31T16:00:00.000000+00:00"),
    ]
    assert len(register.history.sources(DAY, END)) == len(register.history.sources(DAY + later, END + later)) == 1
    accounts = [(row["day"], row["landed"], row["accepted"], row["quarantined"]) for row in register.history.accounts(DAY, END + later)]
    assert accounts == [("2026-10-31", 3, 1, 2), ("2026-11-01", 1, 0, 1)]
    assert [(row["day"], row["rule"], row["unexpected"]) for row in register.history.checks(DAY, END + later)] == [
        ("2026-10-31", "item_listed", 2)
    ]
