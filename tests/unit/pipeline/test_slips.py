"""Whose the slips are: places by the names of the release, and nobody's words. Which cells they mark."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from linli import pipeline
from linli.cli import app, terminal
from linli.pipeline.declared import NotDeclared
from linli.pipeline.places import NoSuchSubmitter
from linli.register import Batch, Decision, QuarantineEntry, Register, Run, Verdict, now
from linli.settings import Settings, as_of
from unit.databases import written

DAY = dt.date(2026, 11, 2)
STATION = "340405-S01"
ODD = ("张小三;rm -rf x", "13812345678")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is in which the first test looked at it."""
    monkeypatch.setattr(terminal.console, "width", 200)


CASES, BAD_STATUS = "case_system.cases", "status_listed"
Bad = tuple[str | None, str, str]
"""submitter, record, rule"""


def deployment(folder: Path, rows: Sequence[Bad]) -> Settings:
    """A home with a release, and these rows in quarantine."""
    (folder / "clock").write_text(f"{DAY}")
    found = Settings.load({"LINLI_HOME": str(folder / "home"), "LINLI_CLOCK": str(folder / "clock")})
    for path in (found.lake, found.verdicts, found.warehouse):
        path.mkdir(parents=True)
    with Register(found.register_path) as register:
        run = register.begin_run(DAY, as_of(DAY))
        for record in dict.fromkeys(record for _, record, _ in rows):
            quarantine(found, register, run, record, [(submitter, rule) for submitter, of, rule in rows if of == record])
        with register.publishing(run):
            register.note_publication("v", run, "hash", now())
        register.end_run(run, "succeeded")
    with written(found.published) as con:
        con.execute(
            f"""create schema ref;
            create table ref.dim_level_key as
              select 'station' as level, '340405' as district_code, '{STATION}' as key, '新名工作站' as key_name;
            create table ref.dim_compound as select '340405-C01-X01' as compound_code, '{STATION}' as station_code"""
        )
    return found


def quarantine(settings: Settings, register: Register, run: Run, record: str, rows: Sequence[tuple[str | None, str]]) -> None:
    """A batch of rows that all went into quarantine, each of a submitter and for a rule."""
    source, _, name = record.partition(".")
    batch_path, verdict_path = Path(f"lake/{record}.parquet"), Path(f"verdicts/{record}.parquet")
    count, rules = len(rows), [[rule] for _, rule in rows]
    numbers = pa.array(range(count), pa.int32())
    keys = [f"340405-2026-{n:06d}" for n in range(count)]
    pq.write_table(pa.table({"_batch_id": [record] * count, "_row_no": numbers}), settings.home / batch_path)
    said = {"key": keys, "verdict": ["quarantined"] * count, "rules": rules, "readings": [["?"]] * count}
    pq.write_table(pa.table({"_batch_id": [record] * count, "row_no": numbers, **said}), settings.home / verdict_path)
    register.add_batches([Batch(record, source, name, "window", str(batch_path), count, None, run.as_of, run.as_of, run.run_id)])
    entries = [
        QuarantineEntry(source, name, keys[n], (rule,), submitter, record, n, None, now()) for n, (submitter, rule) in enumerate(rows)
    ]
    verdict = Verdict(record, 1, str(verdict_path), count, 0, count, 0, 0, False, run.run_id, now())
    register.add_decisions([Decision(verdict, quarantined=entries)], [], run)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Cases of a station, of one that no list has, of two submitters that are no codes, and of nobody."""
    return deployment(tmp_path, [(submitter, CASES, BAD_STATUS) for submitter in (STATION, "340405-S99", *ODD, None)])


def test_places_are_called_as_the_release_calls_them_and_whoever_is_no_place_is_not_repeated(settings: Settings) -> None:
    written = pipeline.write_slips(settings)
    assert [(slip.submitter, slip.whose, slip.row_count) for slip in written.slips] == [
        (None, "提交方不明", 3),
        (STATION, f"{STATION} 新名工作站", 1),
        ("340405-S99", "340405-S99", 1),
    ]
    manifest = (written.folder / "slips.json").read_text(encoding="utf-8")
    assert json.loads(manifest)["files"]["case_system-unknown.xlsx"]["submitter"] is None
    named = manifest + "".join(path.name for path in written.folder.iterdir())
    assert not any(part in named for part in ("张小三", "rm", "13812345678"))


def test_a_source_nobody_declared_is_refused(settings: Settings) -> None:
    with pytest.raises(NotDeclared, match="没有声明过名为 foo 的来源，已声明的是 case_system、"):
        pipeline.write_slips(settings, source="foo")


def test_a_submitter_nobody_knows_is_no_clean_submitter(settings: Settings) -> None:
    for ask in (pipeline.write_slips, pipeline.quarantine_entries):
        with pytest.raises(NoSuchSubmitter, match="没有编码为 340405-S77 的社区、小区或工作站"):
            ask(settings, submitter="340405-S77")
    assert [entry.submitter for entry in pipeline.quarantine_entries(settings, submitter="340405-S99")] == ["340405-S99"]
    assert pipeline.quarantine_entries(settings, submitter=STATION, source="patrol_app") == []


def test_a_list_says_the_rules_in_words(settings: Settings) -> None:
    env = {"LINLI_HOME": str(settings.home), "LINLI_CLOCK": str(settings.clock), "COLUMNS": "200"}
    done = CliRunner().invoke(app, ["quarantine", "list", "--submitter", STATION], env=env)
    assert "不在规定选项内（status_listed）" in done.output


def test_the_terminal_repeats_nobodys_words_either(settings: Settings) -> None:
    env = {"LINLI_HOME": str(settings.home), "LINLI_CLOCK": str(settings.clock)}
    done = CliRunner().invoke(app, ["slips"], env=env)
    assert done.exit_code == 0, done.output
    assert "提交方不明" in done.output and "新名工作站" in done.output
    assert not any(part in done.output for part in ("张小三", "rm -rf", "13812345678"))


MARKED: dict[tuple[str, str], tuple[str, ...]] = {
    (CASES, BAD_STATUS): ("status",),
    (CASES, "compound_known"): ("compound_code",),
    # what these say of the case number, the step and the entry's number is of another row than the bad one
    (CASES, "duplicate_of_another"): ("duplicate_of",),
    ("case_system.case_steps", "opened_once"): (),
    ("points_ledger.ledger_entries", "earned_once"): (),
    ("points_ledger.ledger_entries", "reversal_once"): (),
    ("points_ledger.ledger_entries", "reversal_of_another"): ("reverses_entry_id",),
    ("meeting_returns.meetings", "key_repeated"): ("meeting_no",),
    ("meeting_returns.meetings", "officers_known"): ("officer_nos",),
    ("meeting_returns.meetings", "met_on_in_month"): ("met_on",),
}
"""the cells to be corrected, by record and rule"""


def test_a_slip_marks_the_cell_that_is_to_be_corrected(tmp_path: Path) -> None:
    slips = pipeline.write_slips(deployment(tmp_path, [(STATION, *bad) for bad in MARKED])).slips
    rows = [(sheet.record.full_name, row.faults) for slip in slips for sheet in slip.sheets for row in sheet.rows]
    assert len(rows) == len(MARKED)
    assert {(record, fault.rule): fault.columns for record, faults in rows for fault in faults} == MARKED
