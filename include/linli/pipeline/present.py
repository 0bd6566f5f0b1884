"""The closing table and other answers of the command line, in Chinese, as rich tables."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from linli.contracts import Catalog
from linli.pipeline.report import ClosingTable
from linli.settings import SHANGHAI, Settings

_STEPS = {"accept": "2日核实", "resolve": "5日办结", "follow_up": "7日回访"}
_STATES = {"loaded": "已载入", "failed": "未载入", "not_configured": "未配置"}


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
    for name in ("到货", "入库", "退回", "等待", "重复"):
        shown.add_column(name, justify="right")
    declared_order = [record.full_name for source in catalog.sources.values() for record in source.records]
    for row in sorted(table.tonight, key=lambda r: declared_order.index(f"{r['source']}.{r['record']}")):
        declared = catalog.sources[row["source"]]
        label = next(r.label for r in declared.records if r.name == row["record"])
        figures = [f"{row[k]:,}" for k in ("landed", "accepted", "quarantined", "held", "duplicates")]
        shown.add_row(declared.label, label + (" ▲整批停在关口" if row["stopped"] else ""), *figures)
    totals = [f"{sum(r[k] for r in table.tonight):,}" for k in ("landed", "accepted", "quarantined", "held", "duplicates")]
    shown.add_section()
    shown.add_row("合计", "", *totals)
    return shown


def _clock_table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(title="“257”时钟（按到期月份）", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("月份", "环节"):
        shown.add_column(name, no_wrap=True)
    for name in ("到期", "按期", "超期", "逾期未办", "未到期", "按期率", "95% 区间"):
        shown.add_column(name, justify="right", no_wrap=True)
    for r in rows:
        counts = [str(r[k]) for k in ("due_count", "on_time_count", "late_count", "overdue_count", "open_count")]
        shown.add_row(
            f"{r['month']:%Y-%m}", _STEPS[r["step"]], *counts, percent(r["on_time_rate"]), interval(r["on_time_low"], r["on_time_high"])
        )
    return shown


def _satisfaction_table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(title="一案双回访满意率（按办结月份）", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
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


def show_closing(console: Console, table: ClosingTable, catalog: Catalog, settings: Settings) -> None:
    """Prints the closing table of a night and where to look next."""
    console.print(_account_table(table, catalog))
    console.print(_clock_table(table.clock))
    console.print(_satisfaction_table(table.satisfaction))
    for status in table.statuses:
        if status.state != "loaded":
            reached = status.as_of.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if status.as_of else None
            what = f"{catalog.sources[status.source].label}·{status.feed} {_STATES[status.state]}"
            since = f"，数据截至 {reached}" if reached else "，从未载入" if status.state == "failed" else ""
            console.print(f"[yellow]▲ {what}{since}" + (f"：{status.detail}" if status.detail else ""), soft_wrap=True)
    console.print(
        f"退回待改 {table.open_quarantine} 条：linli quarantine list\n"
        f"查询：linli sql \"select * from mart.mart_two_callback_satisfaction where level = 'compound'\"\n"
        f"已发布：{settings.published}",
        soft_wrap=True,
    )


def show_rows(console: Console, names: list[str], rows: list[tuple[Any, ...]], limit: int) -> None:
    """Prints query results as a table; says how many rows were left off."""
    shown = Table()
    for name in names:
        shown.add_column(name, overflow="fold")
    for row in rows[:limit]:
        shown.add_row(*["" if v is None else f"{v:.4f}" if isinstance(v, float) else str(v) for v in row])
    console.print(shown)
    if len(rows) > limit:
        console.print(f"还有 {len(rows) - limit} 行未显示：--limit {len(rows)}")
