"""Restatements of a closed month at the command line, in Chinese."""

from __future__ import annotations

import duckdb
from rich.console import Console
from rich.table import Table

from linli.closing import Restated
from linli.figures import figure_name, grain_named, mart_name
from linli.pipeline.words import cause_label, changed_in_words, literal

_SHOWN = 40


def show_restatements(console: Console, found: Restated) -> None:
    """What one look at a closed month found: the figures of the district first, then how many more there are."""
    if found.path is None:
        console.print(f"✓ {found.closing.name}：{found.closing.figure_count:,} 个冻结的数字均无变化")
        return
    rows = duckdb.execute(
        "select mart, level, key, grain, metric, old_value, new_value, cause, record_count, records[1]"
        f" from '{found.path}' order by level is distinct from 'district', mart, level, key, grain, metric limit {_SHOWN}"
    ).fetchall()
    shown = Table(
        "表", "层级", "对象", "细项", "指标", "原数", "现数", "原因", "涉及记录",
        title=f"{found.closing.name} 第 {found.number} 次重述：{found.figures:,} 个数字有变（冻结的数字不动）",
        title_justify="left",
    )  # fmt: skip
    for mart, level, key, grain, metric, old, new, cause, count, first in rows:
        behind = f"{count} 条，如 {first}" if count else "—"
        what = (mart_name(mart), level or "", key or "", grain_named(mart, grain), figure_name(mart, metric))
        read = changed_in_words(mart, metric, old, new, nothing="—")
        shown.add_row(*map(literal, (*what, *read, cause_label(cause), behind)))
    console.print(shown)
    if found.figures > len(rows):
        console.print(f"还有 {found.figures - len(rows):,} 个：发布后查 closed.restatement")
