"""One build: the verdicts not yet taken in go through dbt into the working file.

A night takes in what is new and computes changed cases and touched months only. Everything is computed again, into a
fresh working file, when that could give other figures: the first time, when as_of goes back, when a full build was cut
off, and when the models, seeds, declarations, calendar or thresholds have changed. Either way gives the same marts.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from linli import calendar
from linli.contracts import Catalog
from linli.register import Register, Run
from linli.settings import SHANGHAI, Settings
from linli.warehouse import landed
from linli.warehouse.dbt import NodeResult, dbt_build
from linli.warehouse.landed import Accepted, Finished
from linli.warehouse.project import fingerprint, stage

_YEARS_AHEAD = 2


@dataclass(frozen=True)
class BuildReport:
    """What a build did. `reason` says why everything was computed again, None for an ordinary night."""

    reason: str | None
    verdicts: int
    models: int
    tests: int
    seconds: float
    slowest: tuple[NodeResult, ...]


def build(settings: Settings, register: Register, catalog: Catalog, run: Run) -> BuildReport:
    """Brings the working file to `run.as_of`; done again after being cut off, it comes to the same.

    Takes in batches whose interval ends at or before as_of. Raises BuildFailed when a model or a test fails; the
    verdicts then stay pending.
    """
    started = time.monotonic()
    with _only_writer(settings) as lock:
        project = stage(settings)
        last_on = dt.date(run.as_of.astimezone(SHANGHAI).year + _YEARS_AHEAD, 12, 31)
        days = calendar.calendar_rows(calendar.first_published_on(), last_on)
        definitions = fingerprint(project, settings, days)
        last = _last_finished(settings)
        reason = _reason_for_all(last, run, definitions)
        if reason:
            _remove_work_file(settings)
            last = None
        accepted = _pending(register, run, last)
        with _working_file(settings) as con:
            landed.prepare(con, settings, catalog.records, accepted, run, last.as_of if last else None, days)
        results = dbt_build(project, settings, full_refresh=reason is not None, lock=lock)
        with _working_file(settings) as con:
            landed.note_finished(con, run, definitions, accepted)
    return BuildReport(
        reason=reason,
        verdicts=len(accepted),
        models=sum(result.kind == "model" for result in results),
        tests=sum(result.kind == "test" for result in results),
        seconds=time.monotonic() - started,
        slowest=tuple(sorted(results, key=lambda result: -result.seconds)[:5]),
    )


def _reason_for_all(last: Finished | None, run: Run, definitions: str) -> str | None:
    if last is None:
        return "no finished build to start from"
    if run.as_of < last.as_of:
        return "as_of goes back"
    if last.fingerprint != definitions:
        return "models, seeds, declarations, calendar or thresholds have changed"
    return None


def _pending(register: Register, run: Run, last: Finished | None) -> list[Accepted]:
    batches = {batch.batch_id: batch for batch in register.batches()}
    verdicts = register.verdicts(excluding=set(last.verdicts) if last else None)
    pending = [Accepted(verdict, batches[verdict.batch_id]) for verdict in verdicts]
    return [each for each in pending if each.batch.interval_end <= run.as_of]


@contextmanager
def _only_writer(settings: Settings) -> Iterator[int]:
    """Waits for any other writer; gives the open lock file, which a child process may hold on to."""
    settings.warehouse.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.warehouse / ".writer.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@contextmanager
def _working_file(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(settings.work_file) as con:
        con.execute("set timezone = 'Asia/Shanghai'")
        yield con


def _last_finished(settings: Settings) -> Finished | None:
    if not settings.work_file.exists():
        return None
    with _working_file(settings) as con:
        return landed.finished(con)


def _remove_work_file(settings: Settings) -> None:
    for path in (settings.work_file, settings.work_file.with_name(settings.work_file.name + ".wal")):
        path.unlink(missing_ok=True)
