"""A whole night without Airflow, and many of them in a row: the same steps the DAG runs."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from linli import warehouse
from linli.failures import Refusal, SourceContractBroken, SourceUnavailable
from linli.pipeline.admission import check_not_before_newest, check_over
from linli.pipeline.deployment import configured_feeds, newest_day, register_of
from linli.pipeline.report import ClosingTable, closing_table
from linli.pipeline.steps import begin, build_run, extract_feed, fail, finish, gate_run, publish_run
from linli.settings import Settings

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Told (what is being done, steps done, steps in all)."""


class WrongOrder(Refusal):
    """A last day before the first one."""


def silent(what: str, done: int, total: int) -> None:
    """No progress shown."""


@dataclass(frozen=True)
class NightReport:
    """A finished night: `state` is succeeded, or degraded when a source could not be loaded; `table` closes it."""

    state: str
    version: str
    content_hash: str
    table: ClosingTable


def night(settings: Settings, day: dt.date, progress: Progress = silent, *, republish: bool = False) -> NightReport:
    """Loads, gates, builds and publishes `day`. A source that cannot be loaded does not stop the others.

    Raises what `begin` raises, and gate, build and publication; the run is then noted as failed and nothing new is published.
    """
    run = begin(settings, day, republish=republish)
    feeds = configured_feeds(settings)
    total = len(feeds) + 3
    try:
        for done, ref in enumerate(feeds):
            progress(f"{ref.source}.{ref.feed}", done, total)
            try:
                extract_feed(settings, run.run_id, ref)
            except (SourceUnavailable, SourceContractBroken) as error:
                log.warning("未载入 %s", error)
        progress("把关", len(feeds), total)
        # the other core has nothing to do meanwhile
        warehouse.make_ready(settings)
        gate_run(settings, run.run_id)
        progress("建模", len(feeds) + 1, total)
        build_run(settings, run.run_id)
        progress("发布", len(feeds) + 2, total)
        release = publish_run(settings, run.run_id)
    except BaseException:
        fail(settings, run.run_id)
        raise
    progress("完成", total, total)
    state = finish(settings, run.run_id, strict=False)
    with register_of(settings) as register:
        return NightReport(state, release.version, release.content_hash, closing_table(settings, register, run))


def backfill(
    settings: Settings, first: dt.date, last: dt.date, progress: Progress = silent, *, republish: bool = False
) -> Iterator[NightReport]:
    """Nights for every day from `first` to `last`, both included, oldest first; each is told of when it is over. Days before the newest
    one published are left out, so that a backfill cut off goes on where it was and readers never see an older day, unless `republish`.

    Raises WrongOrder when the days are the wrong way round, and before the first one DayNotOver when the last is not over and
    DayBeforeNewest when none is left.
    """
    if last < first:
        raise WrongOrder(f"截止日 {last} 早于起始日 {first}，请对调")
    check_over(settings, last)
    if not republish:
        check_not_before_newest(settings, last)
        first = max(first, newest_day(settings) or first)
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    for done, day in enumerate(days):
        progress(day.isoformat(), done, len(days))
        yield night(settings, day, republish=republish)
    progress("完成", len(days), len(days))
