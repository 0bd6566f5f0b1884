"""`linli demo`: its state."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linli import demo
from linli.cli import app
from linli.demo.home import DemoStatus


def test_the_demo_tells_its_state_as_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running = {"case_system": True, "patrol_app": False, "points_ledger": True, "meeting_returns": True}
    monkeypatch.setattr(demo, "status", lambda home: DemoStatus(home, 1, 2, dt.date(2026, 10, 31), True, running))
    done = CliRunner().invoke(app, ["demo", "status"], env={"LINLI_DEMO_HOME": str(tmp_path)})
    rows = [[word for word in line.split() if word != "│"] for line in done.output.splitlines()]
    assert ["最新一天", "2026-10-31"] in rows and ["案件系统", "运行中"] in rows and ["巡查应用", "▲", "未运行"] in rows
    assert "DemoStatus" not in done.output
