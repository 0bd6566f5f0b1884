"""`linli <noun> <verb>`: the command line. It parses, calls the pipeline and prints; it computes nothing."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from linli.failures import Refusal
from linli.settings import SHANGHAI, Settings, SettingsError, as_of

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="邻里：小区执法进驻的数据管道与仓库")
demo_app = typer.Typer(no_args_is_help=True, help="示范区：四个真实运行的业务系统，人物和内容均为虚构")
quarantine_app = typer.Typer(no_args_is_help=True, help="退回的记录：哪条、违反哪条规则、怎么改")
month_app = typer.Typer(no_args_is_help=True, help="月度结账：冻结一个月的数字；之后的更正列为重述")
contracts_app = typer.Typer(no_args_is_help=True, help="记录声明（expectations/）：检查，并写出由它派生的文件")
app.add_typer(demo_app, name="demo")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(month_app, name="month")
app.add_typer(contracts_app, name="contracts")

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140)
errors = Console(stderr=True)

DEGRADED = 3
MonthArgument = Annotated[str, typer.Argument(help="月份，如 2026-10")]
DayOption = Annotated[str, typer.Option(help="日期，如 2026-10-31")]


def _stop(message: str, code: int = 1) -> NoReturn:
    from linli.pipeline.words import typeable

    errors.print(f"[red]✗[/red] {escape(typeable(message))}", soft_wrap=True, highlight=False)
    raise typer.Exit(code)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        _stop(f"日期“{text}”无法识别，应写作 2026-10-31")


def _month(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        _stop(f"月份“{text}”无法识别，应写作 2026-10")


def _demo_home() -> Path:
    base = Path(os.environ["LINLI_PROJECT"]) if os.environ.get("LINLI_PROJECT") else Settings.load({}).project
    return Path(os.environ.get("LINLI_DEMO_HOME") or base / ".demo").expanduser().resolve()


def _settings() -> Settings:
    """Settings of the environment; with no source configured, those of a demo district that is up."""
    try:
        found = _configured()
        if not found.connections:
            from linli import demo

            lent = demo.environment(_demo_home())
            if lent:
                errors.print(f"未配置任何来源，改用示范区（{_demo_home()}）", soft_wrap=True, highlight=False)
            found = Settings.load({**os.environ, **lent})
        return found
    except Refusal as error:
        _stop(str(error))


def _configured() -> Settings:
    """Settings of the environment. Raises SettingsError for a source variable that names no declared source: a typo."""
    found = Settings.load()
    declared = {path.parent.name for path in (found.project / "expectations").glob("*/_source.yml")}
    unknown = sorted((set(found.connections) | set(found.tokens)) - declared)
    if unknown:
        raise SettingsError(f"环境变量 LINLI_{unknown[0].upper()}_… 不对应任何已声明的来源（{'、'.join(sorted(declared))}），请检查拼写")
    return found


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell


@contextmanager
def _explained() -> Iterator[None]:
    """Turns refusals into a message instead of a traceback."""
    try:
        yield
    except Refusal as error:
        _stop(str(error))
    except (FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError) as error:
        _stop(f"{error.filename or ''} 不能使用：{error.strerror}；请检查 LINLI_HOME 等路径及其权限")


@app.callback()
def main() -> None:
    os.umask(0o077)


@app.command()
def night(day: DayOption) -> None:
    """载入一天：抽取、把关、建模、发布（不经 Airflow，步骤与之相同）。"""
    from linli import pipeline
    from linli.pipeline.present import show_closing

    settings, chosen = _settings(), _day(day)
    if as_of(chosen) > dt.datetime.now(SHANGHAI):
        errors.print(f"[yellow]▲ {chosen} 还没有过完，当天的数据可能不全，此后的期限也会被算作已到")
    with _explained(), _progress() as tell:
        report = pipeline.night(settings, chosen, tell)
    show_closing(console, report.table, pipeline.catalog(settings), settings)
    if report.state != "succeeded":
        raise typer.Exit(DEGRADED)


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="起始日，如 2026-10-01")],
    last: Annotated[str, typer.Option("--to", help="截止日（含），如 2026-10-31")],
) -> None:
    """从起始日到截止日（含）逐日载入，旧日在前。"""
    from linli import pipeline
    from linli.pipeline.present import show_closing, show_days

    settings, reports = _settings(), []
    try:
        with _explained(), _progress() as tell:
            for report in pipeline.backfill(settings, _day(first), _day(last), tell):
                reports.append(report)
    finally:
        if reports:
            show_days(console, reports)
            show_closing(console, reports[-1].table, pipeline.catalog(settings), settings)
    if any(report.state != "succeeded" for report in reports):
        raise typer.Exit(DEGRADED)


@app.command()
def run(day: Annotated[str | None, typer.Option(help="日期；缺省为昨天，示范区则为其最新一天")] = None) -> None:
    """主任务：通过 Airflow 跑一夜；未配置任何来源时先启动示范区。"""
    from linli import demo, pipeline
    from linli.pipeline import embedded
    from linli.pipeline.present import show_closing

    given = dict(os.environ)
    chosen = _day(day) if day else None
    with _explained(), _progress() as tell:
        settings = _configured()
        if not settings.connections:
            tell("示范区启动", 0, 0)
            demo.up(_demo_home())
            latest = pipeline.latest_day(settings)
            if chosen is None and latest is not None and latest >= demo.status(_demo_home()).until:
                demo.tick(_demo_home())
            given |= demo.environment(_demo_home())
            settings = Settings.load(given)
            chosen = chosen or demo.status(_demo_home()).until
        chosen = chosen or (dt.datetime.now(SHANGHAI) - dt.timedelta(days=1)).date()
        before = pipeline.latest_version(settings)
        try:
            embedded.run_dag(settings, given, "nightly", {"day": chosen.isoformat()}, lambda step: tell(step, 0, 0))
        except embedded.AirflowFailed:
            # The DAG run of a degraded night fails on purpose, after it has published.
            if pipeline.latest_version(settings) == before:
                raise
        table = pipeline.closing_table_of(settings, chosen)
    show_closing(console, table, pipeline.catalog(settings), settings)
    console.print(f"运行日志：{embedded.log_of(settings, 'nightly', chosen.isoformat())}", soft_wrap=True)
    if table.is_degraded:
        raise typer.Exit(DEGRADED)


@app.command()
def ui(port: Annotated[int, typer.Option(help="本机端口")] = 8080) -> None:
    """在本机（127.0.0.1）打开 Airflow 界面与调度，Ctrl-C 结束。"""
    from linli.pipeline import embedded

    def ready(base: str, passwords: Path) -> None:
        console.print(f"Airflow：{base}  用户 admin，密码见 {passwords}", soft_wrap=True)

    settings = _settings()
    given = {**os.environ}
    if not Settings.load().connections:
        from linli import demo

        given |= demo.environment(_demo_home())
    with _explained():
        embedded.serve(settings, given, port=port, ready=ready)


@app.command()
def reconcile(
    day: DayOption,
    hashes: Annotated[bool, typer.Option("--hashes", help="连同逐行校验（每周一次）")] = False,
) -> None:
    """与来源核对：补上漏掉的，标出已删除的；下一夜把关入库。"""
    from linli import pipeline

    settings = _settings()
    shown = Table("来源", "在源", "补取", "已删", title="核对", title_justify="left")
    with _explained(), _progress() as tell:
        for name, counts in pipeline.reconcile(settings, _day(day), with_hashes=hashes, progress=tell):
            shown.add_row(name, *[f"{counts[k]:,}" for k in ("keys", "refetched", "deleted")])
    console.print(shown)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="SQL，只读")],
    limit: Annotated[int, typer.Option(help="最多显示的行数")] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="以 CSV 输出全部行")] = False,
) -> None:
    """查询已发布的仓库（只读，不可访问其他文件）。"""
    import duckdb

    from linli import publication
    from linli.pipeline.present import show_rows

    with _explained():
        con = publication.open_published(_settings())
        try:
            cursor = con.execute(query) if query.strip() else None
            if cursor is None:
                _stop("没有给出 SQL")
            names = [d[0] for d in cursor.description or ()]
            if csv:
                import csv as csv_format

                writer = csv_format.writer(sys.stdout)
                writer.writerow(names)
                while rows := cursor.fetchmany(10_000):
                    writer.writerows(rows)
            else:
                show_rows(console, names, cursor.fetchall(), limit)
        except duckdb.Error as error:
            _stop(str(error))
        finally:
            con.close()


@app.command()
def status() -> None:
    """最近一夜：状态、各来源数据截至何时、去向。"""
    from linli import pipeline
    from linli.pipeline.present import show_closing, show_sources

    settings = _settings()
    with _explained():
        day = pipeline.latest_day(settings)
        if day is None:
            _stop("还没有发布过：先运行 linli night 或 make run")
        table = pipeline.closing_table_of(settings, day)
    show_sources(console, table.statuses, pipeline.catalog(settings))
    show_closing(console, table, pipeline.catalog(settings), settings)


@app.command()
def rebuild(
    day: DayOption,
    into: Annotated[Path | None, typer.Option(help="把结果另存为这个文件（DuckDB）")] = None,
) -> None:
    """按当时已入库的数据，把过去某一天的数字重新算一遍，打印内容校验值。"""
    from linli import pipeline

    settings, chosen = _settings(), _day(day)
    with _explained(), _progress() as tell:
        tell(f"重算 {chosen}", 0, 0)
        found = pipeline.rebuild(settings, chosen, into=into)
    console.print(f"截至 {found.as_of.astimezone(SHANGHAI):%Y-%m-%d %H:%M}  内容校验值 {found.content_hash}", soft_wrap=True)
    if found.path:
        console.print(f"已写入 {found.path}", soft_wrap=True)


@month_app.command("close")
def month_close(
    month: MonthArgument,
    approved_by: Annotated[str, typer.Option("--approved-by", help="批准结账的人或岗位")],
    campaign: Annotated[str, typer.Option(help="选定的下月专项整治：建议的序号，或一句话")] = "",
) -> None:
    """结账：把一个月的全部数字冻结下来。最后一天须已载入。"""
    from linli import pipeline

    settings, chosen = _settings(), _month(month)
    with _explained(), _progress() as tell:
        tell(f"结账 {month}", 0, 0)
        words = pipeline.chosen_campaign(pipeline.proposal(settings, chosen).campaigns, campaign)
        closing = pipeline.close_month(settings, chosen, approved_by=approved_by, campaign=words)
    console.print(f"✓ {closing.name} 已结账：{closing.figure_count:,} 个数字，内容校验值 {closing.content_hash[:12]}")


@month_app.command("restate")
def month_restate(month: MonthArgument) -> None:
    """核对一个已结账的月：此后的更正使哪些数字有了变化，逐个列为重述。"""
    from linli import pipeline
    from linli.pipeline.present_months import show_restatements

    settings, chosen = _settings(), _month(month)
    with _explained(), _progress() as tell:
        tell(f"核对 {month}", 0, 0)
        found = pipeline.restate_month(settings, chosen)
    show_restatements(console, found)


@month_app.command("list")
def month_list() -> None:
    """列出已结账的月。"""
    from linli import closing

    settings = _settings()
    shown = Table("月份", "结账于", "批准", "下月专项整治", "数字", "重述", "内容校验值", title="已结账的月", title_justify="left")
    for each in closing.closed_months(settings.closed):
        restated = len(closing.restatements(settings.closed, each.month))
        closed_at = each.closed_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        shown.add_row(
            each.name,
            closed_at,
            each.approved_by,
            each.campaign or "（未选）",
            f"{each.figure_count:,}",
            f"{restated} 次",
            each.content_hash[:12],
        )
    console.print(shown)


@quarantine_app.command("list")
def quarantine_list(
    source: Annotated[str | None, typer.Option(help="来源，如 case_system")] = None,
    record: Annotated[str | None, typer.Option(help="记录，如 callbacks")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="连同已改好的")] = False,
    limit: Annotated[int, typer.Option(help="最多显示的条数")] = 50,
) -> None:
    """列出退回待改的记录。"""
    from linli import pipeline
    from linli.pipeline.words import CLOSED, moment, readable

    settings = _settings()
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


@quarantine_app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="记录全名，如 case_system.callbacks")],
    key: Annotated[str, typer.Argument(help="键，如列表所示")],
) -> None:
    """显示一条退回的记录：在哪、什么、哪条规则、怎么改。"""
    from linli import pipeline
    from linli.pipeline.words import CLOSED, readable

    with _explained():
        found = pipeline.quarantined_row(_settings(), record, key)
    console.print(f"[bold]{found.label}[/bold] {record} {readable(key)}" + (f"  {found.where}" if found.where else ""))
    console.print(f"已了结（{CLOSED[found.closed_reason]}），以下为当时退回的原因" if found.closed_reason else "待改")
    for word in found.words:
        console.print(f"  ✗ {word.rule}：{word.message}\n    → {word.fix}", highlight=False)
    shown = Table("列", "名称", "值")
    for name, label, value in found.values:
        shown.add_row(name, label, value)
    console.print(shown)


@contracts_app.command("check")
def contracts_check() -> None:
    """检查记录声明是否写对、派生的文件是否最新。"""
    from linli import pipeline

    with _explained():
        stale = pipeline.stale_files(Settings.load())
    if stale:
        _stop("以下文件不是最新，请运行 linli contracts write：" + "、".join(map(str, stale)))
    console.print("✓ 声明无误，派生文件均为最新")


@contracts_app.command("write")
def contracts_write() -> None:
    """写出由声明派生的文件（dbt 来源、数据字典）。"""
    from linli import pipeline

    with _explained():
        for path in pipeline.write_derived_files(Settings.load()):
            console.print(f"✓ {path}")


@demo_app.command("up")
def demo_up(
    seed: Annotated[int, typer.Option(help="种子；同一种子得到同一个区")] = 1,
    scale: Annotated[int, typer.Option(help="区的个数")] = 1,
    until: Annotated[str, typer.Option(help="历史写到哪一天")] = "2026-10-31",
) -> None:
    """启动示范区的四个系统（已启动则不动），打印连接方式。"""
    from linli import demo

    with _explained(), _progress() as tell:
        tell("示范区启动", 0, 0)
        demo.up(_demo_home(), seed=seed, scale=scale, until=_day(until))
    for name, value in demo.environment(_demo_home()).items():
        typer.echo(f"export {name}='{value}'")


@demo_app.command("tick")
def demo_tick(days: Annotated[int, typer.Option(help="往后过几天")] = 1) -> None:
    """让示范区再过一天或几天。"""
    from linli import demo

    with _explained():
        demo.tick(_demo_home(), days)
    console.print(f"示范区已到 {demo.status(_demo_home()).until}")


@demo_app.command("status")
def demo_status() -> None:
    """示范区的状态。"""
    from linli import demo, pipeline

    with _explained():
        found = demo.status(_demo_home())
    shown = Table("项目", "内容", show_header=False)
    console.print(f"示范区：{found.home}", soft_wrap=True)
    shown.add_row("种子", str(found.seed))
    shown.add_row("区的个数", str(found.scale))
    shown.add_row("最新一天", found.until.isoformat())
    shown.add_row("数据", "已写入" if found.is_loaded else "未写完，请重新运行 linli demo up")
    labels = {name: source.label for name, source in pipeline.catalog(Settings.load({})).sources.items()}
    for name, is_running in found.running.items():
        shown.add_row(labels[name], "运行中" if is_running else "[yellow]▲ 未运行")
    console.print(shown)


@demo_app.command("down")
def demo_down() -> None:
    """停止示范区。"""
    from linli import demo

    with _explained():
        demo.down(_demo_home())


@demo_app.command("books")
def demo_books() -> None:
    """示范区自己的账：应当查出的数字和每一条不合格报送。"""
    from linli import demo

    with _explained():
        typer.echo(demo.books(_demo_home()).to_json())


if __name__ == "__main__":
    app()
