"""What is refused before a run begins: addresses of no kind, data of another origin, days that cannot be loaded."""

from __future__ import annotations

import datetime as dt

from linli.failures import Refusal
from linli.pipeline.deployment import catalog, newest_day, register_of
from linli.register import Register
from linli.settings import SHANGHAI, Settings, as_of


class DayNotOver(Refusal):
    """The day is not over: its data are not whole, and terms that are still running would count as missed."""


class DayBeforeFirst(Refusal):
    """The day lies before everything that was loaded by itself."""


class DayBeforeNewest(Refusal):
    """A later day has been published: this one would take the publication back."""


def check_addresses(settings: Settings) -> None:
    """Raises SourceContractBroken for an address of no known kind, before anything is loaded. Nothing is connected."""
    from linli import sources

    for name, declaration in catalog(settings).sources.items():
        if settings.connection(name):
            sources.open_source(declaration, settings)


def check_origin(settings: Settings) -> None:
    """Raises OtherOrigin where the sources are those of a demo district and what has landed here is not, or the other way round."""
    if settings.register_path.exists():
        with register_of(settings) as register:
            register.check_origin(settings.is_demo)


def check_over(settings: Settings, day: dt.date) -> None:
    """Raises DayNotOver when `day` has not ended by the clock of this deployment."""
    newest = settings.newest_day()
    if day > newest:
        by = "（以 LINLI_CLOCK 指向的文件为准；示范区可用 linli demo tick 往后过一天）" if settings.clock else ""
        raise DayNotOver(f"{day} 还没有过完：已过完的最新一天是 {newest}{by}")


def check_loaded_by_itself(register: Register, day: dt.date) -> None:
    """Raises DayBeforeFirst for a day before the first one loaded: its records came in with that one, and as of itself there is nothing."""
    first = register.first_window_end()
    if first is not None and as_of(day) < first:
        began = first.astimezone(SHANGHAI).date() - dt.timedelta(days=1)
        why = "那一夜把此前的记录一并载入，之前的日子没有单独的数字"
        raise DayBeforeFirst(f"{day} 早于最初载入的 {began}：{why}；请从 {began} 起")


def check_not_before_newest(settings: Settings, day: dt.date) -> None:
    """Raises DayBeforeNewest for a day before the newest one published, DayBeforeFirst for one that never was by itself."""
    newest = newest_day(settings)
    if newest is not None and day < newest:
        with register_of(settings) as register:
            check_loaded_by_itself(register, day)
        raise DayBeforeNewest(
            f"已发布到 {newest}，{day} 的记录早已载入；再跑它会把发布的数字退回到那一天。要看当天的数字：linli rebuild --day {day}；"
            "确要退回，加 --republish（Airflow 的配置中写 \"republish\": true）"
        )
