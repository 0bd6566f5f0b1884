"""`linli alerts`: messages and silences."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linli.cli import app
from linli.settings import SHANGHAI
from unit.cli.environment import ADDRESS


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
