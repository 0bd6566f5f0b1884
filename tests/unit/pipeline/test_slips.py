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
from linli.register import Batch, Decision, QuarantineEntry, Register, Verdict, now
from linli.settings import Settings, as_of
from unit.databases import written

DAY = dt.date(2026, 11, 2)
STATION = "340405-S01"
ODD = ("张小三;rm -rf x", "13812345678")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is in which the first test looked at it."""
    monkeypatch.setattr(terminal.console, "width", 200)


def deployment(
    tmp_path: Path, submitters: Sequence[str | None], record: str = "case_system.cases", rule: str = "status_listed"
) -> Settings:
    """A home with a release, and a row of each of the submitters in quarantine."""
    (tmp_path / "clock").write_text(f"{DAY}")
    found = Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_CLOCK": str(tmp_path / "clock")})
    source, _, name = record.partition(".")
    count = len(submitters)
    batch_path, verdict_path = Path("lake/b.parquet"), Path("verdicts/b.parquet")
    for folder in (found.lake, found.verdicts, found.warehouse):
        folder.mkdir(parents=True)
    numbers = pa.array(range(count), pa.int32())
    keys = [f"340405-2026-{n:06d}" for n in range(count)]
    pq.write_table(pa.table({"_batch_id": ["b"] * count, "_row_no": numbers}), found.home / batch_path)
    said = {"key": keys, "verdict": ["quarantined"] * count, "rules": [[rule]] * count, "readings": [["?"]] * count}
    pq.write_table(pa.table({"_batch_id": ["b"] * count, "row_no": numbers, **said}), found.home / verdict_path)
    with Register(found.register_path) as register:
        run = register.begin_run(DAY, as_of(DAY))
        register.add_batches([Batch("b", source, name, "window", str(batch_path), count, None, run.as_of, run.as_of, run.run_id)])
        entries = [
            QuarantineEntry(source, name, keys[n], (rule,), submitter, "b", n, None, now()) for n, submitter in enumerate(submitters)
        ]
        verdict = Verdict("b", 1, str(verdict_path), count, 0, count, 0, 0, False, run.run_id, now())
        register.add_decisions([Decision(verdict, quarantined=entries)], [], run)
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


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Cases of a station, of one that no list has, of two submitters that are no codes, and of nobody."""
    return deployment(tmp_path, (STATION, "340405-S99", *ODD, None))


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


@pytest.mark.parametrize(
    ("record", "rule", "marked"),
    [
        ("case_system.cases", "status_listed", ("status",)),
        ("case_system.cases", "compound_known", ("compound_code",)),
        # what these say of the case number, the step and the entry's number is of another row than the bad one
        ("case_system.cases", "duplicate_of_another", ("duplicate_of",)),
        ("case_system.case_steps", "opened_once", ()),
        ("points_ledger.ledger_entries", "earned_once", ()),
        ("points_ledger.ledger_entries", "reversal_once", ()),
        ("points_ledger.ledger_entries", "reversal_of_another", ("reverses_entry_id",)),
        ("meeting_returns.meetings", "key_repeated", ("meeting_no",)),
        ("meeting_returns.meetings", "officers_known", ("officer_nos",)),
        ("meeting_returns.meetings", "met_on_in_month", ("met_on",)),
    ],
)
def test_a_slip_marks_the_cell_that_is_to_be_corrected(tmp_path: Path, record: str, rule: str, marked: tuple[str, ...]) -> None:
    [slip] = pipeline.write_slips(deployment(tmp_path, [STATION], record, rule)).slips
    [[row]] = [sheet.rows for sheet in slip.sheets]
    assert [(fault.rule, fault.columns) for fault in row.faults] == [(rule, marked)]
