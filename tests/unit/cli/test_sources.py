"""Which sources a command takes: those configured, the connections of Airflow, or the demo's."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from linli import demo
from linli.cli import app, terminal
from linli.pipeline import embedded
from linli.register import Batch, Register
from linli.settings import SHANGHAI, Settings, as_of
from unit.cli.environment import ADDRESS


def landed(home: Path, *, is_demo: bool) -> None:
    """A home in which a case has landed."""
    at = as_of(dt.date(2026, 10, 31))
    with Register(home / "register.sqlite") as register:
        run = register.begin_run(dt.date(2026, 10, 31), at, is_demo=is_demo)
        register.add_batches([Batch("b1", "case_system", "cases", "window", "lake/b1.parquet", 1, None, at, at, run.run_id)])


def _kept_by_airflow(home: Path) -> dict[str, str]:
    (home / "airflow").mkdir(parents=True)
    (home / "airflow" / "migrated").touch()
    with closing(sqlite3.connect(home / "airflow" / "airflow.db")) as con:
        con.execute("create table connection (conn_id text)")
        con.execute("insert into connection values ('smtp_default'), ('linli_patrol_app')")
        con.commit()
    return {}


def _written_as_a_variable(home: Path) -> dict[str, str]:
    return {"AIRFLOW_CONN_LINLI_PATROL_APP": "https://:token@patrol.example.gov.cn"}


CONNECTED = pytest.mark.parametrize("connected", [_written_as_a_variable, _kept_by_airflow])
Connected = Callable[[Path], dict[str, str]]


class _Airflow:
    """Takes the place of an Airflow: notes what it was started with and told to run."""

    started: ClassVar[list[dict[str, str]]] = []
    told: ClassVar[list[tuple[dict[str, str], dict[str, str]]]] = []

    def __init__(self, settings: Settings, given: Mapping[str, str], dag: str) -> None:
        self.started.append(dict(given))

    def __enter__(self) -> _Airflow:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, conf: Mapping[str, str], progress: object, *, given: Mapping[str, str]) -> None:
        self.told.append((dict(conf), dict(given)))
        raise embedded.AirflowFailed("停在这里")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home beside a demo that lives, which no command here may start."""
    (tmp_path / "clock").write_text("2026-10-31")
    lent = {**ADDRESS, "LINLI_DEMO": "1", "LINLI_CLOCK": str(tmp_path / "clock")}

    def up(_: Path) -> None:
        raise demo.DemoError("示范区启动了")

    monkeypatch.setattr(demo, "up", up)
    monkeypatch.setattr(demo, "environment", lambda _: lent)
    monkeypatch.setattr(demo, "status", lambda _: SimpleNamespace(running={"case_system": False}))
    monkeypatch.setattr(embedded, "OneRun", _Airflow)
    monkeypatch.setattr(_Airflow, "started", [])
    monkeypatch.setattr(_Airflow, "told", [])
    return tmp_path / "var"


@CONNECTED
def test_a_run_with_connections_only_does_not_start_the_demo(home: Path, connected: Connected) -> None:
    done = CliRunner().invoke(app, ["run"], env={"LINLI_HOME": str(home), **connected(home)})
    assert (done.exit_code, "停在这里" in done.output) == (1, True), done.output
    yesterday = dt.datetime.now(SHANGHAI).date() - dt.timedelta(days=1)
    assert _Airflow.told == [({"day": yesterday.isoformat()}, {})]


def test_a_run_with_nothing_configured_starts_the_demo(home: Path) -> None:
    done = CliRunner().invoke(app, ["run"], env={"LINLI_HOME": str(home)})
    assert (done.exit_code, "示范区启动了" in done.output, _Airflow.told) == (1, True, [])
    assert "未配置任何来源，改用示范区" in done.output


@pytest.mark.parametrize("command", [["run"], ["night", "--day", "2026-10-31"], ["reconcile", "--day", "2026-10-31"]])
def test_a_home_of_real_sources_takes_in_no_demo(home: Path, command: list[str]) -> None:
    landed(home, is_demo=False)
    done = CliRunner().invoke(app, command, env={"LINLI_HOME": str(home)})
    assert (done.exit_code, _Airflow.told) == (1, [])
    assert "没有配置任何来源，没有可载入的：请设置 LINLI_CASE_SYSTEM_URL、" in done.output.replace("\n", "")
    assert "示范区" not in done.output


def test_readers_of_a_home_of_real_sources_take_nothing_from_the_demo(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed(home, is_demo=False)
    monkeypatch.setenv("LINLI_HOME", str(home))
    assert terminal.settings_of_environment() == Settings.load()
    said = CliRunner().invoke(app, ["doctor"]).output.replace("\n", "")
    assert "✗ 案件系统：此前载入过，现在没有配置" in said and "示范区" not in said


def test_a_home_of_the_demo_takes_in_no_real_sources(home: Path) -> None:
    landed(home, is_demo=True)
    for command in (["night", "--day", "2026-10-31"], ["run"]):
        done = CliRunner().invoke(app, command, env={"LINLI_HOME": str(home), **ADDRESS})
        assert done.exit_code == 1 and "里是示范区的虚构数据，不与真实来源混在一起" in done.output.replace("\n", "")
    assert _Airflow.told == []


def test_a_setting_that_is_mistyped_is_told(home: Path) -> None:
    done = CliRunner().invoke(app, ["status"], env={"LINLI_HOME": str(home), "LINLI_SMALL_SAMPEL_N": "5", "LINLI_GROUP_SECRET": "x"})
    assert "LINLI_SMALL_SAMPEL_N 不是邻里的设置，不起作用；是不是 LINLI_SMALL_SAMPLE_N" in done.output.replace("\n", "")
    assert "LINLI_GROUP_SECRET" not in done.output


@CONNECTED
@pytest.mark.parametrize("command", [["night", "--day"], ["reconcile", "--day"], ["backfill", "--to", "2026-10-31", "--from"]])
def test_what_does_not_go_through_airflow_says_that_it_sees_no_connections(home: Path, connected: Connected, command: list[str]) -> None:
    given = {"LINLI_HOME": str(home), **connected(home)}
    for besides in ({}, ADDRESS):
        done = CliRunner().invoke(app, [*command, "2026-10-31"], env={**given, **besides})
        said = done.output.replace("\n", "")
        assert done.exit_code == 1 and "看不到 Airflow 连接 linli_patrol_app：请设置 LINLI_PATROL_APP_URL，" in said, said
    assert not (home / "register.sqlite").exists()


@CONNECTED
def test_the_interface_and_the_readers_of_a_connected_home_take_nothing_from_the_demo(
    home: Path, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[dict[str, Any]] = []
    monkeypatch.setattr(embedded, "serve", lambda settings, given, **_: served.append({"settings": settings, "given": given}))
    assert CliRunner().invoke(app, ["ui"], env={"LINLI_HOME": str(home)}).exit_code == 0
    assert served[0]["given"].items() > ADDRESS.items() and served[0]["settings"].clock
    given = {"LINLI_HOME": str(home), **connected(home)}
    assert CliRunner().invoke(app, ["ui"], env=given).exit_code == 0
    assert not ADDRESS.items() & served[1]["given"].items() and served[1]["settings"].clock is None
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert terminal.settings_of_environment() == Settings.load()


@pytest.mark.parametrize("command", [["run"], ["ui"], ["status"]])
def test_a_connection_of_no_source_is_a_typo(home: Path, command: list[str]) -> None:
    given = {"LINLI_HOME": str(home), "AIRFLOW_CONN_LINLI_MEETING_INBOX": "/srv/inbox"}
    done = CliRunner().invoke(app, command, env=given)
    assert (done.exit_code, _Airflow.started) == (1, [])
    assert "Airflow 连接 linli_meeting_inbox 不对应任何已声明的来源（case_system、meeting_returns、" in done.output.replace("\n", "")
