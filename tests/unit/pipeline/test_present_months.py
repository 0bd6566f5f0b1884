"""Restatements of a closed month at the command line: marts, grains and figures as people read them."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from types import SimpleNamespace

import duckdb
from rich.console import Console

from linli.closing import Restated
from linli.pipeline.present_months import show_restatements


def test_a_restated_figure_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "restated.parquet"
    duckdb.execute(
        "copy (select 'mart_clock_257' as mart, 'district' as level, '340405' as key, 'step=accept' as grain, 'on_time_rate' as metric,"
        " '0.8' as old_value, null::varchar as new_value, 'late_record' as cause, 1 as record_count, ['x'] as records)"
        f" to '{path}'"
    )
    closing = SimpleNamespace(name="2026-09", month=dt.date(2026, 9, 1))
    console = Console(file=io.StringIO(), width=200)
    show_restatements(console, Restated(closing, 1, 1, path))
    said = console.file.getvalue()
    assert all(words in said for words in ("“257”时钟", "环节=2日核实", "按期率", "80.0%", "—", "补录"))
    assert "mart_" not in said
