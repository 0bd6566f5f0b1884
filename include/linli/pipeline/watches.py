"""What there is to be told of runs and quarantine, as messages: the states as the register has them now."""

from __future__ import annotations

import datetime as dt
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from linli import privacy
from linli.alerts import Line, Message, Subject, Told, fingerprint_of
from linli.contracts import Catalog, RecordDecl
from linli.pipeline.places import Places
from linli.pipeline.quarantined import rule_words
from linli.pipeline.report import feed_remarks
from linli.pipeline.words import CLOSED, moment
from linli.register import Register, SourceStatus
from linli.settings import SHANGHAI, Settings

RUN_KINDS: Mapping[str, str] = {"night": "夜间载入", "reconcile": "与来源核对"}
_ENDED = ("succeeded", "degraded", "failed")
_LONGEST_NIGHT = dt.timedelta(hours=12)
"""a run that still runs after that was killed"""
_MONTHS_SHOWN = 6
_CLOSED = "struct(batch varchar, row integer, until timestamptz)[]"


# ---- runs ------------------------------------------------------------------------------------------------------------


def runs(register: Register, declared: Catalog) -> list[Message]:
    """The newest run of each kind that failed or lacks a source and has not been made good since."""
    return [_unwell(register, declared, row) for kind in RUN_KINDS if (row := register.history.newest_trouble(kind))]


def _unwell(register: Register, declared: Catalog, row: Mapping[str, Any]) -> Message:
    run = register.run(row["run_id"])
    missing = [status for status in register.source_statuses(run) if status.is_missing]
    # What a source answered is in its own words, and it is told outside.
    lines = [Line(privacy.scrub(f"{remark.label}·{'、'.join(remark.feeds)}{remark.text}")) for remark in feed_remarks(missing, declared)]
    is_failed, what = row["state"] == "failed", RUN_KINDS[run.kind]
    if is_failed:
        lines += [
            Line(f"检查未通过：{answer['detail'] or answer['rule']}（{answer['rule']}）")
            for answer in register.history.answers(run.day, run.as_of)
            if answer["run_id"] == run.run_id and answer["state"] == "broken"
        ]
    again = f"重新运行：linli {run.kind} --day {run.day}（或在 Airflow 中重跑这一天）"
    return Message(
        kind="night_failed" if is_failed else "night_degraded",
        severity="critical" if is_failed else "warning",
        topic=run.kind,
        # A source that stays away is told once; a night that fails again is news.
        fingerprint=fingerprint_of([row["state"], run.day.isoformat() if is_failed else "", [line.text for line in lines]]),
        title=f"{run.day} {what}失败，没有发布新数据" if is_failed else f"{run.day} {what}不全：{_named(missing, declared)}",
        lines=tuple(lines),
        remedy=("看详情：linli status，逐项检查：linli doctor", again),
        subject=Subject(_only_source(missing), run_id=run.run_id, day=run.day.isoformat()),
        as_of=_published_until(register),
    )


def _only_source(missing: Sequence[SourceStatus]) -> str:
    """The source that lacks, if it is one alone: then the message can be routed and silenced by it."""
    sources = {status.source for status in missing}
    return sources.pop() if len(sources) == 1 else ""


def _named(missing: Sequence[SourceStatus], declared: Catalog) -> str:
    return "、".join(dict.fromkeys(declared.sources[status.source].label for status in missing)) + "缺数据"


def recovered(register: Register, told: Told) -> Message | None:
    """What to tell when a run is well again; None when the register knows of no such run."""
    row = register.history.newest_run(told.message.topic, "succeeded", since_day=told.message.subject.day)
    what = RUN_KINDS[told.message.topic]
    return _well_again(told, f"{what}已恢复：{row['day']} 完整", _published_until(register), row["day"]) if row else None


def _well_again(told: Told, title: str, as_of: dt.datetime | None, day: str) -> Message:
    return Message(
        kind="night_recovered",
        severity="info",
        topic=told.message.topic,
        fingerprint=fingerprint_of(title),
        title=title,
        lines=(Line(f"此前告知：{told.message.title}（{moment(told.since_at)}）"),),
        subject=Subject(told.message.subject.source, day=day),
        as_of=as_of,
    )


def _published_until(register: Register) -> dt.datetime | None:
    newest = register.publications(1)
    return register.run(newest[0]["run_id"]).as_of if newest else None


# ---- the load of the day ---------------------------------------------------------------------------------------------


def load(settings: Settings, register: Register | None, at: dt.datetime, load_by: dt.time) -> list[Message]:
    """The day that should have been published by `load_by` of the morning after it, where it is not. Before that hour it is the day
    before that is looked for."""
    local = at.astimezone(SHANGHAI)
    day = local.date() - dt.timedelta(days=1 if local.time() >= load_by else 2)
    if settings.clock:
        day = min(day, settings.newest_day())
    newest = register.history.newest_day_published() if register else None
    if newest and newest >= day:
        return []
    lines = [Line(f"最新发布的是 {newest}" if newest else "还没有发布过")]
    lines.append(Line(_last_run(register, at)))
    return [
        Message(
            kind="no_load",
            severity="critical",
            topic="load",
            fingerprint=fingerprint_of(day.isoformat()),
            title=f"到 {local:%m-%d %H:%M}，{day} 的数据还没有载入并发布",
            lines=tuple(lines),
            remedy=("看 Airflow 的“夜间载入”（nightly）是否在运行、是否暂停；逐项检查：linli doctor", f"补载：linli night --day {day}"),
            subject=Subject(day=day.isoformat()),
            as_of=_published_until(register) if register else None,
        )
    ]


def _last_run(register: Register | None, at: dt.datetime) -> str:
    row = register.history.newest_run("night", "running", "superseded", *_ENDED) if register else None
    if row is None:
        return "没有运行过"
    begun = dt.datetime.fromisoformat(row["started_at"])
    if row["state"] != "running":
        states = {"succeeded": "已发布", "degraded": "已发布（不全）", "failed": "失败", "superseded": "没有做完"}
        return f"最近一次运行：{row['day']}，{moment(begun)} 开始，{states[row['state']]}"
    late = "，可能已中断" if at - begun > _LONGEST_NIGHT else ""
    return f"最近一次运行：{row['day']}，{moment(begun)} 开始，还没有结束{late}"


def loaded(register: Register, told: Told) -> Message:
    """What to tell when the load that was missed has come."""
    newest = register.history.newest_day_published()
    return _well_again(told, f"{newest} 的数据已载入并发布", _published_until(register), str(newest))


# ---- quarantine ------------------------------------------------------------------------------------------------------


def is_settled(register: Register, at: dt.datetime) -> bool:
    """Whether no night is under way: in the midst of one, half of what it returns is known."""
    row = register.history.newest_run("night", "running", *_ENDED)
    return row is None or row["state"] != "running" or at - dt.datetime.fromisoformat(row["started_at"]) > _LONGEST_NIGHT


def quarantined(
    register: Register, declared: Catalog, places: Places, told: Mapping[str, Told], waived: Collection[tuple[str, str, str]]
) -> Iterator[Message]:
    """One message for every source and submitter with open entries that are not `waived`, the reasons counted; `told` are those told
    before, by topic."""
    newest = register.history.newest_run("night", *_ENDED)
    returned: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in register.history.open_rules(waived):
        returned.setdefault((row["source"], places.code(row["submitter"])), []).append(row)
    for (source, submitter), rows in returned.items():
        if source not in declared.sources:
            continue
        entries: Counter[tuple[str, str]] = Counter()
        for row in rows:
            entries[row["record"], row["rule"]] += row["entries"]
        counted = [(*rule, count) for rule, count in entries.most_common()]
        topic, total = f"{source}/{submitter}", sum({row["submitter"]: row["submitter_entries"] for row in rows}.values())
        before = [Line("上次告知时", told[topic].message.lines[0].count)] if topic in told else []
        reasons = [Line(_reason(declared, source, record, rule), count) for record, rule, count in counted]
        if sum(count for *_, count in counted) > total:
            reasons.append(Line("一条可有几个原因，各计一次"))
        is_of_files = declared.sources[source].transport == "files"
        how = "改好后重报整张台账，或填好退回单放回收件文件夹" if is_of_files else "在来源系统中改正即可"
        yield Message(
            kind="quarantined",
            severity="warning",
            topic=topic,
            fingerprint=fingerprint_of([total, sorted(counted)]),
            title=f"{declared.sources[source].label}·{places.name(submitter)}：退回 {total} 条待改",
            lines=(Line("退回待改", total), *before, *reasons),
            remedy=(
                f"{how}，下一夜重新把关，改好的自动了结",
                f"逐条列出的退回单：linli slips --source {source}" + (f" --submitter {shlex.quote(submitter)}" if submitter else ""),
            ),
            subject=places.subject(source, submitter, run_id=newest["run_id"] if newest else "", day=newest["day"] if newest else ""),
            as_of=_published_until(register),
        )


def _reason(declared: Catalog, source: str, name: str, rule: str) -> str:
    record = next((record for record in declared.sources[source].records if record.name == name), None)
    if record is None:
        return f"{name}：{rule}"
    words = rule_words(record, rule)
    return f"{record.label}：{words.message}。{words.fix}"


def lasting(register: Register, places: Places, told: Mapping[str, Told], current: Iterable[Message]) -> list[Message]:
    """What of `told` is neither among `current` nor over, as it was told: entries are open still, although all of them are waived, or
    nothing has been published since the last of them closed, so that no figure has followed yet."""
    topics = {message.topic for message in current}
    still_open = {(row["source"], places.code(row["submitter"])) for row in register.history.open_rules()}
    newest = register.publications(1)
    published_at = newest[0]["published_at"] if newest else ""
    left = [each for topic, each in told.items() if topic not in topics]
    return [
        each.message
        for each in left
        if (each.message.subject.source, each.message.subject.submitter) in still_open
        or any(row["closed_at"] > published_at for row in _settled(register, places, each))
    ]


def _settled(register: Register, places: Places, told: Told) -> list[dict[str, Any]]:
    """The entries of a submitter settled since its state has been told."""
    subject = told.message.subject
    submitters = [name for name in register.history.submitters(subject.source) if places.code(name) == subject.submitter]
    return register.history.closed_entries(subject.source, submitters, told.since_at)


def corrected(settings: Settings, register: Register, declared: Catalog, places: Places, told: Told) -> Message | None:
    """What to tell when the last entry of a submitter has closed; None when none was settled, or of a source no longer declared."""
    subject, rows = told.message.subject, _settled(register, places, told)
    if not rows or subject.source not in declared.sources:
        return None
    by_reason: dict[str, int] = {}
    for row in rows:
        by_reason[row["closed_reason"]] = by_reason.get(row["closed_reason"], 0) + 1
    months = _months(settings, declared, subject.source, rows)
    lines = [Line(CLOSED.get(reason, reason), count) for reason, count in sorted(by_reason.items(), key=lambda each: -each[1])]
    if months:
        more = f"等 {len(months)} 个月" if len(months) > _MONTHS_SHOWN else ""
        named = "、".join(f"{month:%Y-%m}" for month in months[:_MONTHS_SHOWN])
        lines.append(Line(f"涉及月份：{named}{more}；这些月份的数字已随之更新，已结账的月列为重述"))
    who = told.message.title.rpartition("：")[0]
    return Message(
        kind="corrected",
        severity="info",
        topic=told.message.topic,
        fingerprint=fingerprint_of([sorted(by_reason.items()), told.since_at.isoformat()]),
        title=f"{who}：此前退回的 {len(rows)} 条已了结，没有待改的",
        lines=tuple(lines),
        subject=subject,
        as_of=_published_until(register),
    )


def _months(settings: Settings, declared: Catalog, source: str, rows: Iterable[Mapping[str, Any]]) -> list[dt.date]:
    """The months in which rows lie by the day they are about, the newest first; records that tell no day are left out."""
    found: set[dt.date] = set()
    by_record: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_record.setdefault(row["record"], []).append(row)
    con = duckdb.connect()
    try:
        con.execute("set TimeZone='Asia/Shanghai'")
        for record in declared.sources[source].records:
            column = _day_column(record)
            chosen = [row for row in by_record.get(record.name, []) if (settings.home / row["path"]).exists()]
            if column and chosen:
                paths = sorted({str(settings.home / row["path"]) for row in chosen})
                rows_at = [{"batch": row["batch_id"], "row": row["row_no"], "until": row["interval_end"]} for row in chosen]
                found |= {
                    month
                    for (month,) in con.execute(
                        f"""select distinct cast(date_trunc('month', cast("{column}" as date)) as date) from read_parquet($paths) as batch
                        join (select unnest(cast($rows as {_CLOSED}), max_depth := 2)) as closed
                          on batch._batch_id = closed.batch and batch._row_no = closed.row
                        where cast("{column}" as date) between date '2015-01-01' and cast(until as date)""",
                        {"paths": paths, "rows": rows_at},
                    ).fetchall()
                }
    finally:
        con.close()
    return sorted(found, reverse=True)


def _day_column(record: RecordDecl) -> str | None:
    """The month a return speaks of, else the first declared day or moment that is not only when the row was touched."""
    days = [column.name for column in record.columns if column.type in ("date", "timestamp") and column.name != record.extract.cursor]
    return "month_on" if "month_on" in days else next(iter(days), None)
