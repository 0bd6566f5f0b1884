"""The closing table of a night, as data: what landed and what became of it, the clock, the satisfaction, where to look."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from linli import publication
from linli.calendar import next_month, previous_month
from linli.contracts import Catalog
from linli.contracts.model import OF_THE_FILE
from linli.pipeline.deployment import catalog, register_of
from linli.pipeline.waivers import today, waived_entries
from linli.pipeline.words import STATES, moment
from linli.register import Register, Run, SourceStatus
from linli.settings import Settings

_MONTHS_SHOWN = 3
_MONTH = re.compile(r"\d{4}-\d{2}-01")

_CLOCK = """
    select month, step, due_count, on_time_count, late_count, overdue_count, open_count, on_time_rate, on_time_low, on_time_high
    from mart.mart_clock_257 where level = 'district' and month <= $month and month > $since
    order by month desc, district_code, array_position(['accept', 'resolve', 'follow_up'], step)
"""
_SATISFACTION = """
    select month, eligible_count, matured_count, pending_count, double_called_count, double_satisfied_count,
      coverage_rate, satisfaction_rate, satisfaction_low, satisfaction_high, is_small_sample
    from mart.mart_two_callback_satisfaction where level = 'district' and month <= $month and month > $since
    order by month desc, district_code
"""


@dataclass(frozen=True)
class Settled:
    """Quarantine entries that ended in a run, counted by reason, and the months of the returns among them."""

    counts: Mapping[str, int]
    months: Sequence[dt.date]


@dataclass(frozen=True)
class ClosingTable:
    """Rows for the closing table; `tonight` counts the batches of this run, `open_quarantine` the entries of all nights still open,
    `waived` of them tolerated today; `newest_before` is the newest day published before this run."""

    run: Run
    state: str
    tonight: list[dict[str, Any]]
    statuses: list[SourceStatus]
    clock: list[dict[str, Any]]
    satisfaction: list[dict[str, Any]]
    open_quarantine: int
    newest_before: dt.date | None = None
    waived: int = 0
    settled: Settled = field(default_factory=lambda: Settled({}, ()))

    @property
    def newest_whole_month(self) -> dt.date:
        """The month that ends with the day of the run, else the one before: a month just begun has nothing to be looked at yet."""
        month = self.run.day.replace(day=1)
        return month if self.run.day + dt.timedelta(days=1) == next_month(month) else previous_month(month)

    @property
    def is_degraded(self) -> bool:
        """Whether a configured source was not loaded, or nothing of it let in."""
        return any(status.is_missing for status in self.statuses)


@dataclass(frozen=True)
class FeedRemark:
    """What is to be said of some feeds of a source alike: their state, with how far they are loaded, and the detail."""

    source: str
    label: str
    feeds: tuple[str, ...]
    text: str


def feed_remarks(statuses: Sequence[SourceStatus], catalog: Catalog) -> list[FeedRemark]:
    """What is to be said of feeds that are not simply loaded, in the order of the declarations."""
    said: dict[tuple[str, str], list[str]] = {}
    for status in in_declared_order(statuses, catalog):
        detail = status.detail.removeprefix(f"{status.source}.{status.feed}：").removeprefix(f"{status.source}：")
        since = f"，数据截至 {moment(status.as_of)}" if status.as_of else "，从未载入" if status.state == "failed" else ""
        state = "" if status.state == "loaded" else f" {STATES[status.state]}{since}"
        if state or detail:
            feed = catalog.sources[status.source].feed(status.feed).root.label
            said.setdefault((status.source, state + (f"：{detail}" if detail else "")), []).append(feed)
    return [FeedRemark(source, catalog.sources[source].label, tuple(feeds), text) for (source, text), feeds in said.items()]


def in_declared_order(statuses: Sequence[SourceStatus], catalog: Catalog) -> list[SourceStatus]:
    """Statuses of feeds in the order of the declarations."""
    order = [(source.name, feed.name) for source in catalog.sources.values() for feed in source.feeds]
    return sorted(statuses, key=lambda status: order.index((status.source, status.feed)))


def _rows(settings: Settings, sql: str, month: dt.date, since: dt.date) -> list[dict[str, Any]]:
    con = publication.open_published(settings)
    try:
        cursor = con.execute(sql, {"month": month, "since": since})
        names = [d[0] for d in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        con.close()


def closing_table(settings: Settings, register: Register, run: Run) -> ClosingTable:
    """The closing table of `run`; the months shown are that of its day and the two before.

    Raises NothingPublished when no night has been published yet.
    """
    month = run.day.replace(day=1)
    since = month
    for _ in range(_MONTHS_SHOWN):
        since = previous_month(since)
    state = next((r["state"] for r in register.runs(1000) if r["run_id"] == run.run_id), "unknown")
    return ClosingTable(
        run=run,
        state=state,
        tonight=register.accounts(run.run_id),
        statuses=register.source_statuses(run),
        clock=_rows(settings, _CLOCK, month, since),
        satisfaction=_rows(settings, _SATISFACTION, month, since),
        open_quarantine=len(register.quarantine()),
        newest_before=register.newest_day_published(run),
        waived=len(waived_entries(settings, today(settings))),
        settled=_settled(settings, register, run),
    )


def _settled(settings: Settings, register: Register, run: Run) -> Settled:
    ended = register.history.settled(run.run_id)
    # rows of a return are known by community, month and number
    returns = {r.full_name for r in catalog(settings).records if r.key[: len(OF_THE_FILE)] == OF_THE_FILE}
    parts = [e["key"].split("|") for e in ended if f"{e['source']}.{e['record']}" in returns]
    months = {dt.date.fromisoformat(month) for _, month, *_ in parts if _MONTH.fullmatch(month)}
    return Settled(Counter(e["closed_reason"] for e in ended), sorted(months))


def latest_version(settings: Settings) -> str | None:
    """The version of the newest publication; None before the first one."""
    with register_of(settings) as register:
        newest = register.publications(1)
        return str(newest[0]["version"]) if newest else None


def latest_day(settings: Settings) -> dt.date | None:
    """The day of the newest publication; None before the first one."""
    with register_of(settings) as register:
        newest = register.publications(1)
        return register.run(newest[0]["run_id"]).day if newest else None


def failed_since(settings: Settings) -> dt.date | None:
    """The day of the newest night, if it has failed: what is published is older. None else."""
    with register_of(settings) as register:
        newest = next((run for run in register.runs(1000) if run["kind"] == "night"), None)
        return register.run(newest["run_id"]).day if newest and newest["state"] == "failed" else None


def closing_table_of(settings: Settings, day: dt.date) -> ClosingTable:
    """The closing table of the newest published run of `day`. Raises NothingPublished when there is none."""
    with register_of(settings) as register:
        for publication_row in register.publications(1000):
            run = register.run(publication_row["run_id"])
            if run.day == day:
                return closing_table(settings, register, run)
    raise publication.NothingPublished(f"{day} 还没有发布过，请先运行 linli night --day {day}")
