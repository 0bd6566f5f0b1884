"""What a deployment stands on, looked at one thing after the other: the sources, the key ring, the disk, the calendar, the font, the last
night, the alerts, the database for analysts. Each finding says what is so and, where something is wrong, what to do about it."""

from __future__ import annotations

import datetime as dt
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from linli import calendar, sources
from linli.alerts import OUTBOX
from linli.contracts import Catalog, SourceDecl
from linli.failures import Refusal
from linli.pipeline.alerts import configuration_of, spool_of, unknown_conditions
from linli.pipeline.deployment import catalog, loaded_sources
from linli.pipeline.report import latest_day, latest_version
from linli.pipeline.serving import served_version
from linli.pipeline.words import moment
from linli.settings import RETIRED, SERVING_SETTING, SHANGHAI, Settings, as_of, variable_of

State = Literal["ok", "doubtful", "broken"]

FREE_BYTES = 5 * 2**30
"""room for a night of a small district: a fresh working file and a release beside those there are"""
COPIES = 3
"""of the working file: the one being built, the release, and what DuckDB spills"""
HORIZON_DAYS = 45
"""the seven-day clock of a report looks this far over holidays"""
_ANNOUNCED_MONTH = 11
"""the State Council announces next year's holidays in November"""


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, what is so, and the remedy where it is not as it should be."""

    subject: str
    state: State
    said: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks at everything, in turn; nothing is changed, and no row is read."""
    declared = catalog(settings)
    yield from _sources(settings, declared)
    yield _home(settings)
    yield _key_ring(settings)
    yield _disk(settings)
    yield _calendar(settings.newest_day())
    yield _font()
    yield _last_night(settings)
    yield _alerts(settings)
    yield _serving(settings)


def _sources(settings: Settings, declared: Catalog) -> Iterator[Finding]:
    loaded = loaded_sources(settings)
    for name, source in declared.sources.items():
        variable = variable_of(name)
        if not settings.connection(name):
            yield _unset(source, loaded_before=name in loaded, is_retired=name in settings.retired)
            continue
        try:
            opened = sources.open_source(source, settings)
            nothing = sources.Window(instant := dt.datetime.now(SHANGHAI), instant)
            for feed in source.feeds:
                for reading in opened.readings(feed, nothing, seen=lambda _: True):
                    for table in reading.tables.values():
                        table.close()
        except Refusal as error:
            remedy = f"检查 {variable} 的地址、账号和权限，以及对方系统是否在运行"
            yield Finding(source.label, "broken", str(error), "linli demo up" if settings.is_demo else remedy)
        else:
            yield Finding(source.label, "ok", f"可读，{len(source.feeds)} 路数据的表和字段都在")


def _unset(source: SourceDecl, *, loaded_before: bool, is_retired: bool) -> Finding:
    variable = variable_of(source.name)
    if is_retired:
        return Finding(source.label, "ok", "按设置不再载入")
    if loaded_before:
        return Finding(source.label, "broken", "此前载入过，现在没有配置", f"设置 {variable}；确实不再载入，就设为 {RETIRED}")
    return Finding(source.label, "doubtful", "没有配置，不载入", f"要载入就设置 {variable}")


def _home(settings: Settings) -> Finding:
    if not settings.home.exists():
        return Finding("LINLI_HOME", "doubtful", f"{settings.home} 还没有建立", "运行第一夜时会建立，不必处理")
    others = stat.S_IMODE(settings.home.stat().st_mode) & 0o077
    if others:
        return Finding("LINLI_HOME", "broken", f"{settings.home} 别的用户也能进", f"chmod 700 {settings.home}")
    return Finding("LINLI_HOME", "ok", f"{settings.home}，只有本用户能进")


def _key_ring(settings: Settings) -> Finding:
    ring = settings.key_ring
    if not ring.exists():
        if settings.lake.exists():
            return Finding(
                "假名密钥",
                "broken",
                f"{ring} 不在，而已有入库的数据",
                "从备份恢复 LINLI_KEY_RING 所指的文件；换一把新钥，同一个人会变成两个人",
            )
        return Finding("假名密钥", "doubtful", "还没有生成", "运行第一夜时会生成，之后请备份")
    if stat.S_IMODE(ring.stat().st_mode) & 0o077:
        return Finding("假名密钥", "broken", f"{ring} 别的用户也能读", f"chmod 600 {ring}")
    return Finding("假名密钥", "ok", "在，只有本用户能读；须与数据分开备份")


def _disk(settings: Settings) -> Finding:
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    needed = max(FREE_BYTES, COPIES * settings.work_file.stat().st_size if settings.work_file.exists() else 0)
    said = f"剩 {free / 2**30:,.1f} GiB，一夜至多要 {needed / 2**30:,.1f} GiB"
    return Finding("磁盘", "ok", said) if free >= needed else Finding("磁盘", "broken", said, "腾出空间，或把 LINLI_HOME 移到更大的盘上")


def _calendar(today: dt.date) -> Finding:
    last = calendar.last_published_year()
    if (today + dt.timedelta(days=HORIZON_DAYS)).year <= last:
        return Finding("工作日历", "ok", f"国务院放假安排已有到 {last} 年")
    said = f"国务院放假安排只到 {last} 年，{last + 1} 年的到期日暂按法定节假日推算并有标记"
    is_announced = today.year > last or today.month > _ANNOUNCED_MONTH
    remedy = (
        f"升级 chinesecalendar，或把 {last + 1} 年的调休写进 calendar_overrides.csv"
        if is_announced
        else "每年 11 月公布后升级 chinesecalendar"
    )
    return Finding("工作日历", "doubtful", said, remedy)


def _font() -> Finding:
    from linli import fonts

    try:
        fonts.loaded()
    except fonts.FontMissing as error:
        return Finding("中文字体", "broken", str(error), "按 requirements.txt 重新安装")
    return Finding("中文字体", "ok", f"{fonts.FAMILY}，能画出汉字")


def _last_night(settings: Settings) -> Finding:
    day, newest = latest_day(settings), settings.newest_day()
    if day is None:
        return Finding("最近一夜", "doubtful", "还没有发布过", "运行 make run，或 linli night --day 日期")
    if day < newest:
        behind = (newest - day).days
        return Finding(
            "最近一夜", "doubtful", f"发布到 {day}，落后 {behind} 天", f"linli backfill --from {day + dt.timedelta(days=1)} --to {newest}"
        )
    return Finding("最近一夜", "ok", f"发布到 {day}（{moment(as_of(day))} 之前）")


def _alerts(settings: Settings) -> Finding:
    subject = "消息渠道"
    try:
        configuration = configuration_of(settings)
    except Refusal as error:
        return Finding(subject, "broken", str(error), "按 docs/howto/alerts.md 改正")
    channels = configuration.channels
    problems = [f"{name}：{problem}" for name, channel in channels.items() if (problem := channel.problem())]
    problems += [f"routes 中的 {condition}: {name} 不认识" for condition, name in sorted(unknown_conditions(settings, configuration))]
    undelivered = 0
    if settings.alerts.exists():
        with spool_of(settings) as spool:
            problems += [f"{name}：{found['said']}" for name, found in spool.troubles().items() if name in channels]
            counts = spool.counts()
            undelivered = sum(counts.get(state, 0) for state in ("refused", "given_up"))
    if problems:
        return Finding(subject, "broken", "；".join(problems), "改正后运行 linli alerts test 渠道名，再 linli alerts send")
    if undelivered:
        return Finding(subject, "doubtful", f"{undelivered} 条没有送达，已另存到 outbox", "linli alerts list")
    if list(channels) == [OUTBOX]:
        return Finding(subject, "doubtful", f"只写到 {settings.alerts / OUTBOX}", "要发到群里或邮箱，见 docs/howto/alerts.md")
    return Finding(subject, "ok", "、".join(name for name in channels if name != OUTBOX))


def _serving(settings: Settings) -> Finding:
    subject = "分析用数据库"
    if not settings.serving_url:
        return Finding(subject, "ok", f"没有配置（可不配置；要供多人用 PostgreSQL 查询，就设置 {SERVING_SETTING}）")
    try:
        version, newest = served_version(settings), latest_version(settings)
    except Refusal as error:
        return Finding(subject, "broken", str(error), "按 docs/howto/serve-analysts.md 准备这个库")
    if newest is None or version == newest:
        return Finding(subject, "ok", f"是最新的一版（{version}）" if version else "可以写入，还没有发布过")
    return Finding(subject, "doubtful", f"是 {version} 这一版，最新的是 {newest}" if version else "还没有写入过", "linli serve postgres")
