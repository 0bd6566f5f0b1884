"""`linli quarantine …`: what was returned, and why."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from rich.table import Column, Table

from linli.cli.terminal import console, explained, settings_of_environment

app = typer.Typer(no_args_is_help=True, help="退回的记录：哪条、违反哪条规则、怎么改")


@app.command("list")
def quarantine_list(
    source: Annotated[str | None, typer.Option(help="来源，如 case_system")] = None,
    record: Annotated[str | None, typer.Option(help="记录，如 callbacks 或 case_system.callbacks")] = None,
    closed: Annotated[bool, typer.Option("--with-closed", help="连同已改好的")] = False,
    limit: Annotated[int, typer.Option(min=1, help="最多显示的条数")] = 50,
) -> None:
    """列出退回待改的记录。"""
    from linli import pipeline
    from linli.pipeline.words import CLOSED, moment, readable, typeable

    settings = settings_of_environment()
    with explained():
        entries = pipeline.quarantine_entries(settings, source=source, record=record, include_closed=closed)
    catalog = pipeline.catalog(settings)
    shown = Table(
        *(Column(name, overflow="fold", no_wrap=name == "键") for name in ("记录", "键", "违反的规则", "提交方", "退回于", "状态")),
        title=f"退回 {len(entries)} 条",
        title_justify="left",
    )
    for entry in entries[:limit]:
        state = "待改" if entry.closed_at is None else f"已了结（{CLOSED[entry.closed_reason or '']}）"
        label = catalog.record(f"{entry.source}.{entry.record}").label
        row = (f"{label} {entry.source}.{entry.record}", readable(entry.key), "、".join(entry.rules), entry.submitter or "")
        shown.add_row(*row, moment(entry.opened_at), state)
    console.print(shown)
    if len(entries) > limit:
        console.print(f"还有 {len(entries) - limit} 条未显示：--limit {len(entries)}")
    if entries:
        first = entries[0]
        hint = f"哪里不对、怎么改：linli quarantine show {first.source}.{first.record} {shlex.quote(readable(first.key))}"
        console.print(typeable(hint), soft_wrap=True, highlight=False, markup=False)


@app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="记录全名，如 case_system.callbacks")],
    key: Annotated[str, typer.Argument(help="键，如列表所示")],
) -> None:
    """显示一条退回的记录：在哪、什么、哪条规则、怎么改。"""
    from linli import pipeline
    from linli.pipeline.words import CLOSED, readable

    with explained():
        found = pipeline.quarantined_row(settings_of_environment(), record, key)
    console.print(f"[bold]{found.label}[/bold] {record} {readable(key)}" + (f"  {found.where}" if found.where else ""))
    console.print(f"已了结（{CLOSED[found.closed_reason]}），以下为当时退回的原因" if found.closed_reason else "待改")
    for word in found.words:
        console.print(f"  ✗ {word.rule}：{word.message}\n    → {word.fix}", highlight=False)
    shown = Table("列", "名称", "值")
    for name, label, value in found.values:
        shown.add_row(name, label, value)
    console.print(shown)
