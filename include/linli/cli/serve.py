"""`linli serve …`: the newest release into a database that many can read at once."""

from __future__ import annotations

from typing import Annotated

import typer

from linli.cli.terminal import console, errors, explained, progress, settings_of_environment

app = typer.Typer(no_args_is_help=True, help="把最新发布的数据放进数据库，供多人查询")


@app.command("postgres")
def serve_postgres(
    again: Annotated[bool, typer.Option("--again", help="库里已是这一版或更新的一版，也重建所有表和权限")] = False,
) -> None:
    """写入 PostgreSQL（LINLI_SERVING_URL），整版切换；linli_team 可看全部，linli_reader 看不到单个队员和单个案件。"""
    from linli import pipeline

    settings = settings_of_environment()
    with explained(), progress() as tell:
        served = pipeline.serve(settings, again=again, progress=tell)
    for view in served.lost_views:
        errors.print(f"[yellow]▲ 随旧的一版删除：{view}（建在已发布的表上的视图，须重建）", soft_wrap=True, highlight=False)
    if served.is_new:
        console.print(f"✓ 已发布到 PostgreSQL：{served.tables} 张表，{served.rows:,} 行，版本 {served.version}")
    else:
        console.print(f"✓ PostgreSQL 里已是最新的一版（{served.version}），没有改动")
