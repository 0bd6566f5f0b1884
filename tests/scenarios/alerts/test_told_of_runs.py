"""What is told of nights and reconciliations: of those that went wrong, once, of their end, and of a load that has not come."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from linli.pipeline import alerts
from linli.settings import SHANGHAI, Settings
from scenarios.alerts.deployment import ALSO, DAY, FAILED, NIGHT, Deployment, titles
from unit.alerts.doubles import StoppedClock


def test_before_anything_has_run_there_is_nothing_to_tell(tmp_path: Path) -> None:
    settings = Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_MEETING_INBOX": str(tmp_path)})
    sent = alerts.send_alerts(settings, clock=StoppedClock())
    assert (sent.tally.told, sent.delivered.delivered) == (0, 0) and not settings.register_path.exists()


def test_a_night_without_trouble_is_quiet(home: Deployment) -> None:
    home.night()
    assert home.send() == []


def test_a_degraded_night_says_which_source_why_and_how_far(home: Deployment) -> None:
    home.night(DAY, "degraded", FAILED, ALSO)
    [text] = home.send()
    lines = text.splitlines()
    assert lines[0] == "【警告】2026-11-13 夜间载入不全：案件系统缺数据"
    assert lines[1] == "  案件系统·案件、回访 未载入，数据截至 2026-11-12 00:00：数据库没有应答，电话 [电话]"
    assert "linli night --day 2026-11-13" in text and "数据截至 2026-11-14 00:00" in lines[-1]


def test_the_same_trouble_next_night_is_quiet_another_is_not_and_its_end_is_told(home: Deployment) -> None:
    home.night(DAY, "degraded", FAILED)
    assert len(home.send()) == 1
    home.night(DAY + dt.timedelta(days=1), "degraded", FAILED)
    assert home.send() == []
    home.night(DAY + dt.timedelta(days=2), "degraded", FAILED, ALSO)
    assert len(home.send()) == 1
    home.night(DAY + dt.timedelta(days=3))
    assert titles(home.send()) == ["【提示】夜间载入已恢复：2026-11-16 完整"]
    assert home.send() == []


def test_every_failed_night_is_told_with_what_was_broken(home: Deployment) -> None:
    home.night(DAY, "failed")
    [text] = home.send()
    assert titles([text]) == ["【严重】2026-11-13 夜间载入失败，没有发布新数据"]
    assert "检查未通过：mart_clock_257 有 2 个层级合计与全区不符（levels_add_up）" in text
    assert home.send() == []
    home.night(DAY + dt.timedelta(days=1), "failed")
    assert titles(home.send()) == ["【严重】2026-11-14 夜间载入失败，没有发布新数据"]


def test_an_older_day_run_again_makes_no_failed_night_good(home: Deployment) -> None:
    home.night(DAY, "failed")
    assert len(home.send()) == 1
    home.night(dt.date(2026, 11, 10))
    assert home.send() == []
    home.night(dt.date(2026, 11, 9), "failed")
    assert titles(home.send()) == ["【严重】2026-11-09 夜间载入失败，没有发布新数据"]
    home.night(dt.date(2026, 11, 10))
    assert titles(home.send()) == ["【严重】2026-11-13 夜间载入失败，没有发布新数据"]
    home.night(DAY)
    home.night(dt.date(2026, 11, 10))
    assert titles(home.send()) == ["【提示】夜间载入已恢复：2026-11-13 完整"]
    assert home.send() == []


def test_a_reconciliation_that_failed_is_told_apart(home: Deployment) -> None:
    home.night(DAY)
    home.night(DAY, "degraded", FAILED, kind="reconcile")
    assert titles(home.send()) == ["【警告】2026-11-13 与来源核对不全：案件系统缺数据"]


def beat(home: Deployment, day: int, hour: int, minute: int = 0) -> list[str]:
    at = dt.datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)
    home.clock.at = at
    alerts.heartbeat(home.settings, at=at, clock=home.clock)
    return titles(home.told())


def test_a_load_that_is_there_by_seven_is_not_spoken_of(home: Deployment) -> None:
    home.night(DAY)
    assert beat(home, 14, 7) == []


def test_one_that_is_not_is_told_once_a_day_and_when_it_has_come(home: Deployment) -> None:
    home.night(dt.date(2026, 11, 12))
    assert beat(home, 14, 6, 59) == []
    assert beat(home, 14, 7) == ["【严重】到 11-14 07:00，2026-11-13 的数据还没有载入并发布"]
    assert beat(home, 14, 8) == []
    assert beat(home, 15, 7) == ["【严重】到 11-15 07:00，2026-11-14 的数据还没有载入并发布"]
    home.night(dt.date(2026, 11, 14), "degraded", FAILED)
    assert beat(home, 15, 9) == ["【提示】2026-11-14 的数据已载入并发布"]
    home.night(dt.date(2026, 11, 1))
    assert beat(home, 15, 10) == []


def test_a_failed_or_running_night_is_no_load(home: Deployment) -> None:
    home.night(dt.date(2026, 11, 12))
    home.night(DAY, "failed")
    home.clock.at = NIGHT
    alerts.heartbeat(home.settings, at=dt.datetime(2026, 11, 14, 7, tzinfo=SHANGHAI), clock=home.clock)
    [text] = home.told()
    assert "最新发布的是 2026-11-12" in text and "最近一次运行：2026-11-13，" in text and "失败" in text


def test_where_nothing_was_ever_loaded_the_heartbeat_says_so(tmp_path: Path) -> None:
    settings = Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_MEETING_INBOX": str(tmp_path)})
    alerts.heartbeat(settings, clock=StoppedClock())
    [path] = (settings.alerts / "outbox").iterdir()
    assert "还没有发布过" in path.read_text(encoding="utf-8") and not settings.register_path.exists()


def test_where_the_sources_have_a_time_of_their_own_it_counts(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("2026-10-31")
    env = {"LINLI_HOME": str(tmp_path / "home"), "LINLI_MEETING_INBOX": str(tmp_path), "LINLI_CLOCK": str(tmp_path / "clock")}
    home = Deployment(tmp_path / "home")
    home.settings = Settings.load(env)
    home.night(dt.date(2026, 10, 31))
    assert beat(home, 14, 9) == []
    home.register.close()
