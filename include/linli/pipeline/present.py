"""The closing table and other answers of the command line, in Chinese, as rich tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table

from linli.contracts import Catalog
from linli.pipeline.night import NightReport
from linli.pipeline.report import ClosingTable, Settled, feed_remarks, in_declared_order
from linli.pipeline.slips import WrittenSlips
from linli.pipeline.words import CLOSED, STATES, STEPS, literal, moment, typeable
from linli.register import SourceStatus
from linli.settings import Settings

FINDING_MARKS = {"ok": "[green]✓[/green]", "doubtful": "[yellow]▲[/yellow]", "broken": "[red]✗[/red]"}
"""how a finding of `linli doctor` begins"""

_CASES = "case_system"
"""the source that the clock and satisfaction are counted from"""

_QUERY = (
    'linli sql "select key, double_satisfied_count, double_called_count, satisfaction_rate, satisfaction_low, satisfaction_high'
    " from mart_two_callback_satisfaction where level = 'community' and month = '{month:%Y-%m-%d}' order by key\""
)

_COUNTS = {"landed": "到货", "accepted": "入库", "quarantined": "退回", "held": "等待", "duplicates": "重复"}


_NARROW = (0, 1, 0, 0)
"""padding with which every figure has room on a terminal of eighty columns"""


def percent(rate: float | None) -> str:
    """A rate in 0..1 as a percentage; a dash when there is none."""
    return "—" if rate is None else f"{rate * 100:.1f}%"


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval of rates as percentages; a dash when there is none."""
    return "—" if low is None or high is None else f"{low * 100:.1f}–{high * 100:.1f}%"


def _account_table(table: ClosingTable, catalog: Catalog) -> Table:
    shown = Table(title=f"{table.run.day:%Y-%m-%d} 夜间载入：到货与去向", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("系统", "记录"):
        shown.add_column(name)
    for name in _COUNTS.values():
        shown.add_column(name, justify="right")
    declared_order = [record.full_name for source in catalog.sources.values() for record in source.records]
    for row in sorted(table.tonight, key=lambda r: declared_order.index(f"{r['source']}.{r['record']}")):
        declared = catalog.sources[row["source"]]
        label = next(r.label for r in declared.records if r.name == row["record"])
        figures = [f"{row[k]:,}" for k in _COUNTS]
        shown.add_row(declared.label, label + (" ▲整批停在关口" if row["stopped"] else ""), *figures)
    shown.add_section()
    shown.add_row("合计", "", *_totals(table))
    return shown


def _totals(table: ClosingTable) -> list[str]:
    return [f"{sum(row[k] for row in table.tonight):,}" for k in _COUNTS]


def _clock_table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(title="“257”时钟（按到期月份）", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=_NARROW)
    for name in ("月份", "环节"):
        shown.add_column(name, no_wrap=True)
    for name in ("到期", "按期", "超期", "超期未办", "未到期", "按期率", "95% 区间"):
        shown.add_column(name, justify="right", no_wrap=True)
    for r in rows:
        counts = [str(r[k]) for k in ("due_count", "on_time_count", "late_count", "overdue_count", "open_count")]
        shown.add_row(
            f"{r['month']:%Y-%m}", STEPS[r["step"]], *counts, percent(r["on_time_rate"]), interval(r["on_time_low"], r["on_time_high"])
        )
    return shown


def _satisfaction_table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(title="一案双回访满意率（按办结月份）", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=_NARROW)
    shown.add_column("月份", no_wrap=True)
    for name in ("办结", "到期", "未到期", "双回访", "双满意", "覆盖率", "满意率", "95% 区间"):
        shown.add_column(name, justify="right", no_wrap=True)
    for r in rows:
        keys = ("eligible_count", "matured_count", "pending_count", "double_called_count", "double_satisfied_count")
        rate = percent(r["satisfaction_rate"]) + ("（样本少）" if r["is_small_sample"] else "")
        shown.add_row(
            f"{r['month']:%Y-%m}", *[str(r[k]) for k in keys], percent(r["coverage_rate"]), rate,
            interval(r["satisfaction_low"], r["satisfaction_high"]),
        )  # fmt: skip
    return shown


def _feed(catalog: Catalog, status: SourceStatus) -> tuple[str, str]:
    source = catalog.sources[status.source]
    return source.label, source.feed(status.feed).root.label


def _remarks(statuses: Sequence[SourceStatus], catalog: Catalog) -> list[str]:
    """What is to be said of the feeds, one line for all feeds of a source of which the same is to be said."""
    lacking = {s.source for s in statuses if s.is_missing or s.state == "loaded"}
    return [
        ("[yellow]▲ " if remark.source in lacking else "[dim]") + f"{remark.label}·{'、'.join(remark.feeds)}{remark.text}"
        for remark in feed_remarks(statuses, catalog)
    ]


def show_closing(console: Console, table: ClosingTable, catalog: Catalog, settings: Settings) -> None:
    """Prints the closing table of a night and where to look next."""
    console.print(_account_table(table, catalog))
    console.print(_clock_table(table.clock))
    console.print(_satisfaction_table(table.satisfaction))
    if behind := [status.as_of for status in table.statuses if status.source == _CASES and status.state != "loaded"]:
        reach = "没有载入过" if None in behind else f"只到 {moment(min(each for each in behind if each))}"
        console.print(f"[yellow]▲ 案件数据{reach}：两表中的超期未办、未访到，可能只是没有载入", soft_wrap=True)
    for line in _remarks(table.statuses, catalog):
        console.print(line, soft_wrap=True)
    if table.newest_before:
        _show_order(console, table, table.newest_before)
    if table.settled.counts:
        console.print(_corrections(table.settled), soft_wrap=True)
    returned = sum(row["quarantined"] for row in table.tonight)
    of_cases = (
        f"查询：{_QUERY.format(month=table.newest_whole_month)}\n月度复盘：linli review {table.newest_whole_month:%Y-%m}\n"
        if table.clock
        else ""
    )
    degraded = "（[yellow]降级：有来源未载入，见上[/yellow]）" if table.is_degraded else ""
    console.print(
        f"到货含回看 {settings.lookback.days} 天时再读到的行。本次到货中退回 {returned:,} 行；"
        f"历次退回、至今待改的共 {table.open_quarantine:,} 条"
        + (f"，其中暂准 {table.waived:,} 条" if table.waived else "")
        + "（同一编号只计一条，已改好、已删除或已被更新文件取代的不计）\n"
        + typeable(f"查看待改：linli quarantine list，退回单：linli slips\n{of_cases}")
        + f"已发布{degraded}：{settings.published}",
        soft_wrap=True,
    )


def _corrections(settled: Settled) -> str:
    why = "、".join(f"{CLOSED[reason]} {count:,}" for reason, count in sorted(settled.counts.items(), key=lambda item: (-item[1], item[0])))
    months = f"（台账：{'、'.join(f'{month:%Y-%m}' for month in settled.months)}）" if settled.months else ""
    return f"更正已收到：{sum(settled.counts.values()):,} 条了结（{why}），所涉月份的数字已随之重算{months}"


def _show_order(console: Console, table: ClosingTable, newest: dt.date) -> None:
    """Says so when a night is not the one after the newest published before."""
    day = table.run.day
    skipped = (day - newest).days - 1
    if day < newest:
        again = typeable(f"linli night --day {newest}")
        console.print(f"[yellow]▲ 最新已发布过 {newest}，现在发布的数字回到 {day}；要恢复：{again}", soft_wrap=True)
    elif skipped > 0:
        along = "" if table.is_degraded else "，它们的记录这一夜已一并载入"
        console.print(f"[yellow]▲ 此前最新发布的是 {newest}，其间 {skipped} 天没有单独发布{along}", soft_wrap=True)


def show_sources(console: Console, statuses: Sequence[SourceStatus], catalog: Catalog) -> None:
    """Prints how far each source is loaded; those that were not are marked."""
    shown = Table(title="各来源数据截至", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("系统", "记录", "状态", "数据截至"):
        shown.add_column(name, no_wrap=True)
    for status in in_declared_order(statuses, catalog):
        mark = "" if status.state == "loaded" else "[yellow]▲ " if status.is_missing else "[dim]"
        shown.add_row(*_feed(catalog, status), f"{mark}{STATES[status.state]}", moment(status.as_of))
    console.print(shown)


def show_days(console: Console, reports: Sequence[NightReport]) -> None:
    """Prints one line for each night of a backfill."""
    shown = Table(title=f"补载 {len(reports)} 天", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("日期", "状态"):
        shown.add_column(name, no_wrap=True)
    for name in (*_COUNTS.values(), "至今待改"):
        shown.add_column(name, justify="right", no_wrap=True)
    for report in reports:
        state = "[yellow]▲ 已发布（降级）" if report.table.is_degraded else "已发布"
        shown.add_row(report.table.run.day.isoformat(), state, *_totals(report.table), f"{report.table.open_quarantine:,}")
    console.print(shown)


def show_slips(console: Console, written: WrittenSlips) -> None:
    """Prints one line for each slip, and where they lie."""
    rows = sum(slip.row_count for slip in written.slips)
    waived = f"，暂准 {written.waived} 条不列" if written.waived else ""
    shown = Table(title=f"退回单 {len(written.slips)} 份，共 {rows:,} 行{waived}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("来源", "提交方", "行", "文件"):
        shown.add_column(name, justify="right" if name == "行" else "left", overflow="fold")
    for slip in written.slips:
        shown.add_row(slip.source_label, literal(slip.whose), f"{slip.row_count:,}", slip.name)
    if written.slips:
        console.print(shown)
    else:
        console.print(f"没有待改的退回{waived}")
    console.print(f"文件夹：{written.folder}", soft_wrap=True)


def show_rows(console: Console, names: list[str], rows: list[tuple[Any, ...]], limit: int) -> None:
    """Prints query results as a table, one under the other where that would be too wide; says how many rows were left off."""
    texts = [["" if v is None else f"{v:.4f}" if isinstance(v, float) else str(v) for v in row] for row in rows[:limit]]
    widths = [max(map(cell_len, column)) for column in zip(names, *texts, strict=True)]
    if len(names) > 1 and sum(widths) + 3 * len(names) + 1 > console.width:
        for number, row in enumerate(texts, 1):
            shown = Table(title=f"第 {number} 行", title_justify="left", show_header=False, box=SIMPLE_HEAD, pad_edge=False)
            shown.add_column(no_wrap=True)
            shown.add_column(overflow="fold")
            for name, text in zip(names, row, strict=True):
                shown.add_row(literal(name), literal(text))
            console.print(shown)
    else:
        shown = Table(*(Column(literal(name), overflow="fold") for name in names))
        for row in texts:
            shown.add_row(*map(literal, row))
        console.print(shown)
    if len(rows) > limit:
        console.print(f"还有 {len(rows) - limit} 行未显示：--limit {len(rows)}")
