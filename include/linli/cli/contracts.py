"""`linli contracts …`: the declarations and what derives from them."""

from __future__ import annotations

import typer

from linli.cli.terminal import console, explained, stop
from linli.settings import Settings

app = typer.Typer(no_args_is_help=True, help="记录声明（expectations/）：检查，并写出由它派生的文件")


@app.command("check")
def contracts_check() -> None:
    """检查记录声明是否写对、派生的文件是否最新。"""
    from linli import pipeline

    with explained():
        stale = pipeline.stale_files(Settings.load())
    if stale:
        stop("以下文件不是最新，请运行 linli contracts write：" + "、".join(map(str, stale)))
    console.print("✓ 声明无误，派生文件均为最新")


@app.command("write")
def contracts_write() -> None:
    """写出由声明派生的文件（dbt 来源、数据字典）。"""
    from linli import pipeline

    with explained():
        for path in pipeline.write_derived_files(Settings.load()):
            console.print(f"✓ {path}")
