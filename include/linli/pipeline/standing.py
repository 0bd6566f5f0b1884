"""What there is to be told of the published marts, as messages: steps due, records stopped, returns missing, a month to approve."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter, itemgetter

from linli import closing, publication
from linli.alerts import Line, Message, Subject, fingerprint_of
from linli.calendar import next_month, previous_month
from linli.contracts import Catalog
from linli.pipeline.missing import missing_returns, stopped_records
from linli.pipeline.places import Places
from linli.pipeline.words import STEPS, moment
from linli.register import Register
from linli.settings import SHANGHAI, Settings, as_of

CASES_NAMED = 10
"""case numbers a line names; the rest is counted"""
_RETURN_MONTHS = 12

_CASES = "case_system"
_AS_OF = "select max(as_of) from main.published_at"
_CASES_AS_OF = """
    select case when count(source_as_of) = count(*) then min(source_as_of) end
    from main.published_at where source = 'case_system' and feed in ('cases', 'case_steps', 'callbacks')
"""
_DUE = f"""
    with placed as (
        select
            *,
            coalesce(nullif(station_code, 'none'), nullif(compound_code, 'none'), district_code) as place,
            due_on < $today as is_overdue
        from mart.mart_due_step
        where due_on <= $today
    ),

    counted as (
        select
            place, is_overdue, is_due_provisional, step, count(*) as steps, min(due_on) as oldest_on,
            array_agg(case_no order by due_on, case_no)[1:{CASES_NAMED}] as case_nos
        from placed
        group by place, is_overdue, is_due_provisional, step
    )

    select place, is_overdue, is_due_provisional, step, steps, oldest_on, case_nos
    from counted order by place, is_overdue, array_position(['accept', 'resolve', 'follow_up'], step), is_due_provisional
"""


def published_as_of(settings: Settings) -> dt.datetime | None:
    """How far the newest release reaches; None before the first one."""
    try:
        [(found,)] = publication.ask(settings, _AS_OF)
    except publication.NothingPublished:
        return None
    return found if isinstance(found, dt.datetime) else None


def due_cases(settings: Settings, places: Places, reach: dt.datetime, today: dt.date) -> Iterator[Message]:
    """The steps due `today`, or overdue then as far as the newest release knows, one message a station: counts and case numbers.

    What was done after the case system was read last is not known: then that is said, and nobody is warned of what may be done already.
    Nothing is told once it is read no longer.
    """
    if not publication.holds(settings, "mart_due_step") or _CASES in settings.retired:
        return
    rows, stale = publication.ask(settings, _DUE, {"today": today}), _stale(settings, today)
    for place, group in groupby(rows, key=itemgetter(0)):
        lines, due, overdue = [], 0, 0
        for _, is_overdue, is_provisional, step, count, oldest_on, cases in group:
            due, overdue = due + (0 if is_overdue else count), overdue + (count if is_overdue else 0)
            since = f"已逾期（最早 {oldest_on} 到期）" if is_overdue else f"{today:%m-%d} 到期"
            provisional = "，到期日为暂定，放假安排公布后重算" if is_provisional else ""
            more = "等" if count > len(cases) else ""
            lines.append(Line(f"{STEPS[step]} {since}{provisional}：{'、'.join(cases)}{more}", count, "项"))
        yield Message(
            kind="due_cases",
            severity="warning" if overdue and not stale else "info",
            topic=place,
            fingerprint=fingerprint_of([today.isoformat(), [[line.text, line.count] for line in (*stale, *lines)]]),
            title=f"{places.name(place)}：{today:%m-%d} 到期 {due} 项，{'可能' if stale else '已'}逾期 {overdue} 项",
            lines=(*stale, *lines),
            remedy=("在案件系统中核实、办结或回访；昨天办理而今天仍列出的，是还没有录入或被退回",),
            subject=places.subject(_CASES, place, day=today.isoformat()),
            as_of=reach,
        )


def _stale(settings: Settings, today: dt.date) -> list[Line]:
    """That the case system was not read up to the end of the day before `today`, if it was not."""
    [(read_to,)] = publication.ask(settings, _CASES_AS_OF)
    if read_to is not None and read_to.astimezone(SHANGHAI).date() >= today:
        return []
    if read_to is None:
        return [Line("案件系统没有读全，已办的可能没有计入")]
    return [Line(f"案件系统只读到 {moment(read_to)}，其后核实、办结、回访的没有计入")]


def stopped(settings: Settings, declared: Catalog, reach: dt.datetime) -> Iterator[Message]:
    """Kinds of records that always came and stand stopped, one message a district and source."""
    if not publication.holds(settings, "mart_data_completeness"):
        return
    day = reach.astimezone(SHANGHAI).date() - dt.timedelta(days=1)
    found = [each for each in stopped_records(settings, day.replace(day=1)) if each.came_back_on is None]
    found.sort(key=attrgetter("district_code", "source"))
    for (district, source), group in groupby(found, key=attrgetter("district_code", "source")):
        kinds = list(group)
        yield Message(
            kind="stopped_category",
            severity="warning",
            topic=f"{district}/{source}",
            fingerprint=fingerprint_of(sorted([each.record, each.category, each.key, each.last_seen_on.isoformat()] for each in kinds)),
            title=f"{kinds[0].district} {declared.sources[source].label}：{len(kinds)} 类一向都有的记录没有了",
            lines=tuple(Line(each.in_words(declared).removeprefix(f"{each.district} ")) for each in kinds),
            remedy=("请报送方核对：确实没有，还是没有录入、接口有变；明细见 mart_data_completeness",),
            subject=Subject(source, district, district=district),
            as_of=reach,
        )


def returns(settings: Settings, places: Places, reach: dt.datetime) -> Iterator[Message]:
    """Returns that are overdue, one message a community."""
    if not publication.holds(settings, "mart_return_completeness"):
        return
    since = reach.astimezone(SHANGHAI).date() - dt.timedelta(days=31 * (_RETURN_MONTHS + 1))
    owed = [each for each in missing_returns(settings) if each.month >= since]
    for community, group in groupby(owed, key=attrgetter("community_code")):
        months = list(group)
        subject = places.subject("meeting_returns", community)
        yield Message(
            kind="missing_returns",
            severity="warning",
            topic=community,
            fingerprint=fingerprint_of(sorted([each.month.isoformat(), *each.sheets] for each in months)),
            title=f"{places.name(community)}：{len(months)} 个月的台账到期没有收到",
            lines=tuple(Line(f"{each.month:%Y-%m}：{'、'.join(each.sheets)}") for each in months),
            remedy=("请补报到收件文件夹；已经报过的，看是否被退回：linli quarantine list --source meeting_returns",),
            subject=subject,
            as_of=reach,
        )


def month_waits(settings: Settings, register: Register, reach: dt.datetime) -> Iterator[Message]:
    """The newest month loaded to its end, while nobody has approved it."""
    day = reach.astimezone(SHANGHAI).date() - dt.timedelta(days=1)
    month = day.replace(day=1)
    if next_month(month) - dt.timedelta(days=1) != day:
        month = previous_month(month)
    first = register.first_window_end()
    is_loaded = first is not None and first <= as_of(next_month(month) - dt.timedelta(days=1))
    if not is_loaded or any(each.month == month for each in closing.closed_months(settings.closed)):
        return
    yield Message(
        kind="month_waits",
        severity="info",
        topic=f"{month:%Y-%m}",
        fingerprint=fingerprint_of(f"{month:%Y-%m}"),
        title=f"{month:%Y年%m月}已载入完，等待批准结账",
        lines=(Line("批准后数字冻结，此后的更正列为重述；同时选定下月专项整治"),),
        remedy=(f"在 Airflow 的“月度回头看”（monthly_review）中批准，或运行：linli month close {month:%Y-%m} --approved-by 批准的岗位",),
        subject=Subject(day=month.isoformat()),
        as_of=reach,
    )
