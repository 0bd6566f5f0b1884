"""`linli quarantine …`: what was returned, and why."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer
from rich.table import Column, Table

from linli.cli.terminal import console, day_of, explained, settings_of_environment
from linli.spreadsheets import write_csv

app = typer.Typer(no_args_is_help=True, help="退回的记录：哪条、违反哪条规则、怎么改；哪些暂准不改")


@app.command("list")
def quarantine_list(
    source: Annotated[str | None, typer.Option(help="来源，如 case_system")] = None,
    record: Annotated[str | None, typer.Option(help="记录，如 callbacks 或 case_system.callbacks")] = None,
    submitter: Annotated[str | None, typer.Option(help="提交方，如 340405-C01")] = None,
    closed: Annotated[bool, typer.Option("--with-closed", help="连同已改好的")] = False,
    limit: Annotated[int, typer.Option(min=1, help="最多显示的条数")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="以 CSV 输出全部")] = False,
) -> None:
    """列出退回待改的记录。"""
    from linli import pipeline
    from linli.pipeline.words import CLOSED, literal, moment, readable, typeable

    settings = settings_of_environment()
    with explained():
        entries = pipeline.quarantine_entries(settings, source=source, record=record, submitter=submitter, include_closed=closed)
        waived = pipeline.waived_entries(settings, pipeline.today(settings))
    tolerated = sum(e.closed_at is None and (e.source, e.record, e.key) in waived for e in entries)
    catalog = pipeline.catalog(settings)
    names = ("记录", "键", "违反的规则", "提交方", "退回于", "状态")
    shown = Table(
        *(Column(name, overflow="fold", no_wrap=name == "键") for name in names),
        title=f"退回 {len(entries)} 条" + (f"，其中暂准 {tolerated} 条" if tolerated else ""),
        title_justify="left",
    )
    rows: list[tuple[str, ...]] = []
    for entry in entries if as_csv else entries[:limit]:
        state = "暂准" if (entry.source, entry.record, entry.key) in waived else "待改"
        state = state if entry.closed_at is None else f"已了结（{CLOSED[entry.closed_reason or '']}）"
        kind = catalog.record(f"{entry.source}.{entry.record}")
        broken = "\n".join(f"{pipeline.rule_words(kind, rule).message}（{rule}）" for rule in entry.rules)
        called = readable(entry.key) + (f"\n{entry.source_ref}" if kind.extract.sheet == "*" and entry.source_ref else "")
        row = (f"{kind.label} {kind.full_name}", called, broken, entry.submitter or "")
        rows.append((*row, moment(entry.opened_at), state))
    if as_csv:
        write_csv(sys.stdout, [names, *rows])
        return
    for told in rows:
        shown.add_row(*map(literal, told))
    console.print(shown)
    if len(entries) > limit:
        console.print(f"还有 {len(entries) - limit} 条未显示：--limit {len(entries)}")
    if entries:
        first = entries[0]
        hint = f"哪里不对、怎么改：linli quarantine show {first.source}.{first.record} {shlex.quote(readable(first.key))}"
        console.print(literal(typeable(hint)), soft_wrap=True, highlight=False)


@app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="记录全名，如 case_system.callbacks")],
    key: Annotated[str, typer.Argument(help="键，如列表所示")],
) -> None:
    """显示一条退回的记录：在哪、什么、哪条规则、怎么改。"""
    from linli import pipeline
    from linli.pipeline.words import CLOSED, literal, readable

    settings = settings_of_environment()
    with explained():
        found = pipeline.quarantined_row(settings, record, key)
        waived = pipeline.waived_entries(settings, pipeline.today(settings))
    entry = found.entry
    where = f"  {literal(found.where)}" if found.where else ""
    console.print(f"[bold]{found.label}[/bold] {literal(record)} {literal(readable(key))}{where}")
    if found.file_sha:
        # what people call their files is not kept
        console.print(f"是哪个文件：在收件文件夹中运行 sha256sum *，校验值以 {found.file_sha} 开头的", highlight=False)
    if entry.closed_reason:
        why = "，理由：{}，负责：{}".format(*found.dismissal) if found.dismissal else ""
        console.print(literal(f"已了结（{CLOSED[entry.closed_reason]}）{why}，以下为当时退回的原因"))
    else:
        console.print("暂准：仍不入库，但不再催改" if (entry.source, entry.record, entry.key) in waived else "待改")
    for word in found.words:
        console.print(f"  ✗ {word.rule}：{literal(word.message)}\n    → {literal(word.fix)}", highlight=False)
    rows = len(found.values[0][2])
    shown = Table("列", "名称", *(["值"] if rows == 1 else [f"值（第 {number} 行）" for number in range(1, rows + 1)]))
    for name, label, values in found.values:
        shown.add_row(name, label, *map(literal, values))
    console.print(shown)


@app.command("waive")
def quarantine_waive(
    record: Annotated[str, typer.Argument(help="记录全名，如 meeting_returns.meetings")],
    rule: Annotated[str, typer.Option(help="规则，如列表所示")],
    ceiling: Annotated[int, typer.Option(min=1, help="最多容许的条数；待改的多于此数，全部照旧催改")],
    reason: Annotated[str, typer.Option(help="为什么暂准")],
    owner: Annotated[str, typer.Option(help="由哪个岗位或部门负责（不写姓名）")],
    until: Annotated[str, typer.Option(help="到哪一天为止（含），最长 180 天")],
    submitter: Annotated[str | None, typer.Option(help="只对这个提交方")] = None,
) -> None:
    """暂准一条规则的退回：仍不入库，只是到期前不再催改。"""
    from linli import pipeline
    from linli.pipeline.words import typeable

    settings = settings_of_environment()
    with explained():
        on = pipeline.today(settings)
        made = pipeline.waive(
            settings, record, rule, submitter=submitter, ceiling=ceiling, reason=reason, owner=owner, until=day_of(until), on=on
        )
    console.print(f"✓ 暂准 {made.waiver_id}：{record} 的 {rule}，最多 {made.ceiling} 条，到 {made.until_on} 为止", highlight=False)
    undo = f"提前结束：linli quarantine unwaive {made.waiver_id}；都有哪些：linli quarantine waivers"
    console.print(typeable(undo), soft_wrap=True, highlight=False, markup=False)


@app.command("dismiss")
def quarantine_dismiss(
    record: Annotated[str, typer.Argument(help="记录全名，如 meeting_returns.returns")],
    key: Annotated[str, typer.Argument(help="键，如列表所示")],
    reason: Annotated[str, typer.Option(help="为什么作罢，如 投错了文件夹")],
    owner: Annotated[str, typer.Option(help="由哪个岗位或部门负责（不写姓名）")],
) -> None:
    """作罢：整个没有被接收、也不会再报的文件，不再列为待改；其内容仍不入库。"""
    from linli import pipeline

    settings = settings_of_environment()
    with explained():
        ended = pipeline.dismiss(settings, record, key, reason=reason, owner=owner)
    console.print(f"✓ 已作罢：{ended} 条不再列为待改", highlight=False)


@app.command("waivers")
def quarantine_waivers() -> None:
    """列出全部暂准：现有几条、是否有效、由谁负责、到哪天为止。"""
    from linli import pipeline
    from linli.pipeline.words import literal

    settings = settings_of_environment()
    with explained():
        on = pipeline.today(settings)
        found = pipeline.waivers(settings, on)
    names = ("编号", "记录与规则", "提交方", "待改/上限", "状态", "从", "到", "负责", "理由")
    shown = Table(*(Column(name, overflow="fold") for name in names), title=f"暂准 {len(found)} 项（{on}）", title_justify="left")
    for standing in found:
        waiver = standing.waiver
        ended = f"已于 {waiver.ended_on} 结束" if waiver.ended_on else "已到期"
        state = "有效" if standing.is_effective else "超过上限，不起作用" if standing.is_in_force else ended
        what = (f"{waiver.source}.{waiver.record} {waiver.rule}", waiver.submitter or "全部", f"{standing.open_entries}/{waiver.ceiling}")
        told = (state, f"{waiver.made_on}", f"{waiver.until_on}", waiver.owner, waiver.reason)
        shown.add_row(str(waiver.waiver_id), *map(literal, (*what, *told)))
    console.print(shown)


@app.command("unwaive")
def quarantine_unwaive(number: Annotated[int, typer.Argument(help="编号，如 linli quarantine waivers 所示")]) -> None:
    """提前结束一项暂准：从今天起照旧催改。"""
    from linli import pipeline

    settings = settings_of_environment()
    with explained():
        ended = pipeline.unwaive(settings, number, pipeline.today(settings))
    console.print(f"✓ 暂准 {ended.waiver_id} 已结束：{ended.source}.{ended.record} 的 {ended.rule} 照旧催改", highlight=False)
