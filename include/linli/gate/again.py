"""Rows that have a verdict and may get another: held ones, and bad ones whose badness lay in what was around them.

A row that broke only rules about its context (another record, its own record, a reference list) is judged again every
night while its quarantine entry is open, as are all rows of a batch that was stopped, unless so many of them are bad
by themselves that it would stop again whatever the context.
"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from linli.contracts import Check, RecordDecl
from linli.gate.compile import ident, literal
from linli.gate.state import GateState, same_key

STOPPED = "batch_stopped"
COLUMN_MISSING = "column_missing"
SUPERSEDED = "superseded"
# Context columns that stay what they are for as long as the batch exists.
_OF_THE_BATCH = {"ctx_as_of", "ctx_earliest", "ctx_repeated"}
AGAIN = pa.schema(
    [("_batch_id", pa.string()), ("_row_no", pa.int32()), ("verdict_before", pa.string()), ("rules_before", pa.list_(pa.string()))]
)


def depends_on_context(check: Check) -> bool:
    """Whether the rule may turn out otherwise for the same row on another night."""
    expect = check.expect
    named = {check.column, *(w.column for w in check.where), expect.at_or_after or "", expect.before or ""} - _OF_THE_BATCH
    return expect.in_reference is not None or any(name.startswith("ctx_") and not name.startswith("ctx_unreadable_") for name in named)


def lasting_rules(record: RecordDecl) -> list[str]:
    """Rules that a row once bad breaks for good."""
    return [check.rule for check in record.checks if check.quarantines and not depends_on_context(check)] + [COLUMN_MISSING]


def rows_again(state: GateState, record: RecordDecl) -> pa.Table:
    """The rows of `record` to be judged again, of schema AGAIN."""
    held = state.register.held_rows(record.source, record.name)
    entries = state.register.quarantine(source=record.source, record=record.name)
    lasting = set(lasting_rules(record))
    bad = [entry for entry in entries if not lasting.intersection(entry.rules) and STOPPED not in entry.rules]
    rows = pa.table(
        [
            [row.batch_id for row in held] + [entry.batch_id for entry in bad],
            [row.row_no for row in held] + [entry.row_no for entry in bad],
            ["held"] * len(held) + ["quarantined"] * len(bad),
            [[row.rule] for row in held] + [list(entry.rules) for entry in bad],
        ],
        schema=AGAIN,
    )
    maybe_stopped = sorted({entry.batch_id for entry in entries if STOPPED in entry.rules})
    return pa.concat_tables([rows, *(_rows_of_stopped(state, batch_id, lasting) for batch_id in maybe_stopped)])


def _rows_of_stopped(state: GateState, batch_id: str, lasting: Collection[str]) -> pa.Table:
    verdict = state.register.latest_verdict(batch_id)
    if verdict is None or not verdict.stopped or verdict.path is None:
        return AGAIN.empty_table()
    listed = f"read_parquet({literal(str(state.settings.home / verdict.path))})"
    rules = "[" + ", ".join(literal(rule) for rule in sorted(lasting)) + "]"
    ((hopeless,),) = state.connection.execute(f"select count(*) from {listed} where list_has_any(rules, {rules})").fetchall()
    if hopeless > state.settings.mostly_bad_share * verdict.landed:
        return AGAIN.empty_table()
    found: pa.Table = state.connection.sql(
        f"select _batch_id, row_no as _row_no, verdict as verdict_before, rules as rules_before from {listed}"
        " where verdict = 'quarantined' order by row_no"
    ).to_arrow_table()
    return found.cast(AGAIN)


def newer_in_group(state: GateState, record: RecordDecl, row: str) -> str | None:
    """SQL, true for a `row` of a file or of a parent's list when an accepted newer file or parent takes its place.

    A file takes the place of earlier ones about its community and month, sheet by sheet; a version of a parent that of
    the earlier ones. None for records that belong to neither. `versions` of the parent must have been made.
    """
    if record.extract.sheet == "*":
        return f'exists (select 1 from versions."{record.full_name}" p where not p._deleted and {newer_return(state, record, row, "p")})'
    if record.extract.explode:
        parent, names, sheet = state.catalog.record(record.parents[0]), state.catalog.record(record.parents[0]).key, ""
    elif record.extract.sheet:
        parent, names = state.catalog.record(record.parents[0]), record.key[:-1]
        sheet = f" and p.sheet = {literal(record.extract.sheet)}"
    else:
        return None
    same = " and ".join(f"p.{ident(name)} = {row}.{ident(name)}" for name in names)
    newer = f"{same}{sheet} and p._snapshot_at > {row}._snapshot_at"
    return f'exists (select 1 from versions."{parent.full_name}" p where not p._deleted and {newer})'


def newer_return(state: GateState, record: RecordDecl, row: str, other: str) -> str:
    """SQL, true when the file of `other` takes the place of that of `row`; one refused before its sheets were known is any of them."""
    sheets = [child for child in state.catalog.records if record.full_name in child.parents]
    same = " and ".join(f"{other}.{ident(name)} = {row}.{ident(name)}" for name in sheets[0].key[:-1])
    known = ", ".join(literal(sheet.extract.sheet) for sheet in sheets)
    return (
        f"{same} and ({row}.sheet is null or {row}.sheet not in ({known}) or {other}.sheet = {row}.sheet)"
        f" and {other}._snapshot_at > {row}._snapshot_at"
    )


def find_superseded(state: GateState, record: RecordDecl) -> None:
    """Makes `superseded` (`_batch_id, _row_no`): rows judged before whose place a newer version or a tombstone has taken."""
    ((any_row,),) = state.connection.execute("select exists (from again)").fetchall()
    rows = "select b._batch_id, b._row_no from batch b where "
    if not any_row:
        state.connection.execute(f"create or replace table superseded as {rows} false")
        return
    state.make_versions(record)
    newer = [
        f"exists (select 1 from {other} o where {same_key(record, 'o', 'b')} and o._snapshot_at > b._snapshot_at)"
        for other in (f'versions."{record.full_name}"', "batch")
    ]
    if record.parents or record.extract.sheet:
        for parent in record.parents:
            state.make_versions(state.catalog.record(parent))
        newer.append(newer_in_group(state, record, "b") or "false")
    state.connection.execute(f"create or replace table superseded as {rows} b.verdict_before is not null and ({' or '.join(newer)})")
