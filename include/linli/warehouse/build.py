"""One build: the verdicts not yet taken in go through dbt into the working file.

A night takes in what is new and computes changed cases, changed returns and touched months only. Everything is computed again, into a
fresh working file that takes the place of the old one when it is finished, when that could give other figures: the first
time, when as_of goes back, and when the models, seeds, declarations, calendar or thresholds have changed. Either way
gives the same marts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from linli import calendar
from linli.contracts import Catalog
from linli.failures import Refusal
from linli.register import Register, Run, Verdict
from linli.settings import SHANGHAI, Settings
from linli.warehouse import landed
from linli.warehouse.dbt import NodeResult, dbt_build, document, start_dbt
from linli.warehouse.history import history
from linli.warehouse.landed import Accepted, Finished
from linli.warehouse.locks import only_user_of_the_project, only_writer
from linli.warehouse.project import fingerprint, keep_seeds, stage
from linli.warehouse.tested import answers_of

# The calendar ends in the same year whatever the day, so that no New Year changes it: with the tenth provisional year,
# and only for an as_of within two years of that with the next tenth.
_PROVISIONAL_YEARS = 10
_YEARS_AHEAD = 2
# Facts and their tests read the staging of this source; that of another source stands alone.
_SOURCE_OF_FACTS = "case_system"
BUILD = "build"
"""the stage whose answers are those of dbt's tests"""


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
    with only_writer(settings) as of_file, only_user_of_the_project(settings) as of_project:
        project = stage(settings)
        days = calendar.calendar_rows(calendar.first_published_on(), last_calendar_day(run.as_of))
        definitions = f"{fingerprint(project, settings, days)} {project.campaigns}"
        last = _last_finished(settings)
        reason = _reason_for_all(last, run, definitions)
        work_file = _fresh_file(settings) if reason else settings.work_file
        if reason:
            last = None
        unbuilt = register.verdicts(excluding=set(last.verdicts) if last else None, known_by=run.as_of)
        accepted = _with_batches(register, unbuilt)
        told = history(register, catalog, run)
        with _opened(work_file) as con:
            landed.prepare(con, settings, catalog.records, accepted, run, last.as_of if last else None, days, told)
        idle = _idle(catalog, accepted)
        results = dbt_build(
            project,
            settings,
            work_file,
            full_refresh=reason is not None,
            idle=idle,
            locks=(of_file, of_project),
            told=_noted(register, run, work_file),
        )
        register.note_seeds(run, keep_seeds(settings, project))
        with _opened(work_file) as con:
            landed.note_finished(con, run, definitions, accepted)
        if reason:
            _put_in_place(work_file, settings.work_file)
    return BuildReport(
        reason=reason,
        verdicts=len(accepted),
        models=sum(result.kind == "model" for result in results),
        tests=sum(result.kind == "test" for result in results),
        seconds=time.monotonic() - started,
        slowest=tuple(sorted(results, key=lambda result: -result.seconds)[:5]),
    )


def make_ready(settings: Settings) -> None:
    """Has dbt imported and the models read beside what this process is doing: the build that follows in this process then begins at
    once. Where that cannot be done now, be it that another dbt is at work, the build does it itself and says what is wrong."""
    with suppress(OSError), only_user_of_the_project(settings, waits=False) as lock:
        start_dbt(stage(settings), settings, lock)


# The page dbt writes would call its maker's servers.
_ASKS_NOBODY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; script-src \'unsafe-inline\' \'unsafe-eval\';'
    ' style-src \'unsafe-inline\'; img-src data:; font-src data:">'
)


def write_documentation(settings: Settings, into: Path) -> Path:
    """dbt's documentation of the models, of what the working file holds and of what comes from what, as one HTML file `into`.

    Raises BuildFailed, and NothingBuilt before the first build.
    """
    if not settings.work_file.exists():
        raise NothingBuilt("还没有建过模：请先运行 linli night 或 make run")
    with only_writer(settings), only_user_of_the_project(settings):
        page = document(stage(settings), settings).read_text(encoding="utf-8")
    into.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = into.with_name(f".{into.name}")
    aside.write_text(page.replace("<head>", f"<head>{_ASKS_NOBODY}", 1), encoding="utf-8")
    aside.replace(into)
    return into


def last_calendar_day(as_of: dt.datetime) -> dt.date:
    """The last day of the calendar a build for `as_of` counts with."""
    published = calendar.last_published_year()
    beyond = as_of.astimezone(SHANGHAI).year + _YEARS_AHEAD - published
    tens = max(-(-beyond // _PROVISIONAL_YEARS), 1)
    return dt.date(published + tens * _PROVISIONAL_YEARS, 12, 31)


def _reason_for_all(last: Finished | None, run: Run, definitions: str) -> str | None:
    if last is None:
        return "no finished build to start from"
    if run.as_of < last.begun_as_of:
        return "as_of goes back"
    if last.fingerprint != definitions:
        return "models, seeds, declarations, calendar or thresholds have changed"
    return None


def _with_batches(register: Register, verdicts: Sequence[Verdict]) -> list[Accepted]:
    batches = {batch.batch_id: batch for batch in register.batches()}
    return [Accepted(verdict, batches[verdict.batch_id]) for verdict in verdicts]


def _idle(catalog: Catalog, accepted: list[Accepted]) -> list[str]:
    """Staging models with nothing to take in that no other model of a night reads."""
    active = {each.batch.full_name for each in accepted}
    return [f"stg_{r.table}" for r in catalog.records if r.source != _SOURCE_OF_FACTS and r.full_name not in active]


class NothingBuilt(Refusal):
    """There is no working file yet."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild computed from: `definitions` is the fingerprint of models, seeds, calendar and thresholds, `inputs_hash`
    names these, the campaigns that were run and every verdict whose rows were counted."""

    definitions: str
    inputs_hash: str
    verdicts: int


def rebuild(
    settings: Settings,
    register: Register,
    catalog: Catalog,
    run: Run,
    verdicts: Sequence[Verdict],
    into: Path,
    *,
    seeds: str | None = None,
) -> Rebuilt:
    """Computes everything for `run.as_of` from the rows these verdicts accept and today's reference data, or the kept `seeds`, into the
    fresh file `into`.

    The working file is not touched. The name of `into` must be that of the working file. Raises BuildFailed.
    """
    with only_writer(settings) as of_file, only_user_of_the_project(settings) as of_project:
        project = stage(settings, seeds)
        days = calendar.calendar_rows(calendar.first_published_on(), last_calendar_day(run.as_of))
        definitions = fingerprint(project, settings, days)
        accepted = _with_batches(register, verdicts)
        with _opened(into) as con:
            landed.prepare(con, settings, catalog.records, accepted, run, None, days, history(register, catalog, run))
        told = _noted(register, run, into)
        dbt_build(project, settings, into, full_refresh=True, idle=[], locks=(of_file, of_project), told=told)
    named = "\n".join([definitions, project.campaigns, *sorted(verdict.verdict_id for verdict in verdicts)])
    return Rebuilt(definitions, hashlib.sha256(named.encode()).hexdigest(), len(verdicts))


def _noted(register: Register, run: Run, work_file: Path) -> Callable[[Sequence[NodeResult]], None]:
    """Takes the nodes of a build in this file and has the register keep what its tests came to."""

    def note(results: Sequence[NodeResult]) -> None:
        with _opened(work_file) as con:
            asked = landed.tests_asked(con)
        register.note_answers(run, BUILD, answers_of(results, asked))

    return note


@contextmanager
def _opened(work_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(work_file) as con:
        con.execute("set timezone = 'Asia/Shanghai'")
        yield con


def _last_finished(settings: Settings) -> Finished | None:
    if not settings.work_file.exists():
        return None
    with _opened(settings.work_file) as con:
        return landed.finished(con)


def _fresh_file(settings: Settings) -> Path:
    """An empty place for a working file built aside. It keeps the file's name, which its views are written with."""
    folder = settings.warehouse / "fresh"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder / settings.work_file.name


def _put_in_place(fresh: Path, work_file: Path) -> None:
    # a log left beside the new file would be read as its own
    work_file.with_name(work_file.name + ".wal").unlink(missing_ok=True)
    fresh.rename(work_file)
    shutil.rmtree(fresh.parent)
