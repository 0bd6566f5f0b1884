"""What the closing table says besides its figures: what is missing, what waits, what the counts mean."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from linli.contracts import Catalog
from linli.pipeline.night import NightReport
from linli.pipeline.present import show_closing, show_days, show_rows, show_slips, show_sources
from linli.pipeline.report import ClosingTable, Settled
from linli.pipeline.slips import WrittenSlips
from linli.register import Run, SourceStatus
from linli.settings import Settings, as_of
from linli.slips import BadRow, Slip, SlipSheet

DAY = dt.date(2026, 10, 31)
LOADED = SourceStatus("case_system", "cases", "loaded", "", as_of(DAY), 300)
AWAY = SourceStatus("patrol_app", "snaps", "failed", "patrol_app.snaps：第 1 页请求 6 次均无应答", as_of(DAY - dt.timedelta(days=2)), 0)
UNSET = SourceStatus("points_ledger", "residents", "not_configured", "", None, 0)
LATER = "有 2 个文件在 2026-11-01 00:00 之后放入或仍在写入，等下一夜载入"
WAITING = SourceStatus("meeting_returns", "returns", "loaded", LATER, as_of(DAY), 0)


def closing(*statuses: SourceStatus) -> ClosingTable:
    counts = {"landed": 1300, "accepted": 990, "quarantined": 300, "held": 7, "duplicates": 3, "stopped": 0}
    run = Run("night-1", 1, "night", DAY, as_of(DAY))
    return ClosingTable(run, "succeeded", [{"source": "case_system", "record": "cases", **counts}], list(statuses), [], [], 277)


def page() -> Console:
    return Console(file=io.StringIO(), width=140)


def said(catalog: Catalog, *statuses: SourceStatus) -> str:
    console = page()
    show_closing(console, closing(*statuses), catalog, Settings.load({"LINLI_HOME": "/srv/linli"}))
    return printed(console)


def test_a_night_without_all_its_sources_is_degraded(catalog: Catalog) -> None:
    assert "已发布：/srv" in said(catalog, LOADED, UNSET)
    text = said(catalog, AWAY)
    assert "已发布（降级：有来源未载入，见上）：/srv" in text
    assert "▲ 巡查应用·随手拍 未载入，数据截至 2026-10-30 00:00：第 1 页请求 6 次均无应答\n" in text
    text = said(catalog, LOADED, UNSET, SourceStatus("points_ledger", "ledger_entries", "not_configured", "", None, 0))
    assert "\n积分台账·居民、积分流水 未配置\n" in text and "▲" not in text


def test_feeds_of_which_the_same_is_to_be_said_share_a_line(catalog: Catalog) -> None:
    down = [SourceStatus("case_system", feed, "failed", f"case_system.{feed}：没有应答", None, 0) for feed in ("case_steps", "cases")]
    assert "▲ 案件系统·案件、案件环节 未载入，从未载入：没有应答\n" in said(catalog, AWAY, *down)


def test_nights_out_of_order_are_told(catalog: Catalog) -> None:
    def told(newest: dt.date | None, *statuses: SourceStatus) -> str:
        console, table = page(), replace(closing(*statuses or (LOADED,)), newest_before=newest)
        show_closing(console, table, catalog, Settings.load({"LINLI_HOME": "/srv/linli"}))
        assert isinstance(console.file, io.StringIO)
        return next((line for line in console.file.getvalue().splitlines() if "▲" in line and "发布" in line), "")

    assert [told(newest) for newest in (None, DAY - dt.timedelta(days=1), DAY)] == ["", "", ""]
    assert told(dt.date(2026, 10, 28)) == "▲ 此前最新发布的是 2026-10-28，其间 2 天没有单独发布，它们的记录这一夜已一并载入"
    assert told(dt.date(2026, 10, 28), AWAY) == "▲ 此前最新发布的是 2026-10-28，其间 2 天没有单独发布"
    back = told(dt.date(2026, 11, 1))
    assert back.startswith("▲ 最新已发布过 2026-11-01，现在发布的数字回到 2026-10-31") and back.endswith("night --day 2026-11-01")


def test_files_that_wait_are_told(catalog: Catalog) -> None:
    assert f"▲ 会议台账·台账文件：{LATER}\n" in said(catalog, WAITING)
    assert "▲" not in said(catalog, LOADED, replace(WAITING, detail=""))


def test_both_counts_of_what_was_sent_back_are_explained(catalog: Catalog) -> None:
    assert "本次到货中退回 300 行；历次退回、至今待改的共 277 条" in said(catalog, LOADED)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_every_source_says_how_far_it_is_loaded(catalog: Catalog) -> None:
    console = page()
    show_sources(console, [LOADED, AWAY, UNSET], catalog)
    assert isinstance(console.file, io.StringIO)
    rows: Sequence[list[str]] = lines(console.file.getvalue())
    assert ["案件系统", "案件", "已载入", "2026-11-01", "00:00"] in rows
    assert ["巡查应用", "随手拍", "▲", "未载入", "2026-10-30", "00:00"] in rows
    assert ["积分台账", "居民", "未配置", "—"] in rows


def test_each_day_of_a_backfill_has_its_line() -> None:
    console = page()
    show_days(console, [NightReport("succeeded", "v", "h", closing(LOADED)), NightReport("degraded", "v", "h", closing(AWAY))])
    assert isinstance(console.file, io.StringIO)
    rows = lines(console.file.getvalue())
    assert ["2026-10-31", "已发布", "1,300", "990", "300", "7", "3", "277"] in rows
    assert ["2026-10-31", "▲", "已发布（降级）", "1,300", "990", "300", "7", "3", "277"] in rows


def test_corrections_are_told_with_the_months_they_change(catalog: Catalog) -> None:
    def told(settled: Settled, waived: int = 0) -> str:
        console = page()
        table = replace(closing(LOADED), settled=settled, waived=waived)
        show_closing(console, table, catalog, Settings.load({"LINLI_HOME": "/srv/linli"}))
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    months = [dt.date(2026, 9, 1), dt.date(2026, 10, 1)]
    text = told(Settled({"superseded": 1, "accepted": 3}, months))
    assert "更正已收到：4 条了结（已改好入库 3、已有更新的文件或版本 1），所涉月份的数字已随之重算（台账：2026-09、2026-10）\n" in text
    assert "所涉月份的数字已随之重算\n" in told(Settled({"accepted": 3}, []))
    assert "更正已收到" not in told(Settled({}, []))
    assert "至今待改的共 277 条，其中暂准 5 条（" in told(Settled({}, []), 5)


def test_slips_are_listed_with_whose_they_are(catalog: Catalog) -> None:
    def told(*slips: Slip, waived: int = 0) -> str:
        console = page()
        show_slips(console, WrittenSlips(Path("slips/2026-10-31"), slips, waived))
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    sheet = SlipSheet(catalog.record("case_system.cases"), [BadRow("1", {}, [])] * 3)
    mine = Slip("case_system", "案件系统", "340405-S01", "春晖[站]", DAY, [sheet], is_returned=False)
    text = told(mine, replace(mine, submitter=None, submitter_name="提交方不明"), waived=2)
    assert "退回单 2 份，共 6 行，暂准 2 条不列" in text and "文件夹：slips/2026-10-31" in text
    assert "340405-S01 春晖[站]" in text and "case_system-340405-S01.xlsx" in text
    assert "提交方不明" in text and "case_system-unknown.xlsx" in text
    assert told().startswith("没有待改的退回\n")


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_rows_too_wide_for_the_terminal_stand_one_under_the_other() -> None:
    names, row = ["case_no", "satisfaction_rate", "words"], ("340405-2026-000001", 0.5, "[b]很长的一句话" * 9)
    narrow, wide = Console(width=80, file=io.StringIO()), Console(width=400, file=io.StringIO())
    for console in (narrow, wide):
        show_rows(console, names, [row, row], 1)
    assert [line.split()[0] for line in printed(narrow).splitlines() if line.strip()][:3] == ["第", "case_no", "satisfaction_rate"]
    assert "0.5000" in printed(narrow) and "[b]很长" in printed(narrow) and "还有 1 行未显示：--limit 2" in printed(narrow)
    assert any(set(names) <= set(line.replace("┃", " ").split()) for line in printed(wide).splitlines())


def test_what_is_to_be_looked_at_is_the_newest_whole_month() -> None:
    def whole(day: dt.date) -> dt.date:
        run = Run("night", 1, "night", day, as_of(day))
        return ClosingTable(run, "succeeded", [], [], [], [], 0).newest_whole_month

    assert whole(dt.date(2026, 10, 31)) == dt.date(2026, 10, 1)
    assert whole(dt.date(2026, 11, 1)) == whole(dt.date(2026, 11, 29)) == dt.date(2026, 10, 1)
    assert whole(dt.date(2027, 1, 5)) == dt.date(2026, 12, 1)
