"""`linli quarantine` and the list of closed months: what was returned or decided, whose texts are no orders."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from linli import closing, pipeline
from linli.cli import app, terminal
from linli.pipeline.quarantined import QuarantinedRow, Words
from linli.register import QuarantineEntry, Waiver
from linli.settings import as_of
from payloads import PAYLOADS
from unit.cli.environment import ADDRESS, shows, steers


def test_the_list_of_returned_rows_as_csv_is_whole_and_holds_no_formula(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at = as_of(dt.date(2026, 10, 31))
    entries = [
        QuarantineEntry("case_system", "callbacks", key, ("key_repeated",), "=1+1", "b1", 1, None, at, at, None, None) for key in "abc"
    ]
    monkeypatch.setattr(pipeline, "quarantine_entries", lambda *_, **__: entries)
    monkeypatch.setattr(pipeline, "waived_entries", lambda *_: frozenset())
    done = CliRunner().invoke(app, ["quarantine", "list", "--csv", "--limit", "1"], env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    rows = list(csv.reader(io.StringIO(done.output)))
    assert [row[1] for row in rows] == ["键", "a", "b", "c"] and not any(cell.startswith("=") for row in rows for cell in row)


@pytest.mark.parametrize(
    "arguments",
    [["quarantine", "list", "--limit", "500"], ["quarantine", "show", "case_system.callbacks", "k"], ["quarantine", "waivers"],
     ["month", "list"]],
)  # fmt: skip
def test_no_text_of_what_was_returned_or_decided_is_an_order(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(terminal.console, "width", 600)
    day, rule, together = dt.date(2026, 10, 31), ("key_repeated",), " ".join(PAYLOADS)

    def entry(text: str) -> QuarantineEntry:
        return QuarantineEntry("case_system", "callbacks", text, rule, text, "b1", 1, None, as_of(day), as_of(day), None, None)

    words, values = [Words(rule[0], text, text) for text in PAYLOADS], [("side", "回访对象", [text]) for text in PAYLOADS]
    waivers = [
        SimpleNamespace(
            waiver=Waiver(1, "case_system", "callbacks", text, text, 3, text, text, day, day, None),
            is_effective=True, is_in_force=True, open_entries=1,
        )
        for text in PAYLOADS
    ]  # fmt: skip
    months = [
        SimpleNamespace(
            name="2026-10", month=day, closed_at=as_of(day), approved_by=text, campaign=text, figure_count=1, content_hash="0" * 64
        )
        for text in PAYLOADS
    ]
    monkeypatch.setattr(pipeline, "quarantine_entries", lambda *_, **__: [entry(text) for text in PAYLOADS])
    monkeypatch.setattr(pipeline, "quarantined_row", lambda *_: QuarantinedRow(entry(together), "回访", together, words, values))
    monkeypatch.setattr(pipeline, "waived_entries", lambda *_: frozenset())
    monkeypatch.setattr(pipeline, "waivers", lambda *_: waivers)
    monkeypatch.setattr(closing, "closed_months", lambda _: months)
    monkeypatch.setattr(closing, "restatements", lambda *_: [])
    done = CliRunner().invoke(app, arguments, env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    assert done.exit_code == 0, done.exception
    assert steers(done.output) == []
    assert [text for text in PAYLOADS if not shows(done.output, text)] == []


def test_the_hint_of_the_list_can_be_pasted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at = as_of(dt.date(2026, 10, 31))
    entry = QuarantineEntry("case_system", "callbacks", "#a|b $(c)", ("key_repeated",), None, "b1", 1, None, at, at, None, None)
    monkeypatch.setattr(pipeline, "quarantine_entries", lambda *_, **__: [entry])
    monkeypatch.setattr(pipeline, "waived_entries", lambda *_: frozenset())
    done = CliRunner().invoke(app, ["quarantine", "list"], env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    assert "quarantine show case_system.callbacks '#a|b $(c)'" in done.output
