"""The command line refuses in Chinese and without a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linli import pipeline
from linli.cli import app
from unit.cli.environment import ADDRESS


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


def test_an_interrupted_command_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "night", interrupted)
    done = CliRunner().invoke(app, ["night", "--day", "2026-10-31"], env={"LINLI_HOME": str(tmp_path), **ADDRESS})
    assert (done.exit_code, "已中断" in done.output) == (130, True)
