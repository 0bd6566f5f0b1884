"""`linli <noun> <verb>`: the command line. It parses, calls the pipeline and prints; it computes nothing."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from linli.cli import alerts, contracts, demo, months, quarantine, serve
from linli.cli.terminal import (
    DEGRADED,
    DayOption,
    MonthArgument,
    RepublishOption,
    check_configured,
    configured,
    connections,
    console,
    day_of,
    demo_home,
    errors,
    explained,
    may_be_demo,
    month_of,
    progress,
    settings_of_environment,
    stop,
    tell_of_demo,
)
from linli.cli.usage import Commands
from linli.settings import SHANGHAI, Settings
from linli.spreadsheets import write_csv

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="邻里：小区执法进驻的数据管道与仓库"
)
app.add_typer(demo.app, name="demo")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(months.app, name="month")
app.add_typer(alerts.app, name="alerts")
app.add_typer(serve.app, name="serve")
app.add_typer(contracts.app, name="contracts")


def _version(is_asked: bool) -> None:
    if is_asked:
        from linli import pipeline

        console.print(pipeline.code_version(Settings.load().project), highlight=False)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="版本及决定数字的代码的校验值")] = False,
) -> None:
    os.umask(0o077)


@app.command()
def night(day: DayOption, republish: RepublishOption = False) -> None:
    """载入一天：抽取、把关、建模、发布（不经 Airflow，步骤与之相同；来源只看环境变量）。"""
    from linli import pipeline
    from linli.pipeline.present import show_closing

    settings, chosen = settings_of_environment(reading_sources=True), day_of(day)
    with explained(), progress() as tell:
        report = pipeline.night(settings, chosen, tell, republish=republish)
    show_closing(console, report.table, pipeline.catalog(settings), settings)
    if report.state != "succeeded":
        raise typer.Exit(DEGRADED)


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="起始日，如 2026-10-01")],
    last: Annotated[str, typer.Option("--to", help="截止日（含），如 2026-10-31")],
    republish: RepublishOption = False,
) -> None:
    """从起始日到截止日（含）逐日载入，旧日在前，早于最新发布的略过（不经 Airflow，来源只看环境变量）。"""
    from linli import pipeline
    from linli.pipeline.present import show_closing, show_days

    settings, reports = settings_of_environment(reading_sources=True), []
    try:
        with explained(), progress() as tell:
            newest = pipeline.newest_day(settings)
            if newest and not republish and day_of(first) < newest:
                errors.print(f"已发布到 {newest}，从这一天起补载", highlight=False)
            for report in pipeline.backfill(settings, day_of(first), day_of(last), tell, republish=republish):
                reports.append(report)
                errors.print(f"✓ {report.table.run.day} 已发布", highlight=False)
    finally:
        if reports:
            show_days(console, reports)
            show_closing(console, reports[-1].table, pipeline.catalog(settings), settings)
    if any(report.state != "succeeded" for report in reports):
        raise typer.Exit(DEGRADED)


@app.command()
def run(
    day: Annotated[str | None, typer.Option(help="日期；缺省为昨天，示范区则为其最新一天")] = None, republish: RepublishOption = False
) -> None:
    """主任务：通过 Airflow 跑一夜；环境变量和 Airflow 连接都没有配置来源时，先启动示范区。"""
    from linli import demo, pipeline
    from linli.pipeline import embedded
    from linli.pipeline.present import show_closing

    chosen, of_demo = day_of(day) if day else None, {}
    with explained(), progress() as tell:
        settings = configured()
        connected = connections(settings)
        with embedded.OneRun(settings, os.environ, "nightly") as airflow:
            if may_be_demo(settings, connected):
                tell_of_demo()
                tell("示范区启动", 0, 0)
                demo.up(demo_home())
                latest = pipeline.latest_day(settings)
                if chosen is None and latest is not None and latest >= demo.status(demo_home()).until:
                    demo.tick(demo_home())
                of_demo = demo.environment(demo_home())
                settings = Settings.load({**os.environ, **of_demo})
            check_configured(settings, connected)
            pipeline.check_origin(settings)
            pipeline.check_addresses(settings)
            chosen = chosen or settings.newest_day()
            pipeline.check_over(settings, chosen)
            if not republish:
                pipeline.check_not_before_newest(settings, chosen)
            before = pipeline.latest_version(settings)
            try:
                conf = {"day": chosen.isoformat()} | ({"republish": True} if republish else {})
                airflow.run(conf, lambda step: tell(step, 0, 0), given=of_demo)
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
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="本机端口")] = 8080) -> None:
    """在本机（127.0.0.1）打开 Airflow 界面与调度，Ctrl-C 结束。"""
    from linli.pipeline import embedded

    waiting = ExitStack()

    def ready(base: str, passwords: Path) -> None:
        waiting.close()
        console.print(f"Airflow：{base}  用户 admin，密码见 {passwords}", soft_wrap=True)

    settings = settings_of_environment(telling_of_demo=True)
    given = {**os.environ}
    if settings.is_demo:
        from linli import demo

        given |= demo.environment(demo_home())
    with explained(), waiting:
        waiting.enter_context(progress())("Airflow 启动", 0, 0)
        embedded.serve(settings, given, port=port, ready=ready)


@app.command()
def reconcile(
    day: DayOption,
    hashes: Annotated[bool, typer.Option("--hashes", help="连同逐行校验（每周一次）")] = False,
) -> None:
    """与来源核对：补上漏掉的，标出已删除的；下一夜把关入库（不经 Airflow，来源只看环境变量）。"""
    from linli import pipeline

    settings = settings_of_environment(reading_sources=True)
    shown = Table("来源", "在源", "补取", "已删", title="核对", title_justify="left")
    try:
        with explained(), progress() as tell:
            for name, counts in pipeline.reconcile(settings, day_of(day), with_hashes=hashes, progress=tell):
                shown.add_row(name, *[f"{counts[k]:,}" for k in ("keys", "refetched", "deleted")])
    finally:
        if shown.row_count:
            console.print(shown)
            console.print("未列出的来源不给出全部编号，无从核对；它们的删除由对方标记")
            if hashes:
                console.print("第一次逐行校验没有可比的校验值，全部补取一遍作为基准；内容相同的不会重复入库")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="SQL，只读")] = "",
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="从文件读 SQL，如 docs/queries 下的")] = None,
    limit: Annotated[int, typer.Option(min=1, help="最多显示的行数")] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="以 CSV 输出全部行")] = False,
) -> None:
    """查询已发布的仓库（只读，不可访问其他文件）。"""
    import duckdb

    from linli import publication
    from linli.pipeline.present import show_rows

    if query and file:
        stop("SQL 写在命令里或文件里，只给一处")
    query = file.read_text(encoding="utf-8") if file else query
    with explained():
        con = publication.open_published(settings_of_environment())
        try:
            statements = con.extract_statements(query)
            if len(statements) != 1:
                stop("一次只执行一条 SQL" if statements else '没有给出 SQL：如 linli sql "show tables"，或 linli sql --file 文件')
            cursor = con.execute(query)
            names = [d[0] for d in cursor.description or ()]
            if csv:
                write_csv(sys.stdout, [names])
                while rows := cursor.fetchmany(10_000):
                    write_csv(sys.stdout, rows)
            else:
                show_rows(console, names, cursor.fetchall(), limit)
        except duckdb.Error as error:
            stop(f"查询出错：{error}\n有哪些表：linli sql \"show tables\"；一张表有哪些列：linli sql \"describe 表名\"")
        finally:
            con.close()


@app.command()
def status() -> None:
    """最近一夜：状态、各来源数据截至何时、去向。"""
    from linli import pipeline
    from linli.pipeline.present import show_closing, show_sources

    settings = settings_of_environment()
    with explained():
        day = pipeline.latest_day(settings)
        if day is None:
            stop("还没有发布过：先运行 linli night 或 make run")
        table = pipeline.closing_table_of(settings, day)
        failed = pipeline.failed_since(settings)
    show_sources(console, table.statuses, pipeline.catalog(settings))
    show_closing(console, table, pipeline.catalog(settings), settings)
    if failed:
        logs = settings.home / "dbt" / "logs"
        console.print(f"[red]✗ 最近一次运行（{failed}）失败，没有发布；以上是此前发布的。日志：{logs} 及 Airflow", soft_wrap=True)


@app.command()
def doctor() -> None:
    """逐项检查：设置、来源、密钥、磁盘、日历、字体、最近一夜；有问题的给出办法。"""
    from linli.pipeline.doctor import examine
    from linli.pipeline.present import FINDING_MARKS
    from linli.pipeline.words import literal, typeable

    settings, is_broken = settings_of_environment(telling_of_demo=True), False
    with explained(), progress() as tell:
        tell("检查", 0, 0)
        for finding in examine(settings):
            is_broken = is_broken or finding.state == "broken"
            console.print(f"{FINDING_MARKS[finding.state]} {literal(finding.subject)}：{literal(finding.said)}", soft_wrap=True)
            if finding.remedy:
                console.print(f"   → {literal(typeable(finding.remedy))}", soft_wrap=True, highlight=False)
    if is_broken:
        raise typer.Exit(1)


@app.command()
def review(
    month: MonthArgument,
    district: Annotated[str, typer.Option(help="只做一个区（编码或名称）；与下列选项同用时，指明是哪个区的")] = "",
    community: Annotated[str, typer.Option(help="只做一个社区")] = "",
    station: Annotated[str, typer.Option(help="只做一个执法工作站")] = "",
    compound: Annotated[str, typer.Option(help="只做一个小区")] = "",
    department: Annotated[str, typer.Option(help="只做一个部门")] = "",
    lang: Annotated[Literal["zh", "en"], typer.Option(help="语言")] = "zh",
    formats: Annotated[str, typer.Option("--format", help="格式，用逗号分开")] = "html,pdf,docx,xlsx",
    into: Annotated[Path | None, typer.Option(help="写到这个文件夹；缺省在 reviews/ 下")] = None,
) -> None:
    """月度复盘：每个区、社区、工作站、小区、部门一页，网页、PDF、Word、Excel 各一份。"""
    from linli import pipeline
    from linli.review import FORMATS

    chosen = [name.strip() for name in formats.split(",") if name.strip()]
    if not chosen or set(chosen) - set(FORMATS):
        stop(f"--format“{formats}”无法识别，可选 {'、'.join(FORMATS)}，用逗号分开")
    levels = {"district": district, "community": community, "station": station, "compound": compound, "department": department}
    of = {level: text for level, text in levels.items() if text}
    settings = settings_of_environment()
    with explained(), progress() as tell:
        pack = pipeline.review(settings, month_of(month), of=of, language=lang, formats=chosen, into=into, progress=tell)
    console.print(f"✓ {month} 月度复盘：{len(pack.units)} 个单位，{len(pack.files)} 个文件，校验值 {pack.checksum[:12]}")
    console.print(f"从这里看起：{pack.folder / 'index.html'}", soft_wrap=True)


@app.command()
def copies(month: Annotated[str, typer.Argument(help="月份，如 2026-10；缺省为所有已结账的月")] = "") -> None:
    """对外的数据副本：公众、各工作站、各部门各一份，取自已结账的月；涉及不足五名居民的数字不公布。"""
    from linli import pipeline

    settings = settings_of_environment()
    with explained(), progress() as tell:
        written = pipeline.copies(settings, month_of(month) if month else None, progress=tell)
    for each in written:
        console.print(f"✓ {each.month:%Y-%m}：{each.audiences} 份，{each.counts:,} 个数字中 {each.hidden:,} 个不公布")
    console.print(f"在 {settings.copies} 下", soft_wrap=True)


@app.command()
def slips(
    source: Annotated[str | None, typer.Option(help="只做一个来源的，如 meeting_returns")] = None,
    submitter: Annotated[str | None, typer.Option(help="只做一个提交方的，如 340405-C01")] = None,
    into: Annotated[Path | None, typer.Option(help="写到这个文件夹；缺省在 slips/ 下")] = None,
) -> None:
    """退回单：给每个提交方一份 Excel，只列待改的行，标出错处、原因和改法；填好放回收件文件夹即可。"""
    from linli import pipeline
    from linli.pipeline.present import show_slips

    settings = settings_of_environment()
    with explained(), progress() as tell:
        written = pipeline.write_slips(settings, source=source, submitter=submitter, into=into, progress=tell)
    show_slips(console, written)


@app.command()
def quality(day: Annotated[str, typer.Option(help="日期；缺省为最近结束的一夜")] = "") -> None:
    """数据质量日报：到货与去向、违反的规则、待改、三十天趋势，一个离线网页。"""
    from linli import pipeline

    settings = settings_of_environment()
    with explained(), progress() as tell:
        tell("数据质量日报", 0, 0)
        path = pipeline.quality(settings, day_of(day) if day else None)
    console.print(f"✓ {path}", soft_wrap=True)


@app.command()
def docs(into: Annotated[Path | None, typer.Option(help="写到这个文件；缺省为 LINLI_HOME 下的 docs/models.html")] = None) -> None:
    """模型文档：每个模型和列的含义、来龙去脉，一个离线网页（英文）。"""
    from linli import warehouse

    settings = settings_of_environment()
    with explained(), progress() as tell:
        tell("模型文档", 0, 0)
        path = warehouse.write_documentation(settings, into or settings.home / "docs" / "models.html")
    console.print(f"✓ {path}", soft_wrap=True)


@app.command()
def rebuild(
    day: DayOption,
    into: Annotated[Path | None, typer.Option(help="把结果另存为这个文件（DuckDB）")] = None,
) -> None:
    """按当时已入库的数据，把过去某一天的数字重新算一遍，打印内容校验值。"""
    from linli import pipeline

    settings, chosen = settings_of_environment(), day_of(day)
    with explained(), progress() as tell:
        tell(f"重算 {chosen}", 0, 0)
        found = pipeline.rebuild(settings, chosen, into=into)
    if found.published_hash:
        other = f"▲ 与当夜发布的（{found.published_hash}）不同：此后改过代码、设置或参考数据，或这一天是后来用 --republish 重跑的"
        same = found.published_hash == found.content_hash
        console.print("✓ 与当夜发布的一致" if same else other, soft_wrap=True)
    if not found.batches:
        errors.print("[yellow]▲ 到这一天为止没有任何已入库的数据：算出的表都是空的，或只有参考数据")
    console.print(f"截至 {found.as_of.astimezone(SHANGHAI):%Y-%m-%d %H:%M}  内容校验值 {found.content_hash}", soft_wrap=True)
    if found.path:
        console.print(f"已写入 {found.path}", soft_wrap=True)
