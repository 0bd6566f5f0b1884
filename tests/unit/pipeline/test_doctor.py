"""`linli doctor`: what is wrong is found, with what to do about it, and the rest is looked at all the same."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from linli import calendar
from linli.pipeline import doctor
from linli.pipeline.doctor import Finding, examine
from linli.privacy import KeyRing
from linli.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "home").mkdir(mode=0o700)
    env = {
        "LINLI_HOME": str(tmp_path / "home"),
        "LINLI_MEETING_INBOX": str(tmp_path / "inbox"),
        "LINLI_CASE_SYSTEM_URL": "postgresql://127.0.0.1:1/x",
    }
    return Settings.load(env)


def found(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(settings)}


def test_everything_is_looked_at_whatever_is_broken(settings: Settings) -> None:
    told = found(settings)
    states = {subject: finding.state for subject, finding in told.items()}
    assert states["案件系统"] == "broken" and "LINLI_CASE_SYSTEM_URL" in told["案件系统"].remedy
    assert "127.0.0.1:1/x" not in told["案件系统"].said
    assert states["会议台账"] == "ok"
    assert states["积分台账"] == "doubtful" and "LINLI_POINTS_LEDGER_URL" in told["积分台账"].remedy
    assert list(states)[-8:] == ["LINLI_HOME", "假名密钥", "磁盘", "工作日历", "中文字体", "最近一夜", "消息渠道", "分析用数据库"]
    assert all(finding.remedy or finding.state == "ok" for finding in told.values())


def test_what_others_can_read_is_told_of(settings: Settings) -> None:
    KeyRing.load_or_create(settings.key_ring)
    assert (found(settings)["LINLI_HOME"].state, found(settings)["假名密钥"].state) == ("ok", "ok")
    settings.home.chmod(0o755)
    settings.key_ring.chmod(0o644)
    told = found(settings)
    assert (told["LINLI_HOME"].remedy, told["假名密钥"].remedy) == (f"chmod 700 {settings.home}", f"chmod 600 {settings.key_ring}")


def test_a_key_ring_gone_from_beside_its_lake_is_no_fresh_start(settings: Settings) -> None:
    assert found(settings)["假名密钥"].state == "doubtful"
    settings.lake.mkdir()
    assert found(settings)["假名密钥"].state == "broken"


def test_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(settings.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30))
    assert found(settings)["磁盘"].state == "broken"


def test_the_calendar_is_doubtful_before_it_ends(settings: Settings) -> None:
    last = calendar.last_published_year()
    assert doctor._calendar(dt.date(last, 10, 1)).state == "ok"
    waiting, announced = doctor._calendar(dt.date(last, 11, 25)), doctor._calendar(dt.date(last, 12, 5))
    assert (waiting.state, announced.state) == ("doubtful", "doubtful")
    assert "11 月公布后" in waiting.remedy and "chinesecalendar" in announced.remedy


def test_days_that_were_not_loaded(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "day").write_text("2026-10-31")
    monkeypatch.setattr(doctor, "latest_day", lambda _: dt.date(2026, 10, 28))
    night = found(replace(settings, clock=tmp_path / "day"))["最近一夜"]
    assert (night.said, night.remedy) == ("发布到 2026-10-28，落后 3 天", "linli backfill --from 2026-10-29 --to 2026-10-31")


def test_channels_that_take_nothing_are_told_with_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from linli.pipeline import alerts

    assert found(settings)["消息渠道"].state == "doubtful" and "alerts.md" in found(settings)["消息渠道"].remedy
    channels = settings.home / "alerts.yml"
    channels.write_text("chanels: {}", encoding="utf-8")
    assert found(settings)["消息渠道"].said == "渠道文件有误\nalerts.yml：chanels：不认识的键，请检查拼写"
    channels.write_text("channels: {group: {kind: wecom, base: 'http://127.0.0.1:1', key: {env: LINLI_TEST_KEY}}}", encoding="utf-8")
    monkeypatch.delenv("LINLI_TEST_KEY", raising=False)
    assert found(settings)["消息渠道"] == Finding(
        "消息渠道",
        "broken",
        "group：环境变量 LINLI_TEST_KEY 没有设置",
        "改正后运行 linli alerts test 渠道名，再 linli alerts send",
    )
    monkeypatch.setenv("LINLI_TEST_KEY", "key-of-the-test")
    assert found(settings)["消息渠道"] == Finding("消息渠道", "ok", "group")
    alerts.heartbeat(settings)
    told = found(settings)["消息渠道"]
    assert (told.state, told.said) == ("broken", "group：连接不上")


def test_routes_that_no_message_can_take_are_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from linli.pipeline import alerts
    from linli.pipeline.places import Places

    (settings.home / "group").mkdir()
    (settings.home / "alerts.yml").write_text(
        f"channels: {{group: {{kind: folder, path: {settings.home / 'group'}}}}}\n"
        "routes: [{to: [group], sources: [case_sistem, points_ledger], stations: [340405-S01, 340405-S99], districts: ['340405']}]",
        encoding="utf-8",
    )
    assert found(settings)["消息渠道"].said == "routes 中的 sources: case_sistem 不认识"
    places = Places({"340405-S01": "一站"}, {"340405-S01": "340405"}, {"340405-S01": "340405-S01"})
    monkeypatch.setattr(alerts, "places_of", lambda _: places)
    told = found(settings)["消息渠道"]
    assert told.said == "routes 中的 sources: case_sistem 不认识；routes 中的 stations: 340405-S99 不认识"
    assert told.state == "broken"


def test_a_database_for_analysts_that_is_down_is_told_without_its_address(settings: Settings) -> None:
    assert found(settings)["分析用数据库"].state == "ok" and "LINLI_SERVING_URL" in found(settings)["分析用数据库"].said
    down = found(replace(settings, serving_url="postgresql://linli:word-of-the-test@127.0.0.1:1/served"))["分析用数据库"]
    assert (down.state, down.remedy) == ("broken", "按 docs/howto/serve-analysts.md 准备这个库")
    assert "没有应答" in down.said and "word-of-the-test" not in down.said and "127.0.0.1" not in down.said
