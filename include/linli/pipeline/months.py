"""Closing a month, restating closed ones, and computing any past as_of again."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from linli import closing, publication, warehouse
from linli.calendar import next_month
from linli.closing import AlreadyClosed, Closing, Restated
from linli.failures import Refusal
from linli.pipeline.admission import check_loaded_by_itself, check_over
from linli.pipeline.copies import directory_of
from linli.pipeline.deployment import catalog, code_version, register_of
from linli.pipeline.night import silent
from linli.pipeline.proposals import FILLED_IN, Choice, ProposedCampaign, chosen_campaign
from linli.pipeline.steps import write_chosen
from linli.register import Register, Run, Verdict, now
from linli.settings import Settings, as_of
from linli.warehouse import Rebuilt

CLOSE = "close"
REBUILD = "rebuild"
NOTHING_CHOSEN = Choice("")


class MonthNotLoaded(Refusal):
    """The last day of the month has not been loaded and published, so the month cannot be closed."""


class DayNotLoaded(Refusal):
    """No night up to the day has been published."""


class NotNext(Refusal):
    """Another month is to be closed first, or should have been."""


class NotApproved(Refusal):
    """Nobody is named who approved the closing."""


class RestatementsMissing(Refusal):
    """A closed month could not be compared with what is known now."""


@dataclass(frozen=True)
class Published:
    """A past as_of computed again: the content hash of its figures, how many batches they come from, and where they were written, if
    anywhere; `published_hash` is that of the night as it was published, None without one."""

    as_of: dt.datetime
    content_hash: str
    batches: int
    path: Path | None
    published_hash: str | None


def check_closable(settings: Settings, month: dt.date) -> None:
    """Raises DayNotOver for a month that is not over, MonthNotLoaded for one whose last day has not been published."""
    day = next_month(month) - dt.timedelta(days=1)
    check_over(settings, day)
    with register_of(settings) as register:
        _loaded(register, day)


def check_next(settings: Settings, month: dt.date) -> None:
    """Raises NotNext for a month that is not the one after the newest closed."""
    if said := closing.out_of_order(settings.closed, month):
        raise NotNext(f"{said}：请按月依次结账；确要如此，加 --out-of-order")


def close_as_answered(
    settings: Settings, month: dt.date, campaigns: Sequence[ProposedCampaign], *, approved_by: str, campaign: str, asked_at: str
) -> str:
    """`close_month` by the answer to a proposal with these campaigns: the content hash, or what is said of a month that has been closed
    by hand meanwhile. Raises NotProposed besides."""
    # there are months without proposals, and the form is filled in with the first
    untouched = campaign.strip() == FILLED_IN and not campaigns
    try:
        closing.check_open(settings.closed, month)
        chosen = NOTHING_CHOSEN if untouched else chosen_campaign(campaigns, campaign)
        asked = dt.datetime.fromisoformat(asked_at)
        return close_month(settings, month, approved_by=approved_by, campaign=chosen, asked_at=asked).content_hash
    except AlreadyClosed as closed_by_hand:
        return str(closed_by_hand)


def close_month(
    settings: Settings, month: dt.date, *, approved_by: str, campaign: Choice = NOTHING_CHOSEN, asked_at: dt.datetime | None = None
) -> Closing:
    """Freezes the figures of `month` as everything accepted so far gives them, for the as_of at which the month ended.

    `campaign` is what was chosen for the next month: the proposals it means are campaigns that are run, from the next build on.
    `asked_at` is when the approver was asked: what is restated later is told at the next close.

    Raises NotApproved, DayNotOver for a month that is not over, MonthNotLoaded, AlreadyClosed, NothingToClose, BuildFailed.
    """
    day = next_month(month) - dt.timedelta(days=1)
    if not approved_by.strip():
        raise NotApproved("没有写明批准人：--approved-by 应为批准结账的人或岗位，如 区综合执法办")
    closing.check_open(settings.closed, month)
    check_closable(settings, month)
    with register_of(settings) as register:
        run = _loaded(register, day)
        closing_run = register.begin_run(day, as_of(day), kind=CLOSE, code_version=code_version(settings.project))
        with _ended(register, closing_run), _computed(settings, register, closing_run, register.verdicts()) as (built, rebuilt):
            with duckdb.connect(built, read_only=True) as con:
                directory = directory_of(con, day.replace(day=1), dims="core").to_json()
            closed = closing.close(
                settings.closed,
                built,
                warehouse.monthly_marts(settings),
                day.replace(day=1),
                as_of=as_of(day),
                inputs_hash=rebuilt.inputs_hash,
                definitions=rebuilt.definitions,
                code_version=code_version(settings.project),
                approved_by=approved_by,
                closed_at=now(),
                campaign=campaign.words,
                campaigns=[dict(each) for each in campaign.campaigns],
                asked_at=asked_at or now(),
                sources=[
                    {"source": s.source, "feed": s.feed, "state": s.state, "as_of": s.as_of.isoformat() if s.as_of else None}
                    for s in register.source_statuses(run)
                ],
                directory=directory,
            )
    write_chosen(settings)
    return closed


def restate_month(settings: Settings, month: dt.date) -> Restated:
    """Compares a closed month with what is known now; writes what differs as its next restatement. Raises NotClosed."""
    day = next_month(month) - dt.timedelta(days=1)
    closing.closing_of(settings.closed, day.replace(day=1))
    with register_of(settings) as register:
        run = register.begin_run(day, as_of(day), kind=CLOSE, code_version=code_version(settings.project))
        with _ended(register, run), _computed(settings, register, run, register.verdicts()) as (built, rebuilt):
            marts = warehouse.monthly_marts(settings)
            first = day.replace(day=1)
            return closing.restate(settings.closed, built, marts, first, definitions=rebuilt.definitions, restated_at=now())


def restate_all(settings: Settings, progress: Callable[[str, int, int], None] = silent, *, before: dt.date) -> list[Restated]:
    """`restate_month` for every closed month before the month of `before`, oldest first, whatever becomes of one of them.

    Raises RestatementsMissing at the end when one could not be looked at.
    """
    months = [each.month for each in closing.closed_months(settings.closed) if each.month < before.replace(day=1)]
    found, missing = [], []
    for done, month in enumerate(months):
        progress(f"{month:%Y-%m}", done, len(months))
        try:
            found.append(restate_month(settings, month))
        except (Refusal, FileExistsError) as error:
            missing.append(f"{month:%Y-%m}：{error}")
    if missing:
        raise RestatementsMissing(f"这些已结账的月没有核对完，请逐个运行 linli month restate：{'；'.join(missing)}")
    return found


def rebuild(settings: Settings, day: dt.date, *, into: Path | None = None) -> Published:
    """Computes the figures of a past day again, from what the nights up to it had accepted and the reference data of its night; writes
    them to `into` if given.

    Raises FileExistsError when `into` is there already, DayNotLoaded, DayBeforeFirst, BuildFailed when a model or a test fails.
    """
    if into is not None and into.exists():
        raise FileExistsError(17, "文件已存在", str(into))
    with register_of(settings) as register:
        check_loaded_by_itself(register, day)
        reached = {each["run_id"]: register.run(each["run_id"]).as_of for each in register.publications(1000)}
        if not any(reach >= as_of(day) for reach in reached.values()):
            raise DayNotLoaded(f"{day} 还没有载入并发布，没有可重算的：先运行 linli night --day {day}")
        run = register.begin_run(day, as_of(day), kind=REBUILD, code_version=code_version(settings.project))
        published = next((each["content_hash"] for each in register.publications(1000) if reached.get(each["run_id"]) == as_of(day)), None)
        verdicts, seeds = register.verdicts(known_by=run.as_of), register.seeds_at(run.as_of)
        with _ended(register, run), _computed(settings, register, run, verdicts, seeds) as (built, _):
            target = built.with_name("figures.duckdb")
            digest = publication.export_alone(built, target)
            if into is not None:
                shutil.move(target, into)
    return Published(run.as_of, digest, len({verdict.batch_id for verdict in verdicts}), into, published)


def _loaded(register: Register, day: dt.date) -> Run:
    """The newest published night whose as_of reaches the end of `day`."""
    for published in register.publications(1000):
        run = register.run(published["run_id"])
        if run.as_of >= as_of(day):
            return run
    raise MonthNotLoaded(f"{day:%Y-%m} 的最后一天（{day}）还没有载入并发布，不能结账：先运行 linli night --day {day}")


@contextmanager
def _ended(register: Register, run: Run) -> Iterator[None]:
    try:
        yield
    except BaseException:
        register.end_run(run, "failed")
        raise
    register.end_run(run, "succeeded")


@contextmanager
def _computed(
    settings: Settings, register: Register, run: Run, verdicts: Sequence[Verdict], seeds: str | None = None
) -> Iterator[tuple[Path, Rebuilt]]:
    """A file built for the run's as_of from these verdicts, gone afterwards; by today's reference data, or the kept `seeds`."""
    settings.warehouse.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".rebuilt-", dir=settings.warehouse) as folder:
        built = Path(folder) / settings.work_file.name
        yield built, warehouse.rebuild(settings, register, catalog(settings), run, verdicts, built, seeds=seeds)
