"""`linli alerts …`: what people are told, by which channel, and what became of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from linli.cli.terminal import DEGRADED, console, day_of, explained, progress, settings_of_environment, stop
from linli.settings import SHANGHAI

if TYPE_CHECKING:
    from linli.alerts import Configuration, Spool
    from linli.pipeline.alerts import Sent

app = typer.Typer(no_args_is_help=True, help="消息：告知谁、走哪个渠道、送到没有；静默")

STATES = {
    "waiting": "等待发送",
    "sending": "发送中",
    "delivered": "已送达",
    "refused": "被拒收",
    "given_up": "未送达",
}

At = Annotated[str, typer.Option("--at", help="按这一时刻判断，如 '2026-11-14 07:00'；缺省为现在")]


def _moment(text: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    except ValueError:
        stop(f"时刻“{text}”无法识别，应写作 '2026-11-14 07:00'")


def _show_sent(sent: Sent) -> None:
    tally, done = sent.tally, sent.delivered
    silenced = f"，静默 {tally.silenced}" if tally.silenced else ""
    console.print(f"新告知 {tally.told} 条，没有变化不再告知 {tally.unchanged} 条{silenced}")
    said = f"送达 {done.delivered} 次，拒收 {done.refused} 次，等待 {done.waiting} 次"
    console.print(said + (f"，放弃 {done.given_up} 次" if done.given_up else ""))


def _show_troubles(spool: Spool, configuration: Configuration) -> bool:
    """Says which channels take nothing now, and why; whether there are any."""
    from linli.pipeline.words import literal, moment

    troubles = spool.troubles()
    for name, channel in configuration.channels.items():
        problem = channel.problem()
        if problem:
            console.print(f"[yellow]▲ 渠道 {name}：{literal(problem)}", soft_wrap=True)
        elif name in troubles:
            found = troubles[name]
            what = {"misconfigured": "配置有误", "throttled": "限流", "unreachable": "不通"}[found["state"]]
            times = f"自 {moment(found['since_at'])} 起连续 {found['failures']} 次"
            said = f"{what}（{found['said']}），{times}，{moment(found['retry_at'])} 之后再试"
            console.print(f"[yellow]▲ 渠道 {name}：{literal(said)}", soft_wrap=True)
    return bool(troubles) or any(channel.problem() for channel in configuration.channels.values())


@app.command("send")
def alerts_send() -> None:
    """收集要告知的事并发送；此前没送到的再送一次。适合放进 cron。"""
    from linli.pipeline import alerts

    settings = settings_of_environment()
    with explained(), progress() as tell:
        tell("发送消息", 0, 0)
        sent = alerts.send_alerts(settings)
    _finish(sent)


@app.command("heartbeat")
def alerts_heartbeat(at: At = "") -> None:
    """检查前一天的数据是否按时（缺省 07:00）载入并发布；没有就告知。"""
    from linli.pipeline import alerts

    settings, moment = settings_of_environment(), _moment(at)
    with explained(), progress() as tell:
        tell("检查载入", 0, 0)
        sent = alerts.heartbeat(settings, at=moment)
    _finish(sent)


@app.command("morning")
def alerts_morning(at: At = "") -> None:
    """告知各工作站今天到期和已逾期的案件（只有案件编号和环节）；每天告知一次，所知有变再告知。"""
    from linli.pipeline import alerts

    settings, moment = settings_of_environment(), _moment(at)
    with explained(), progress() as tell:
        tell("告知到期案件", 0, 0)
        sent = alerts.morning(settings, at=moment)
    _finish(sent)


def _finish(sent: Sent) -> None:
    from linli.pipeline import alerts

    settings = settings_of_environment()
    _show_sent(sent)
    with explained(), alerts.spool_of(settings) as spool:
        is_troubled = _show_troubles(spool, alerts.configuration_of(settings))
    if is_troubled or sent.delivered.refused or sent.delivered.given_up:
        raise typer.Exit(DEGRADED)


@app.command("list")
def alerts_list(
    everything: Annotated[bool, typer.Option("--all", help="连同已送达的")] = False,
    limit: Annotated[int, typer.Option(min=1, help="最多显示的行数")] = 50,
) -> None:
    """列出没有送达的消息和不通的渠道：等待、被拒收（连同对方的答复）、未送达。"""
    from linli.pipeline import alerts
    from linli.pipeline.words import literal, moment

    settings = settings_of_environment()
    with explained(), alerts.spool_of(settings) as spool:
        configuration = alerts.configuration_of(settings)
        rows, counts = spool.deliveries(unfinished=not everything, limit=limit), spool.counts()
        names = ("编号", "时间", "标题", "渠道", "状态", "答复")
        shown = Table(*(Column(name, overflow="fold", no_wrap=name not in ("标题", "答复")) for name in names))
        for row in rows:
            to = f"{row['channel']} {row['recipient']}".strip()
            state = STATES[row["state"]] + (f"（试过 {row['attempts']} 次）" if row["attempts"] > 1 else "")
            shown.add_row(str(row["number"]), moment(row["told_at"]), literal(row["title"]), to, state, literal(row["said"]))
        if rows:
            console.print(shown)
        console.print("、".join(f"{words} {counts.get(state, 0)}" for state, words in STATES.items()))
        if counts.get("refused") or counts.get("given_up"):
            console.print("被拒收和未送达的都已另存到 outbox；改正渠道后可再送：linli alerts retry 编号")
        _show_troubles(spool, configuration)


@app.command("show")
def alerts_show(number: Annotated[int, typer.Argument(help="编号，如列表所示")]) -> None:
    """显示一条消息的全文和各渠道的去向。"""
    from linli.alerts import as_text
    from linli.pipeline import alerts
    from linli.pipeline.words import literal

    with explained(), alerts.spool_of(settings_of_environment()) as spool:
        console.print(as_text(spool.letter(number)), soft_wrap=True, highlight=False, markup=False, end="")
        for row in spool.deliveries(number=number):
            said = f"（{row['said']}）" if row["said"] else ""
            console.print(f"{row['channel']} {row['recipient']}".strip() + f"：{STATES[row['state']]}{literal(said)}", soft_wrap=True)


@app.command("retry")
def alerts_retry(number: Annotated[int, typer.Argument(help="编号，如列表所示")]) -> None:
    """让被拒收或未送达的一条消息重新等待发送。"""
    from linli.alerts import Clock
    from linli.pipeline import alerts

    with explained(), alerts.spool_of(settings_of_environment()) as spool:
        changed = spool.again(number, Clock().now())
    console.print(f"✓ {changed} 处重新等待，下一次 linli alerts send 时发送" if changed else "没有被拒收或未送达的，不必再送")


@app.command("test")
def alerts_test(channel: Annotated[str, typer.Argument(help="渠道名，如 alerts.yml 所写；outbox 为缺省的文件夹")]) -> None:
    """通过一个渠道发一条测试消息，显示对方的答复。"""
    from linli.pipeline import alerts
    from linli.pipeline.words import literal

    with explained(), progress() as tell:
        tell(f"测试 {channel}", 0, 0)
        outcomes = alerts.try_channel(settings_of_environment(), channel)
    words = {
        "delivered": "✓ 已送达",
        "refused": "✗ 被拒收",
        "throttled": "▲ 限流，请稍后再试",
        "unreachable": "✗ 不通",
        "misconfigured": "✗ 配置有误：检查地址、密钥、签名、关键词和白名单",
    }
    for outcome in outcomes:
        console.print(words[outcome.state] + (f"（{literal(outcome.said)}）" if outcome.said else ""), soft_wrap=True)
    if any(outcome.state != "delivered" for outcome in outcomes):
        raise typer.Exit(1)


@app.command("silence")
def alerts_silence(
    until: Annotated[str, typer.Option("--until", help="到这一天为止（含），如 2026-11-30")],
    reason: Annotated[str, typer.Option("--reason", help="为什么")],
    owner: Annotated[str, typer.Option("--owner", help="谁负责：岗位，如 区数据组")],
    source: Annotated[str, typer.Option("--source", help="来源，如 case_system")] = "",
    submitter: Annotated[str, typer.Option("--submitter", help="提交方编码，如 340405-S01")] = "",
    kind: Annotated[str, typer.Option("--kind", help="消息种类，如 quarantined")] = "",
) -> None:
    """在一段时间内不告知某来源、提交方或种类的消息；到期自动恢复。夜间载入失败最多静默 7 天。"""
    from linli.pipeline import alerts

    settings, until_on = settings_of_environment(), day_of(until)
    with explained():
        number = alerts.add_silence(settings, source=source, submitter=submitter, kind=kind, until_on=until_on, reason=reason, owner=owner)
    console.print(f"✓ 静默 {number}，到 {until_on} 为止；提前结束：linli alerts unsilence {number}")


@app.command("silences")
def alerts_silences() -> None:
    """列出静默。"""
    from linli.alerts import KINDS, Clock
    from linli.pipeline import alerts
    from linli.pipeline.words import literal

    shown = Table("编号", "来源", "提交方", "种类", "到", "原因", "负责", "状态")
    with explained(), alerts.spool_of(settings_of_environment()) as spool:
        for each in spool.silences():
            state = "已到期" if each.is_over(Clock().now()) else "静默中"
            named = (each.source or "全部", each.submitter or "全部", KINDS.get(each.kind, "全部"))
            shown.add_row(str(each.silence_id), *named, each.until_on.isoformat(), literal(each.reason), literal(each.owner), state)
    console.print(shown if shown.row_count else "没有静默")


@app.command("unsilence")
def alerts_unsilence(number: Annotated[int, typer.Argument(help="静默的编号")]) -> None:
    """提前结束一个静默；仍未了结的事下一次会告知。"""
    from linli.alerts import Clock
    from linli.pipeline import alerts

    with explained(), alerts.spool_of(settings_of_environment()) as spool:
        spool.unsilence(number, Clock().now())
    console.print(f"✓ 静默 {number} 已结束")
