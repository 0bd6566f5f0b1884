"""`linli month …`: a month is closed, and looked at again."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.table import Table

from linli.cli.terminal import MonthArgument, console, errors, explained, month_of, progress, settings_of_environment
from linli.settings import SHANGHAI

app = typer.Typer(no_args_is_help=True, help="月度结账：冻结一个月的数字；之后的更正列为重述")


@app.command("close")
def month_close(
    month: MonthArgument,
    approved_by: Annotated[str, typer.Option("--approved-by", help="批准结账的人或岗位")],
    campaign: Annotated[str, typer.Option(help="选定的下月专项整治：建议的序号（分区选择如 340405=1；340406=0），或一句话")] = "",
    out_of_order: Annotated[bool, typer.Option("--out-of-order", help="不是紧接上一个已结账月份的，也结账")] = False,
) -> None:
    """结账：把一个月的全部数字冻结下来。最后一天须已载入。"""
    from linli import closing, pipeline
    from linli.pipeline.words import literal

    settings, chosen = settings_of_environment(), month_of(month)
    with explained(), progress() as tell:
        tell(f"结账 {month}", 0, 0)
        pipeline.check_closable(settings, chosen)
        closing.check_open(settings.closed, chosen)
        if not out_of_order:
            pipeline.check_next(settings, chosen)
        question = pipeline.proposal(settings, chosen)
        for text in question.lagging:
            errors.print(f"[yellow]▲ {literal(text)}，没有到月末；之后补来的列为重述")
        for text in (*question.missing, *question.restated):
            errors.print(literal(text), highlight=False)
        asked_at = dt.datetime.fromisoformat(question.asked_at)
        choice = pipeline.chosen_campaign(question.campaigns, campaign)
        closed = pipeline.close_month(settings, chosen, approved_by=approved_by, campaign=choice, asked_at=asked_at)
    console.print(f"✓ {closed.name} 已结账：{closed.figure_count:,} 个数字，数字的校验值 {closed.content_hash[:12]}")
    console.print("下一夜发布后可查 closed.figure")


@app.command("restate")
def month_restate(month: MonthArgument) -> None:
    """核对一个已结账的月：此后的更正使哪些数字有了变化，逐个列为重述。"""
    from linli import pipeline
    from linli.pipeline.present_months import show_restatements

    settings, chosen = settings_of_environment(), month_of(month)
    with explained(), progress() as tell:
        tell(f"核对 {month}", 0, 0)
        found = pipeline.restate_month(settings, chosen)
    show_restatements(console, found)


@app.command("list")
def month_list() -> None:
    """列出已结账的月。"""
    from linli import closing
    from linli.pipeline.words import literal

    settings = settings_of_environment()
    shown = Table("月份", "结账于", "批准", "下月专项整治", "数字", "重述", "内容校验值", title="已结账的月", title_justify="left")
    for each in closing.closed_months(settings.closed):
        restated = len(closing.restatements(settings.closed, each.month))
        closed_at = each.closed_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        shown.add_row(
            each.name,
            closed_at,
            literal(each.approved_by),
            literal(each.campaign) or "（未选）",
            f"{each.figure_count:,}",
            f"{restated} 次",
            each.content_hash[:12],
        )
    console.print(shown)
