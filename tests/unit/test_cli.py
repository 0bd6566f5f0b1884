"""The command line refuses in Chinese and without a traceback."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import duckdb
import pytest
from typer.testing import CliRunner

from linli.cli import app, terminal
from linli.pipeline import embedded
from linli.register import Batch, Register
from linli.settings import SHANGHAI, Settings, as_of
from payloads import PAYLOADS, live_in_csv

ADDRESS = {"LINLI_CASE_SYSTEM_URL": "postgresql://reader@127.0.0.1:1/cases"}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is in which the first test looked at it."""
    monkeypatch.setattr(terminal.console, "width", 200)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backfill", "--from", "2026-10-31", "--to", "2026-10-30"], "截止日 2026-10-30 早于起始日 2026-10-31"),
        (["night", "--day", "31.10.2026"], "日期“31.10.2026”无法识别"),
        (["sql", "select 1"], "还没有发布过数据，请先运行"),
        (["status"], "还没有发布过"),
        (["night", "--day", "2999-01-01"], "2999-01-01 还没有过完：已过完的最新一天是 20"),
        (["backfill", "--from", "2026-10-31", "--to", "2999-01-01"], "2999-01-01 还没有过完"),
        (["reconcile", "--day", "2999-01-01"], "2999-01-01 还没有过完"),
        (["quarantine", "show", "case_system.callbacks", "1"], "还没有载入过数据"),
        (["quarantine", "list"], "还没有载入过数据"),
        (["quarantine", "waivers"], "还没有载入过数据"),
        (["quarantine", "unwaive", "1"], "还没有载入过数据"),
        (["slips"], "还没有发布过数据，请先运行"),
        (["serve", "postgres"], "没有配置 LINLI_SERVING_URL"),
        (["quarantine", "list", "--source", "foo"], "没有声明过名为 foo 的来源，已声明的是 case_system、"),
        (["sql", ""], "还没有发布过数据"),
        (["quarantine", "list", "--source", "case_system", "--record", "points_ledger.residents"], "说的不是同一来源，只给一个即可"),
        (["quarantine", "list", "--record", "foo"], "没有声明过名为 foo 的记录，已声明的是 case_system.cases、"),
        (["demo", "status"], "还没有示范区，请先运行"),
        (["demo", "tick"], "还没有示范区，请先运行"),
        (["demo", "up", "--until", "2027-01-01"], "示范区的历史只能在"),
    ],
)
def test_refusals_are_told_in_chinese(arguments: list[str], said: str, tmp_path: Path) -> None:
    given = {"LINLI_HOME": str(tmp_path / "var"), "LINLI_DEMO_HOME": str(tmp_path / "demo"), **ADDRESS}
    done = CliRunner().invoke(app, arguments, env=given)
    assert (done.exit_code, isinstance(done.exception, SystemExit)) == (1, True)
    assert said in done.output.replace("\n", "")
    assert "Traceback" not in done.output
    assert not (tmp_path / "var" / "register.sqlite").exists() or arguments[0] not in ("quarantine", "night", "backfill", "reconcile")


@pytest.fixture
def published(tmp_path: Path) -> dict[str, str]:
    """The environment of a home with a published file of two schemas."""
    (tmp_path / "warehouse").mkdir()
    with duckdb.connect(str(tmp_path / "warehouse" / "linli.duckdb")) as con:
        con.execute("create schema mart; create table mart.mart_note as select 7 as n; create table main.published_at as select 1 as run")
    return {"LINLI_HOME": str(tmp_path), **ADDRESS}


@pytest.mark.parametrize(
    ("query", "exit_code", "said"),
    [
        ("select n * 6 as answer from mart_note", 0, "42"),
        ("select n * 6 as answer from mart.mart_note", 0, "42"),
        ("show tables", 0, "mart_note"),
        ("select 1; select 2", 1, "一次只执行一条 SQL"),
        (" -- nothing", 1, "没有给出 SQL"),
        ("select * from nowhere", 1, "sql \"show tables\""),
        ("copy mart_note to '/tmp/nowhere.csv'", 1, "查询出错"),
    ],
)
def test_queries(published: dict[str, str], query: str, exit_code: int, said: str) -> None:
    done = CliRunner().invoke(app, ["sql", query], env=published)
    assert (done.exit_code, said in done.output) == (exit_code, True), done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nigt"], "没有命令 nigt，是不是 night；"),
        (["quarantine", "lst"], "没有命令 lst，是不是 list；"),
        (["quarantine", "x"], "没有命令 x，有 list、show、waive、dismiss、waivers、unwaive；用法：root quarantine --help"),
        (["night"], "缺少 --day（日期，如 2026-10-31）；"),
        (["month", "close", "--approved-by", "x"], "缺少 MONTH（月份，如 2026-10）；"),
        (["night", "--dayy", "x"], "没有选项 --dayy，是不是 --day；"),
        (["sql", "--limit", "x", "select 1"], "--limit 的值不能使用（最多显示的行数）；"),
        (["sql", "--limit"], "选项 --limit 后面应有一个值；"),
        (["status", "--help=x"], "选项 --help 不带值；"),
        (["status", "more words"], "多出了 more words，含空格的要加引号；"),
    ],
)
def test_a_command_typed_wrong_is_told_in_chinese(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, said in done.output.replace("\n", "")) == (2, True), done.output


def test_the_version_says_what_decides_a_figure() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0 and re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{12}\n", done.output)


def test_the_list_of_returned_rows_as_csv_is_whole_and_holds_no_formula(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from linli import pipeline
    from linli.register import QuarantineEntry

    at = as_of(dt.date(2026, 10, 31))
    entries = [
        QuarantineEntry("case_system", "callbacks", key, ("key_repeated",), "=1+1", "b1", 1, None, at, at, None, None) for key in "abc"
    ]
    monkeypatch.setattr(pipeline, "quarantine_entries", lambda *_, **__: entries)
    monkeypatch.setattr(pipeline, "waived_entries", lambda *_: frozenset())
    done = CliRunner().invoke(app, ["quarantine", "list", "--csv", "--limit", "1"], env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    rows = list(csv.reader(io.StringIO(done.output)))
    assert [row[1] for row in rows] == ["键", "a", "b", "c"] and not any(cell.startswith("=") for row in rows for cell in row)


def steers(output: str) -> list[str]:
    """What a terminal would not print but do."""
    return [sign for sign in output if unicodedata.category(sign)[0] == "C" and sign not in "\n"]


def shows(output: str, text: str) -> bool:
    """Whether the words of `text` stand in a table, however it is broken into lines."""
    words = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in text).split()
    return all(word in output for word in words)


def test_no_text_of_a_row_is_an_order(published: dict[str, str]) -> None:
    """A formula to a spreadsheet, markup to what prints the table, a sequence that steers the terminal."""
    with duckdb.connect(f"{published['LINLI_HOME']}/warehouse/linli.duckdb") as con:
        con.execute("create table mart.mart_text (n bigint, said varchar)")
        con.executemany("insert into mart.mart_text values (?, ?)", [[-n, text] for n, text in enumerate(PAYLOADS)])
    query = "select n, said, said as \"=said[/x]\" from mart_text order by n desc"
    as_csv = CliRunner().invoke(app, ["sql", "--csv", query], env=published)
    assert (as_csv.exit_code, live_in_csv(as_csv.stdout)) == (0, [])
    as_table = CliRunner().invoke(app, ["sql", "--limit", "500", query], env=published)
    assert as_table.exit_code == 0, as_table.output
    assert steers(as_table.output) == [] and "=said[/x]" in as_table.output
    assert [text for text in PAYLOADS if not shows(as_table.output, text)] == []


@pytest.mark.parametrize(
    "arguments",
    [["quarantine", "list", "--limit", "500"], ["quarantine", "show", "case_system.callbacks", "k"], ["quarantine", "waivers"],
     ["month", "list"]],
)  # fmt: skip
def test_no_text_of_what_was_returned_or_decided_is_an_order(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from linli import closing, pipeline
    from linli.pipeline.quarantined import QuarantinedRow, Words
    from linli.register import QuarantineEntry, Waiver
    from linli.settings import as_of

    monkeypatch.setattr(terminal.console, "width", 600)
    day, rule, together = dt.date(2026, 10, 31), ("key_repeated",), " ".join(PAYLOADS)

    def entry(text: str) -> QuarantineEntry:
        return QuarantineEntry("case_system", "callbacks", text, rule, text, "b1", 1, None, as_of(day), as_of(day), None, None)

    words, values = [Words(rule[0], text, text) for text in PAYLOADS], [("side", "回访对象", text) for text in PAYLOADS]
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
    from linli import pipeline
    from linli.register import QuarantineEntry
    from linli.settings import as_of

    at = as_of(dt.date(2026, 10, 31))
    entry = QuarantineEntry("case_system", "callbacks", "#a|b $(c)", ("key_repeated",), None, "b1", 1, None, at, at, None, None)
    monkeypatch.setattr(pipeline, "quarantine_entries", lambda *_, **__: [entry])
    monkeypatch.setattr(pipeline, "waived_entries", lambda *_: frozenset())
    done = CliRunner().invoke(app, ["quarantine", "list"], env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    assert "quarantine show case_system.callbacks '#a|b $(c)'" in done.output


def test_an_interrupted_command_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from linli import pipeline

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "night", interrupted)
    done = CliRunner().invoke(app, ["night", "--day", "2026-10-31"], env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    assert (done.exit_code, "已中断" in done.output) == (130, True)


def test_the_demo_tells_its_state_as_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from linli import demo
    from linli.demo.home import DemoStatus

    running = {"case_system": True, "patrol_app": False, "points_ledger": True, "meeting_returns": True}
    monkeypatch.setattr(demo, "status", lambda home: DemoStatus(home, 1, 2, dt.date(2026, 10, 31), True, running))
    done = CliRunner().invoke(app, ["demo", "status"], env={"LINLI_DEMO_HOME": str(tmp_path)})
    rows = [[word for word in line.split() if word != "│"] for line in done.output.splitlines()]
    assert ["最新一天", "2026-10-31"] in rows and ["案件系统", "运行中"] in rows and ["巡查应用", "▲", "未运行"] in rows
    assert "DemoStatus" not in done.output


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
    from linli import demo

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
    from linli.cli import terminal

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


def test_a_mistyped_file_of_channels_is_told(tmp_path: Path) -> None:
    given = {"LINLI_HOME": str(tmp_path), "LINLI_ALERTS": str(tmp_path / "alers.yml"), **ADDRESS}
    done = CliRunner().invoke(app, ["alerts", "send"], env=given)
    assert done.exit_code == 1 and "alers.yml：没有这个文件，消息发不出去" in done.output.replace("\n", "")


def test_alerts_are_told_listed_and_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_TEST_KEY", "key-of-the-test")
    given = {"LINLI_HOME": str(tmp_path), **ADDRESS}
    (tmp_path / "alerts.yml").write_text(
        "channels: {group: {kind: wecom, base: 'http://127.0.0.1:1', key: {env: LINLI_TEST_KEY}}}", encoding="utf-8"
    )

    def invoked(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["alerts", *arguments], env=given)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return done.exit_code, done.output.replace("\n", "")

    assert invoked("send") == (0, "新告知 0 条，没有变化不再告知 0 条送达 0 次，拒收 0 次，等待 0 次")
    code, said = invoked("heartbeat", "--at", "2026-11-14 07:30")
    assert code == 3 and "新告知 1 条" in said and "等待 1 次" in said and "▲ 渠道 group：不通（连接不上）" in said
    code, said = invoked("list")
    assert code == 0 and "2026-11-13 的数据还没有载入并发布" in said and "等待发送 1、" in said and "key-of-the-test" not in said
    assert "linli doctor" in invoked("show", "1")[1] and "group：等待发送（连接不上）" in invoked("show", "1")[1]
    assert invoked("test", "group") == (1, "✗ 不通（连接不上）")
    assert invoked("test", "outbox") == (0, "✓ 已送达")
    assert "没有名为 foo 的渠道，已配置的是 group、outbox" in invoked("test", "foo")[1]
    assert "没有编号为 9 的消息" in invoked("show", "9")[1] and "没有被拒收或未送达的" in invoked("retry", "1")[1]
    assert invoked("heartbeat", "--at", "seven")[1] == "✗ 时刻“seven”无法识别，应写作 '2026-11-14 07:00'"


def test_silences_are_made_listed_and_ended(tmp_path: Path) -> None:
    given = {"LINLI_HOME": str(tmp_path), **ADDRESS}
    until = (dt.datetime.now(SHANGHAI).date() + dt.timedelta(days=5)).isoformat()

    def invoked(*arguments: str) -> str:
        return CliRunner().invoke(app, ["alerts", *arguments], env=given).output.replace("\n", "")

    of_the_patrols = ("--source", "patrol_app", "--until", until, "--reason", "接口升级", "--owner", "区数据组")
    assert f"✓ 静默 1，到 {until} 为止" in invoked("silence", *of_the_patrols)
    assert "接口升级" in invoked("silences") and "静默中" in invoked("silences")
    assert "✓ 静默 1 已结束" in invoked("unsilence", "1") and invoked("silences") == "没有静默"
    assert "至少一个" in invoked("silence", *of_the_patrols[2:]) and "没有编号为 1 的静默" in invoked("unsilence", "1")
