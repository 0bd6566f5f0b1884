"""The steps of a night, one function each. A step takes settings and a run and opens what it needs itself,
so that it can be called by an Airflow task, the command line or a test alike."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os

from linli import closing, publication
from linli.contracts import Feed
from linli.failures import Refusal, SourceContractBroken, SourceUnavailable
from linli.pipeline.admission import check_loaded_by_itself, check_not_before_newest, check_over
from linli.pipeline.deployment import FeedRef, catalog, code_version, feed_of, feeds, reconcilable_feeds, register_of
from linli.pipeline.words import STATES
from linli.publication import Release
from linli.register import Register, Run, SourceStatus
from linli.settings import RETIRED, SHANGHAI, Settings, as_of, variable_of


class NightIncomplete(Refusal):
    """The night has ended without everything it should have; the message says what is missing."""


def begin(settings: Settings, day: dt.date, *, kind: str = "night", republish: bool = False) -> Run:
    """Starts a run for `day`: takes a fencing token and adopts what a killed run had landed without registering it. `republish` lets a
    night take the publication back to a day before the newest one.

    Raises DayNotOver, DayBeforeFirst, DayBeforeNewest, OtherOrigin.
    """
    from linli import landing

    check_over(settings, day)
    if kind == "night" and not republish:
        check_not_before_newest(settings, day)
    with register_of(settings) as register:
        check_loaded_by_itself(register, day)
        # what a killed run had landed says where the data come from
        landing.adopt(settings, register)
        return register.begin_run(day, as_of(day), kind=kind, code_version=code_version(settings.project), is_demo=settings.is_demo)


def extract_feed(settings: Settings, run_id: str, ref: FeedRef) -> SourceStatus:
    """Lands one feed up to the run's as_of, from where it was loaded to, less the lookback.

    Raises SourceUnavailable (an outage: try again) or SourceContractBroken (trying again changes nothing);
    either is noted in the register first, and nothing half-read is registered. Raises SupersededRun when a newer run has begun.
    """
    from linli import landing, privacy, sources

    declaration, feed = feed_of(settings, ref)
    with register_of(settings) as register:
        run = register.run(run_id)
        register.check_token(run)
        loaded_to = register.window_end(ref.source, feed.root.name)
        window = sources.Window(start=loaded_to and min(loaded_to, run.as_of) - settings.lookback, end=run.as_of)
        landed = 0
        try:
            ring = privacy.KeyRing.load_or_create(settings.key_ring)
            source = sources.open_source(declaration, settings)
            if isinstance(source, sources.Inbox):
                readings = source.read_inbox(feed, window, seen=register.files.seen, refused=register.files.refused)
            else:
                readings = source.readings(feed, window, seen=register.files.seen)
            for reading in readings:
                batches = landing.land_reading(settings, register, feed, reading, ring=ring, window=window, run=run)
                landed += sum(batch.rows for batch in batches)
                if reading.file and reading.file.refused_sha:
                    register.files.supersede(ref.source, reading.file.refused_sha)
        except (SourceUnavailable, SourceContractBroken) as error:
            register.set_source_status(run, SourceStatus(ref.source, ref.feed, "failed", str(error), _reached(register, feed), landed))
            raise
        waiting = source.waiting(window, seen=register.files.seen) if isinstance(source, sources.Inbox) else 0
        until = f"{run.as_of.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        detail = f"有 {waiting} 个文件在 {until} 之后放入或仍在写入，等下一夜载入" if waiting else ""
        status = SourceStatus(ref.source, ref.feed, "loaded", detail, run.as_of, landed)
        register.set_source_status(run, status)
        return status


def gate_run(settings: Settings, run_id: str) -> dict[str, int]:
    """Judges every batch not yet judged and every row still held; returns the totals of tonight's verdicts.

    Raises GateDisagreement when the compiled pass and Great Expectations count differently.
    """
    from linli import warehouse
    from linli.pipeline import beside

    waiting = beside.take()
    if waiting is None:
        return judge_run(settings, run_id)
    # a gate waits only where the build follows in this process, which then finds dbt imported
    warehouse.make_ready(settings)
    return waiting.run(settings, run_id)


def judge_run(settings: Settings, run_id: str) -> dict[str, int]:
    """`gate_run` in this process."""
    from linli import gate

    with register_of(settings) as register:
        run = register.run(run_id)
        _note_the_rest(settings, register, run)
        gate.gate(settings, register, catalog(settings), run)
        _note_the_stopped(settings, register, run)
        return _totals(register, run)


def _note_the_rest(settings: Settings, register: Register, run: Run) -> None:
    """A feed nothing has been said of is not loaded here, or its extraction ended without a word."""
    said = {(status.source, status.feed) for status in register.source_statuses(run)}
    for ref in feeds(settings):
        if (ref.source, ref.feed) in said:
            continue
        loaded_to = _reached(register, feed_of(settings, ref)[1])
        if settings.connection(ref.source):
            status = SourceStatus(ref.source, ref.feed, "failed", "抽取没有完成", loaded_to, 0)
        elif ref.source in settings.retired:
            status = SourceStatus(ref.source, ref.feed, "retired", "", loaded_to, 0)
        else:
            status = SourceStatus(ref.source, ref.feed, "not_configured", _unset(ref.source) if loaded_to else "", loaded_to, 0)
        register.set_source_status(run, status)


def _reached(register: Register, feed: Feed) -> dt.datetime | None:
    """How far a feed is loaded: as far as it has been read, but not past what the gate let nothing in of. None before the first time."""
    reached, stopped = register.loaded_to(feed.source, feed.name, feed.root.name), register.stopped_windows()
    for record in feed.records:
        if (record.source, record.name) in stopped:
            let_in = stopped[record.source, record.name]
            reached = min(reached, let_in) if reached and let_in else None
    return reached


def _unset(source: str) -> str:
    variable = variable_of(source)
    return f"此前载入过；请检查 {variable}，确实不再载入就设为 {RETIRED}"


def _note_the_stopped(settings: Settings, register: Register, run: Run) -> None:
    """A feed that was read, but of which the gate has let nothing in, tonight or earlier, is not loaded any further. Files are each
    their submitter's affair."""
    stopped = register.stopped_windows()
    said = {(status.source, status.feed): status for status in register.source_statuses(run) if status.state == "loaded"}
    for ref in feeds(settings):
        records = [record for record in feed_of(settings, ref)[1].records if (record.source, record.name) in stopped]
        if records and (ref.source, ref.feed) in said:
            detail = f"{'、'.join(record.label for record in records)}多数不合格，整批停在关口"
            reached = [stopped[record.source, record.name] for record in records]
            as_of = None if None in reached else min(moment for moment in reached if moment is not None)
            landed = said[ref.source, ref.feed].landed
            register.set_source_status(run, SourceStatus(ref.source, ref.feed, "stopped", detail, as_of, landed))


def _totals(register: Register, run: Run) -> dict[str, int]:
    accounts = register.accounts(run.run_id)
    return {k: sum(int(a[k]) for a in accounts) for k in ("landed", "accepted", "quarantined", "held", "duplicates")}


def build_run(settings: Settings, run_id: str) -> dict[str, int]:
    """Builds the models from everything accepted and not yet built. Raises BuildFailed when a model or a test fails."""
    from linli import warehouse

    with register_of(settings) as register:
        run = register.run(run_id)
        register.check_token(run)
        write_chosen(settings)
        report = warehouse.build(settings, register, catalog(settings), run)
        return {"verdicts": report.verdicts, "models": report.models, "tests": report.tests}


def write_chosen(settings: Settings) -> None:
    """Brings the seed of campaigns that were run in line with the closed months: those of the deployment's own list, then the chosen."""
    from linli import warehouse

    written = warehouse.chosen(settings) / warehouse.CAMPAIGNS
    names = ("district_code", "month_on", "department_code", "item_codes", "compound_codes")
    chosen = [[each[name] for name in names] for each in closing.chosen_campaigns(settings.closed)]
    if not chosen:
        written.unlink(missing_ok=True)
        return
    own = settings.reference / warehouse.CAMPAIGNS
    shipped = settings.project / "dbt_project" / "seeds" / warehouse.CAMPAIGNS
    with (own if own.exists() else shipped).open(encoding="utf-8-sig", newline="") as file:
        listed = [[row[name] for name in names] for row in csv.DictReader(file)]
    known = {tuple(row[:3]) for row in listed}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *listed, *(row for row in chosen if tuple(row[:3]) not in known)])
    if not written.exists() or written.read_text(encoding="utf-8") != text.getvalue():
        written.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = written.with_suffix(f".{os.getpid()}")
        aside.write_text(text.getvalue(), encoding="utf-8")
        aside.replace(written)


def publish_run(settings: Settings, run_id: str) -> Release:
    """Publishes what the run built. Raises AuditFailed, SupersededRun, or NightIncomplete before anything has ever been loaded; then
    nothing new is published."""
    with register_of(settings) as register:
        run, closed = register.run(run_id), closing.published_tables(settings.closed)
        if not register.known_batch_ids():
            failed = {s.detail for s in register.source_statuses(run) if s.state == "failed"}
            raise NightIncomplete("；".join(["还没有载入过任何数据，不发布空的仓库", *sorted(failed)]))
        return publication.publish(settings, register, run, code_version=code_version(settings.project), closed=closed)


def finish(settings: Settings, run_id: str, *, strict: bool = True) -> str:
    """Ends a run as succeeded, degraded (a configured source was not loaded, stopped at the gate or not reconciled) or failed (nothing
    was published).

    Raises NightIncomplete for the last two when `strict`, so that the scheduler shows the night as failed.
    """
    with register_of(settings) as register:
        run = register.run(run_id)
        done = STATES
        if run.kind == "reconcile":
            _note_the_unreconciled(settings, register, run)
            done = {"failed": "未核对"}
        missing = [f"{s.source}.{s.feed} {done[s.state]}：{s.detail}" for s in register.source_statuses(run) if s.is_missing]
        published = run.kind != "night" or any(p["run_id"] == run_id for p in register.publications())
        state = "failed" if not published else "degraded" if missing else "succeeded"
        register.end_run(run, state)
    if strict and state != "succeeded":
        raise NightIncomplete("；".join(["没有发布"] * (not published) + missing))
    return state


def _note_the_unreconciled(settings: Settings, register: Register, run: Run) -> None:
    said = {(status.source, status.feed) for status in register.source_statuses(run)}
    for ref in reconcilable_feeds(settings):
        if (ref.source, ref.feed) not in said:
            register.set_source_status(run, SourceStatus(ref.source, ref.feed, "failed", "核对没有完成", None, 0))


def fail(settings: Settings, run_id: str) -> None:
    """Notes a run as failed."""
    with register_of(settings) as register:
        register.end_run(register.run(run_id), "failed")
