"""What is told of the published marts: steps due and overdue, what has stopped or is owed, a month that waits."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from linli.pipeline import alerts
from linli.register import Batch
from linli.settings import SHANGHAI, as_of
from scenarios.alerts.deployment import DAY, FAILED, Deployment, titles


def morning(home: Deployment, hour: int = 7, day: int = 14) -> list[str]:
    at = dt.datetime(2026, 11, day, hour, tzinfo=SHANGHAI)
    home.clock.at = at
    alerts.morning(home.settings, at=at, clock=home.clock)
    return home.told()


def test_each_morning_a_station_hears_what_is_due_and_overdue_by_number(home: Deployment) -> None:
    due = [{"case_no": f"340405-2026-{n:06d}", "due_on": dt.date(2026, 11, 1 + n % 10)} for n in range(12)]
    due += [{"case_no": "A", "due_on": dt.date(2026, 11, 14), "step": "accept"}]
    due += [{"case_no": "B", "due_on": dt.date(2026, 11, 14), "station_code": "none"}, {"case_no": "C", "due_on": dt.date(2026, 11, 16)}]
    home.published(due=due)
    assert morning(home, hour=6) == []
    texts = morning(home)
    assert titles(texts) == [
        "【提示】春晖花苑：11-14 到期 1 项，已逾期 0 项",
        "【警告】春晖花苑综合执法工作站：11-14 到期 1 项，已逾期 12 项",
    ]
    lines = texts[1].splitlines()
    assert lines[1] == "  2日核实 11-14 到期：A：1 项"
    assert lines[2].startswith("  5日办结 已逾期（最早 2026-11-01 到期）：340405-2026-000000、340405-2026-000010、340405-2026-000001")
    assert lines[2].endswith("等：12 项") and lines[2].count("340405-2026-") == 10
    assert "数据截至 2026-11-14 00:00" in lines[-1]
    assert morning(home, hour=8) == []


def test_after_a_night_that_published_nothing_stations_hear_of_their_day_all_the_same(home: Deployment) -> None:
    due = [{"case_no": "A", "due_on": dt.date(2026, 11, 14)}, {"case_no": "B", "due_on": dt.date(2026, 11, 15)}]
    home.published(due=due)
    assert titles(morning(home)) == ["【提示】春晖花苑综合执法工作站：11-14 到期 1 项，已逾期 0 项"]
    [text] = morning(home, day=15)
    assert text.splitlines()[:4] == [
        "【提示】春晖花苑综合执法工作站：11-15 到期 1 项，可能逾期 1 项",
        "  案件系统只读到 2026-11-14 00:00，其后核实、办结、回访的没有计入",
        "  5日办结 11-15 到期：B：1 项",
        "  5日办结 已逾期（最早 2026-11-14 到期）：A：1 项",
    ]
    assert morning(home, day=15, hour=8) == []
    home.published(dt.date(2026, 11, 14), due=due)
    assert titles(morning(home, day=15, hour=9)) == ["【警告】春晖花苑综合执法工作站：11-15 到期 1 项，已逾期 1 项"]


def test_nobody_is_warned_of_what_the_case_system_was_not_asked(home: Deployment) -> None:
    home.published(due=[{"case_no": "A", "due_on": dt.date(2026, 11, 3)}], read_to=dt.date(2026, 11, 11))
    [text] = morning(home)
    assert titles([text]) == ["【提示】春晖花苑综合执法工作站：11-14 到期 0 项，可能逾期 1 项"]
    assert "案件系统只读到 2026-11-12 00:00，其后" in text
    with duckdb.connect(home.settings.published) as con:
        con.execute("update published_at set source_as_of = null where feed = 'callbacks'")
    assert "案件系统没有读全，已办的可能没有计入" in morning(home, hour=8)[0]


def test_provisional_due_dates_are_told_apart(home: Deployment) -> None:
    home.published(due=[{"case_no": "A", "due_on": dt.date(2026, 11, 14), "is_due_provisional": True}, {"case_no": "B", "due_on": DAY}])
    assert morning(home)[0].splitlines()[1:3] == [
        "  5日办结 11-14 到期，到期日为暂定，放假安排公布后重算：A：1 项",
        "  5日办结 已逾期（最早 2026-11-13 到期）：B：1 项",
    ]


def test_a_kind_of_record_that_stopped_is_told_once(home: Deployment) -> None:
    home.night()
    home.published(vanished=["patrols"])
    [text] = home.send()
    assert titles([text]) == ["【警告】八公山区 巡查应用：1 类一向都有的记录没有了"]
    assert "巡查应用·巡查：2026-10-24 之后至今没有，已 15 个工作日" in text
    home.published(dt.date(2026, 11, 14), vanished=["patrols"])
    with duckdb.connect(home.settings.published) as con:
        con.execute("update mart.mart_data_completeness set last_seen_on = '2026-10-24', missing_workdays = 16")
    assert home.send() == []
    home.published(dt.date(2026, 11, 14), vanished=["patrols", "snaps"])
    assert titles(home.send()) == ["【警告】八公山区 巡查应用：2 类一向都有的记录没有了"]


def test_returns_that_have_not_come_are_told_to_their_community(home: Deployment) -> None:
    home.night()
    home.published(owed=2)
    [text] = home.send()
    assert titles([text]) == ["【警告】春晖社区：2 个月的台账到期没有收到"]
    assert text.splitlines()[1:3] == ["  2026-10：会议", "  2026-09：会议"]
    assert home.send() == []


def test_a_month_loaded_to_its_end_waits_for_approval(home: Deployment) -> None:
    home.published(dt.date(2026, 10, 31))
    assert home.send() == []
    run = home.register.begin_run(dt.date(2026, 10, 1), as_of(dt.date(2026, 10, 1)))
    first = Batch("w", "case_system", "cases", "window", "x", 0, None, as_of(dt.date(2026, 10, 1)), as_of(DAY), run.run_id)
    home.register.add_batches([first])
    home.register.end_run(run, "succeeded")
    [text] = home.send()
    assert titles([text]) == ["【提示】2026年10月已载入完，等待批准结账"]
    assert "linli month close 2026-10 --approved-by" in text
    home.published(dt.date(2026, 11, 12))
    assert home.send() == []


def test_what_cannot_be_read_stops_no_delivery(home: Deployment) -> None:
    home.night(DAY, "degraded", FAILED)
    home.published()
    with duckdb.connect(home.settings.published) as con:
        con.execute("drop table ref.dim_level_key")
    with pytest.raises(duckdb.CatalogException):
        home.send()
    assert titles(home.told()) == ["【警告】2026-11-13 夜间载入不全：案件系统缺数据"]


def test_a_release_from_before_these_marts_is_no_failure(home: Deployment) -> None:
    home.night()
    home.published()
    with duckdb.connect(home.settings.published) as con:
        for mart in ("mart_due_step", "mart_return_completeness", "mart_data_completeness"):
            con.execute(f"drop table mart.{mart}")
    assert home.send() == [] and morning(home) == []


def test_a_channel_that_was_mended_and_tried_gets_at_once_what_waits(home: Deployment, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    (home.settings.home / "alerts.yml").write_text(f"channels: {{drop: {{kind: folder, path: {drop}}}}}", encoding="utf-8")
    home.night(DAY, "degraded", FAILED)
    alerts.send_alerts(home.settings, clock=home.clock)
    assert alerts.try_channel(home.settings, "drop", clock=home.clock)[0].state == "unreachable"
    drop.mkdir()
    alerts.send_alerts(home.settings, clock=home.clock)
    assert list(drop.iterdir()) == []
    assert alerts.try_channel(home.settings, "drop", clock=home.clock)[0].state == "delivered"
    alerts.send_alerts(home.settings, clock=home.clock)
    assert sorted(path.name.rpartition("-")[2] for path in drop.iterdir()) == ["night_degraded.txt", "test.txt"]
