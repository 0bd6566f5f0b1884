"""What every command shares: the consoles, the settings, dates as they are typed, progress, refusals in words."""

from __future__ import annotations

import datetime as dt
import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from linli.failures import Refusal
from linli.settings import SOURCE_SETTINGS, Settings, SettingsError, misspelled, variable_of

# a text like :x: is a text
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140, emoji=False)
errors = Console(stderr=True, emoji=False)

DISK_FULL = "磁盘已满：已发布的数据不受影响。请腾出空间，或把 LINLI_HOME 移到更大的盘上，再重新运行（linli doctor 可查看所需空间）"
DEGRADED = 3
INTERRUPTED = 130
MonthArgument = Annotated[str, typer.Argument(help="月份，如 2026-10")]
RepublishOption = Annotated[bool, typer.Option("--republish", help="把发布的数字退回到较早的一天")]
DayOption = Annotated[str, typer.Option(help="日期，如 2026-10-31")]


def stop(message: str, code: int = 1) -> NoReturn:
    """Ends the command with a message, its commands as they can be typed here."""
    from linli.pipeline.words import literal, typeable

    errors.print(f"[red]✗[/red] {literal(typeable(message))}", soft_wrap=True, highlight=False)
    raise typer.Exit(code)


def day_of(text: str) -> dt.date:
    """A day as typed; ends the command when it is none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        stop(f"日期“{text}”无法识别，应写作 2026-10-31")


def month_of(text: str) -> dt.date:
    """The first day of a month as typed; ends the command when it is none."""
    try:
        return dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        stop(f"月份“{text}”无法识别，应写作 2026-10")


def demo_home() -> Path:
    """The folder of the demo district."""
    base = Path(os.environ["LINLI_PROJECT"]) if os.environ.get("LINLI_PROJECT") else Settings.load({}).project
    return Path(os.environ.get("LINLI_DEMO_HOME") or base / ".demo").expanduser().resolve()


def settings_of_environment(*, reading_sources: bool = False, telling_of_demo: bool = False) -> Settings:
    """Settings of the environment; with no source configured, those of a demo district, which is told when its sources are to be
    read or looked at. Sources that only Airflow knows of cannot be read, nor those of nowhere: that ends the command."""
    from linli.pipeline.words import typeable

    with explained():
        found = configured()
        connected = connections(found)
        if reading_sources and (unseen := sorted(connected - set(found.connections))):
            named = "、".join(f"linli_{source}" for source in unseen)
            variables = "、".join(map(variable_of, unseen))
            go_on = f"请设置 {variables}，或通过 Airflow 运行（linli run、linli ui）"
            raise SettingsError(f"这条命令不经 Airflow，看不到 Airflow 连接 {named}：{go_on}")
        if reading_sources:
            from linli import pipeline

            pipeline.check_addresses(found)
        if may_be_demo(found, connected):
            from linli import demo

            lent = demo.environment(demo_home())
            if lent and (reading_sources or telling_of_demo):
                tell_of_demo()
                if not all(demo.status(demo_home()).running.values()):
                    errors.print(typeable("[yellow]▲ 示范区没有全部在运行，读不到的系统不会载入：先运行 linli demo up"), highlight=False)
            found = Settings.load({**os.environ, **lent})
        if reading_sources:
            check_configured(found, connected)
        return found


def may_be_demo(settings: Settings, connected: set[str]) -> bool:
    """Whether no source is configured, neither here nor in Airflow, and nothing of real sources has landed. Raises SettingsError where
    one may have been meant to be, in a home in which nothing has landed yet."""
    from linli import pipeline

    if settings.connections or settings.retired or connected:
        return False
    is_of_demo = pipeline.is_of_demo(settings)
    if is_of_demo is None and (meant := {name: of for name, of in misspelled(os.environ).items() if of in SOURCE_SETTINGS.values()}):
        raise SettingsError("；".join(f"环境变量 {name} 不对应任何来源，是不是 {of}" for name, of in meant.items()))
    return is_of_demo is not False


def tell_of_demo() -> None:
    """Says that a demo district is used."""
    errors.print(f"未配置任何来源，改用示范区（{demo_home()}）", soft_wrap=True, highlight=False)


def check_configured(settings: Settings, connected: set[str]) -> None:
    """Raises SettingsError where no source at all is to be read."""
    from linli import pipeline

    if not settings.connections and not connected:
        variables = "、".join(map(variable_of, sorted(_declared(settings))))
        no_demo = "" if pipeline.is_of_demo(settings) is False else "；要用示范区，先运行 linli demo up"
        raise SettingsError(f"没有配置任何来源，没有可载入的：请设置 {variables} 中要载入的{no_demo}")


def configured() -> Settings:
    """Settings of the environment; what may be a misspelled one is told. Raises SettingsError for a source variable that names no
    declared source: a typo."""
    found = Settings.load()
    for name, meant in misspelled(os.environ).items():
        errors.print(f"[yellow]▲ 环境变量 {name} 不是邻里的设置，不起作用；是不是 {meant}？", soft_wrap=True, highlight=False)
    declared = _declared(found)
    unknown = sorted((set(found.connections) | set(found.tokens)) - declared)
    if unknown:
        raise SettingsError(f"环境变量 LINLI_{unknown[0].upper()}_… 不对应任何已声明的来源（{'、'.join(sorted(declared))}），请检查拼写")
    return found


def connections(settings: Settings) -> set[str]:
    """The sources that Airflow has a connection for. Raises SettingsError for a connection `linli_…` that names no declared source."""
    from linli.pipeline import embedded

    found, declared = embedded.connections(settings, os.environ), _declared(settings)
    unknown = sorted(found - declared)
    if unknown:
        raise SettingsError(f"Airflow 连接 linli_{unknown[0]} 不对应任何已声明的来源（{'、'.join(sorted(declared))}），请检查名称")
    return found


def _declared(settings: Settings) -> set[str]:
    return {path.parent.name for path in (settings.project / "expectations").glob("*/_source.yml")}


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on the terminal, and what tells it (what is being done, steps done, steps in all)."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell


@contextmanager
def explained() -> Iterator[None]:
    """Turns refusals into a message instead of a traceback."""
    try:
        yield
    except Refusal as error:
        stop(str(error))
    except KeyboardInterrupt:
        stop("已中断：已发布的数据不受影响，可以重新运行", INTERRUPTED)
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        stop(DISK_FULL)
    except FileExistsError as error:
        stop(f"{error.filename or ''} 已经存在，不会覆盖：换一个名字，或先把它移走")
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        stop(f"{error.filename or ''} 不能使用：{error.strerror}；请检查 LINLI_HOME 等路径及其权限")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        stop(DISK_FULL)
