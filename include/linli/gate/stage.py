"""The gate: every landed batch gets a verdict, every bad row its reasons, every waiting row another chance.

For each record, parents first: the batches without a verdict, the rows still held and the bad rows whose context may
have changed are enriched, judged in one compiled pass, judged again by Great Expectations, and the decisions registered
in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linli.contracts import Catalog, RecordDecl
from linli.gate.again import COLUMN_MISSING, STOPPED, rows_again
from linli.gate.decide import decide
from linli.gate.enrich import load_batch, missing_columns
from linli.gate.judge import judge
from linli.gate.ledger import OpenEntries, refused_key, tuples
from linli.gate.state import GateState, opened
from linli.gate.verdicts import SCHEMA, write_verdict
from linli.register import Batch, CheckResult, Decision, HeldRow, QuarantineEntry, Register, Run, Verdict, now
from linli.settings import Settings


class RowsUnaccounted(RuntimeError):
    """A batch's rows do not add up: landed is not accepted + quarantined + held + duplicates."""


@dataclass(frozen=True)
class RecordReport:
    """What the gate did to one record in one run; rows of new batches, then how many judged before it let through."""

    record: str
    batches: int
    landed: int
    accepted: int
    quarantined: int
    held: int
    duplicates: int
    stopped: tuple[str, ...] = ()
    released: int = 0
    rules: dict[str, dict[str, int]] = field(default_factory=dict)
    """batch id -> rule -> rows that broke it"""


@dataclass(frozen=True)
class GateReport:
    """One report for each record that had something to judge, in the order judged."""

    records: tuple[RecordReport, ...]

    def record(self, full_name: str) -> RecordReport | None:
        """The report of that record; None when it had nothing to judge."""
        return next((report for report in self.records if report.record == full_name), None)


def gate(settings: Settings, register: Register, catalog: Catalog, run: Run, *, records: Collection[str] | None = None) -> GateReport:
    """Judges everything landed and not yet judged, and the rows to be judged again; of `records` only when given.

    Raises GateDisagreement when the two counts of a rule differ, RowsUnaccounted when a batch does not add up,
    ContextBroken and UnknownReference for declarations that cannot be carried out. What was registered for earlier
    records stays; running again goes on from there.
    """
    reports = []
    with opened(settings, register, catalog) as state:
        for record in catalog.records:
            if records is None or record.full_name in records:
                report = _gate_record(state, record, run)
                if report is not None:
                    reports.append(report)
    return GateReport(tuple(reports))


def _gate_record(state: GateState, record: RecordDecl, run: Run) -> RecordReport | None:
    register = state.register
    batches = register.ungated_batches(record.source, record.name)
    again = rows_again(state, record)
    if not batches and not again.num_rows:
        register.close_entries(OpenEntries(state, record, decided=False).superseded(), now())
        return None
    lacking = {b.batch_id for b in batches if missing_columns(record, state.path_of(b.batch_id))}
    readable = [b for b in batches if b.batch_id not in lacking]
    results: list[CheckResult] = []
    stopped = set(lacking)
    decided_at = now()
    decisions: list[Decision] = []
    rules: dict[str, dict[str, int]] = {}
    closed = []
    if readable or again.num_rows:
        load_batch(state, record, readable, again)
        reference = state.reference(record)
        stopped_now = decide(state, record, reference)
        stopped |= stopped_now & {b.batch_id for b in readable}
        rules = _broken_rules(state)
        counted: dict[str, int] = {}
        for of_batch in rules.values():
            for rule, rows in of_batch.items():
                counted[rule] = counted.get(rule, 0) + rows
        results = judge(state, record, reference, counted)
        entries = OpenEntries(state, record, decided=True)
        decisions = _decisions(state, record, readable, stopped_now, entries, run, decided_at)
        closed = entries.superseded()
    decisions += [_refusal(state, record, b, run, decided_at) for b in batches if b.batch_id in lacking]
    for rule, unexpected in ((COLUMN_MISSING, len(lacking)), (STOPPED, len(stopped))):
        outcome = "NA" if not batches else "FAIL" if unexpected else "PASS"
        results.append(CheckResult(record.source, record.name, rule, "critical", len(batches), unexpected, outcome))
    register.add_decisions(decisions, results, run)
    register.close_entries(closed, decided_at)
    state.forget_accepted(record)
    first = [d.verdict for d in decisions if d.verdict.n == 1]
    return RecordReport(
        record.full_name,
        batches=len(batches),
        landed=sum(v.landed for v in first),
        accepted=sum(v.accepted for v in first),
        quarantined=sum(v.quarantined for v in first),
        held=sum(v.held for v in first),
        duplicates=sum(v.duplicates for v in first),
        stopped=tuple(sorted(stopped)),
        released=sum(d.verdict.accepted - register.verdicts_of(d.verdict.batch_id)[-2].accepted for d in decisions if d.verdict.n > 1),
        rules=rules,
    )


def _broken_rules(state: GateState) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for batch_id, rule, rows in state.connection.execute(
        "select _batch_id, rule, count(*) from (select _batch_id, unnest(rules) as rule from broken) group by all order by all"
    ).fetchall():
        found.setdefault(batch_id, {})[rule] = rows
    return found


def _counts(state: GateState) -> dict[str, dict[str, int]]:
    """Rows of each new batch by what became of them, counted from its file, not from the register."""
    counts = {
        batch_id: {"accepted": rows}
        for batch_id, rows in state.connection.execute(
            "select _batch_id, count(*) from batch where verdict_before is null group by all"
        ).fetchall()
    }
    for batch_id, verdict, rows in state.connection.execute(
        "select _batch_id, verdict, count(*) from decided where verdict_before is null and verdict <> 'accepted' group by all"
    ).fetchall():
        counts[batch_id][verdict] = rows
        counts[batch_id]["accepted"] -= rows
    return counts


def _exceptions(state: GateState, *, before: bool) -> dict[str, pa.Table]:
    """Per batch the rows its verdict file lists, with `submitter, source_ref` for the entries and `verdict_before`."""
    which = "verdict_before is not null and not is_unchanged" if before else "verdict_before is null and verdict <> 'accepted'"
    table: pa.Table = state.connection.sql(
        "select _batch_id, _row_no as row_no, case verdict when 'accepted' then 'released' else verdict end as verdict, rules,"
        f" readings, key, submitter, source_ref, verdict_before from decided where {which} order by _batch_id, row_no"
    ).to_arrow_table()
    sizes = state.connection.execute(f"select _batch_id, count(*) from decided where {which} group by all order by all").fetchall()
    found, offset = {}, 0
    for batch_id, rows in sizes:
        found[batch_id] = table.slice(offset, rows)
        offset += rows
    return found


def _decisions(
    state: GateState, record: RecordDecl, batches: Sequence[Batch], stopped: set[str], entries: OpenEntries, run: Run, decided_at: datetime
) -> list[Decision]:
    """Decisions about batches with rows judged again and about new ones, oldest snapshot first."""
    register = state.register
    again = _exceptions(state, before=True)
    before = sorted((register.batch(batch_id) for batch_id in again), key=lambda b: (b.snapshot_at, b.batch_id))
    decisions = [
        _reconsidered(state, record, batch, again[batch.batch_id], batch.batch_id in stopped, entries, run, decided_at) for batch in before
    ]
    counts, exceptions = _counts(state), _exceptions(state, before=False)
    nothing = pa.schema([*SCHEMA, *(pa.field(name, pa.string()) for name in ("submitter", "source_ref", "verdict_before"))]).empty_table()
    for batch in sorted(batches, key=lambda b: (b.snapshot_at, b.batch_id)):
        rows = exceptions.get(batch.batch_id, nothing)
        count = counts.get(batch.batch_id, {})
        verdict = Verdict(
            batch.batch_id, 1, _write(state, record, batch, 1, rows), batch.rows, count.get("accepted", 0),
            count.get("quarantined", 0), count.get("held", 0), count.get("duplicate", 0), batch.batch_id in stopped,
            run.run_id, decided_at,
        )  # fmt: skip
        decisions.append(_decision(record, batch, verdict, rows, entries))
    return decisions


def _reconsidered(
    state: GateState,
    record: RecordDecl,
    batch: Batch,
    rows: pa.Table,
    is_stopped: bool,
    entries: OpenEntries,
    run: Run,
    decided_at: datetime,
) -> Decision:
    last = state.register.latest_verdict(batch.batch_id)
    assert last is not None
    was, now_is = rows["verdict_before"].to_pylist(), rows["verdict"].to_pylist()
    verdict = Verdict(
        batch.batch_id, last.n + 1, _write(state, record, batch, last.n + 1, rows), batch.rows,
        last.accepted + now_is.count("released"),
        last.quarantined + now_is.count("quarantined") - was.count("quarantined"),
        last.held + now_is.count("held") - was.count("held"),
        last.duplicates + now_is.count("duplicate"), is_stopped, run.run_id, decided_at,
    )  # fmt: skip
    return _decision(record, batch, verdict, rows, entries)


def _decision(record: RecordDecl, batch: Batch, verdict: Verdict, rows: pa.Table, entries: OpenEntries) -> Decision:
    accounted = verdict.accepted + verdict.quarantined + verdict.held + verdict.duplicates
    if verdict.landed != accounted or min(verdict.accepted, verdict.quarantined, verdict.held, verdict.duplicates) < 0:
        raise RowsUnaccounted(f"{batch.batch_id}: {verdict.landed} rows landed, {accounted} are accounted for")
    opened_entries, closed = entries.step(batch, verdict, rows)
    waiting = rows.filter(pc.equal(rows["verdict"], "held"))
    held = [
        HeldRow(batch.batch_id, row_no, record.source, record.name, key, rules[0], verdict.decided_at)
        for row_no, key, rules in tuples(waiting, "row_no", "key", "rules")
    ]
    waited = rows.filter(pc.equal(rows["verdict_before"], "held"))
    freed = [(batch.batch_id, row_no) for row_no in waited["row_no"].to_pylist()]
    return Decision(verdict, quarantined=opened_entries, held=held, freed=freed, closed=closed)


def _write(state: GateState, record: RecordDecl, batch: Batch, n: int, rows: pa.Table) -> str | None:
    if not rows.num_rows:
        return None
    path = state.settings.verdicts / record.source / record.name / f"{batch.batch_id}.{n}.parquet"
    write_verdict(rows.select(SCHEMA.names).cast(SCHEMA), path)
    return str(path.relative_to(state.settings.home))


def _refusal(state: GateState, record: RecordDecl, batch: Batch, run: Run, decided_at: datetime) -> Decision:
    """The verdict about a batch whose file lacks columns: none of its rows can be judged, all are quarantined.

    One entry tells of it; it ends with the next batch of the record that can be judged.
    """
    names = missing_columns(record, state.path_of(batch.batch_id))
    count = pq.read_metadata(state.path_of(batch.batch_id)).num_rows
    rows = pa.table(
        {
            "_batch_id": [batch.batch_id] * count,
            "row_no": range(count),
            "verdict": ["quarantined"] * count,
            "rules": [[COLUMN_MISSING, STOPPED]] * count,
            "readings": [["、".join(names), None]] * count,
            "key": [refused_key(record)] * count,
        },
        schema=SCHEMA,
    )
    path = _write(state, record, batch, 1, rows)
    verdict = Verdict(batch.batch_id, 1, path, batch.rows, 0, count, 0, 0, True, run.run_id, decided_at)
    if batch.rows != count:
        raise RowsUnaccounted(f"{batch.batch_id}: {batch.rows} rows landed, its file has {count}")
    entry = QuarantineEntry(
        record.source, record.name, refused_key(record), (COLUMN_MISSING, STOPPED), None, batch.batch_id, 0, None, decided_at
    )
    return Decision(verdict, quarantined=[entry])
