"""`linli demo …`: the four operational systems of an invented district."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from linli.cli.terminal import console, day_of, demo_home, explained, progress
from linli.settings import Settings

app = typer.Typer(no_args_is_help=True, help="示范区：四个真实运行的业务系统，人物和内容均为虚构")


@app.command("up")
def demo_up(
    seed: Annotated[int, typer.Option(help="种子；同一种子得到同一个区")] = 1,
    scale: Annotated[int, typer.Option(help="区的个数")] = 1,
    until: Annotated[str, typer.Option(help="历史写到哪一天")] = "2026-10-31",
) -> None:
    """启动示范区的四个系统（已启动则不动），打印连接方式。"""
    from linli import demo

    with explained(), progress() as tell:
        tell("示范区启动", 0, 0)
        demo.up(demo_home(), seed=seed, scale=scale, until=day_of(until))
    for name, value in demo.environment(demo_home()).items():
        typer.echo(f"export {name}='{value}'")


@app.command("tick")
def demo_tick(days: Annotated[int, typer.Option(help="往后过几天")] = 1) -> None:
    """让示范区再过一天或几天。"""
    from linli import demo

    with explained(), progress() as tell:
        tell("示范区往后过", 0, 0)
        demo.tick(demo_home(), days)
    console.print(f"示范区已到 {demo.status(demo_home()).until}")


@app.command("status")
def demo_status() -> None:
    """示范区的状态。"""
    from linli import demo, pipeline

    with explained():
        found = demo.status(demo_home())
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


@app.command("down")
def demo_down() -> None:
    """停止示范区。"""
    from linli import demo

    with explained(), progress() as tell:
        tell("示范区停止", 0, 0)
        demo.down(demo_home())
    console.print("✓ 示范区已停止；收件文件夹里的文件都在，随时可以 linli demo up")


@app.command("books")
def demo_books() -> None:
    """示范区自己的账：应当查出的数字和每一条不合格报送。"""
    from linli import demo

    with explained():
        typer.echo(demo.books(demo_home()).to_json())
