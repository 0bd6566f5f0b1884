"""The rows to be judged: landed batches and rows still held, joined with the context their rules need.

What a `<record>.context.sql` may read, and name columns of one by one:

* `batch`: the rows to be judged, with the columns some check or context names and `_batch_id`, `_row_no`, `_deleted`…
* `accepted."<source>.<record>"`: the newest accepted version of every key of a parent
* `standing`: of its own record, what is accepted and what of the batch stands so far (see `linli.gate.decide`)
* `ref.<seed>`: the reference seeds, all columns text

It gives `_batch_id, _row_no` and columns named `ctx_…`, at most one row for each row of `batch`. Beside them every
record has `ctx_as_of` (end of the batch's interval), `ctx_repeated` (how often the key stands in the batch with
differing contents; null when it does not) and `ctx_unreadable_<column>` (original text of a cell that could not be read).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from linli.contracts import RecordDecl
from linli.gate.compile import ident, literal
from linli.gate.state import META_TYPES, GateState, column_types, files, same_key, words
from linli.register import Batch, HeldRow


class ContextBroken(RuntimeError):
    """The context of a record gives more than one row for a row."""


def missing_columns(record: RecordDecl, path: Path) -> list[str]:
    """Landed columns that the file at `path` does not have."""
    present = set(pq.read_schema(path).names)
    return [name for name in record.landing_schema().names if name not in present]


def _used(record: RecordDecl) -> list[str]:
    """Columns that judging and accounting for the rows need."""
    named = {"_batch_id", "_row_no", "_snapshot_at", "_deleted", *record.key}
    if record.submitter:
        named.add(record.submitter)
    for check in record.checks:
        named |= {check.column, *(w.column for w in check.where), *(check.expect.unique or ())}
        named |= {name for name in (check.expect.at_or_after, check.expect.before) if name}
        if check.column.startswith("ctx_unreadable_"):
            named |= {"_unreadable", "_raw"}
    if record.extract.sheet:
        named.add("_source_ref")
    named |= words(record.context_sql)
    return [name for name in column_types(record) if name in named]


def load_batch(state: GateState, record: RecordDecl, batches: Sequence[Batch], held: Sequence[HeldRow]) -> None:
    """Makes `batch` (with `is_held_before`), the view `landed` behind it, and `interval` (`_batch_id, ctx_as_of`)."""
    connection, types = state.connection, column_types(record)
    waiting = pa.table(
        {"_batch_id": [row.batch_id for row in held], "_row_no": pa.array([row.row_no for row in held], pa.int32())},
        schema=pa.schema([("_batch_id", pa.string()), ("_row_no", pa.int32())]),
    )
    connection.register("waiting", waiting)
    batch_ids = [batch.batch_id for batch in batches]
    old = sorted({row.batch_id for row in held})
    parts = []
    for ids, extra in (
        (batch_ids, ""),
        (old, " where exists (select 1 from waiting w where w._batch_id = r._batch_id and w._row_no = r._row_no)"),
    ):
        if ids:
            paths = [state.path_of(batch_id) for batch_id in ids]
            present = {name for path in paths for name in pq.read_schema(path).names}
            columns = ", ".join(f"{ident(name) if name in present else 'null'}::{kind} as {ident(name)}" for name, kind in types.items())
            parts.append(f"select {columns}, {'true' if extra else 'false'} as is_held_before from {files(paths)} r{extra}")
    connection.execute(f"create or replace view landed as {' union all '.join(parts)}")
    used = ", ".join(ident(name) for name in _used(record))
    connection.execute(f"create or replace table batch as select {used}, is_held_before from landed")
    ends = {batch.batch_id: batch.interval_end for batch in batches}
    ends |= {batch_id: state.register.batch(batch_id).interval_end for batch_id in old}
    interval = pa.table(
        {"_batch_id": list(ends), "ctx_as_of": pa.array(list(ends.values()), pa.timestamp("us", tz="UTC"))},
        schema=pa.schema([("_batch_id", pa.string()), ("ctx_as_of", pa.timestamp("us", tz="UTC"))]),
    )
    connection.register("interval", interval)


def find_repeats(state: GateState, record: RecordDecl) -> None:
    """Makes `repeats` (`_batch_id, _row_no, is_duplicate, ctx_repeated`): rows whose key stands more than once in their batch.

    Identical rows: all but the last are duplicates. Differing rows: under `latest` the newest version (the last row
    among equals) stays and the others are duplicates; under `reject` each keeps standing and is marked as repeated.
    """
    connection = state.connection
    keys = ", ".join(ident(name) for name in record.key)
    present = " and ".join(f"{ident(name)} is not null" for name in record.key)
    connection.execute(
        f"create or replace table twice as select _batch_id, {keys} from batch where not is_held_before and {present}"
        " group by all having count(*) > 1"
    )
    contents = ", ".join(ident(column.name) for column in record.columns)
    version = f"{ident(record.version_column)} desc nulls last, " if record.version_column else ""
    group = f"_batch_id, {keys}"
    if record.on_repeat == "latest":
        marks = (
            f"row_number() over (partition by {group} order by {version}_row_no desc) > 1 as is_duplicate, null::varchar as ctx_repeated"
        )
    else:
        marks = (
            f"row_number() over (partition by {group}, contents order by _row_no desc) > 1 as is_duplicate,"
            f" case when min(contents) over (partition by {group}) <> max(contents) over (partition by {group})"
            f" then count(*) over (partition by {group})::varchar end as ctx_repeated"
        )
    named = [*record.key]
    if record.version_column and record.version_column not in named:
        named.append(record.version_column)
    columns = ", ".join(ident(name) for name in named)
    connection.execute(
        f"create or replace table repeats as with again as (select _batch_id, _row_no, {columns}, row({contents}, _deleted) as contents"
        f" from landed l where not is_held_before and exists"
        f" (select 1 from twice t where t._batch_id = l._batch_id and {same_key(record, 't', 'l')}))"
        f" select _batch_id, _row_no, {marks} from again"
    )


def enrich(state: GateState, record: RecordDecl) -> None:
    """Makes `judged`: every row of `batch` that is not deleted, with its context.

    Raises ContextBroken when the context multiplies rows.
    """
    connection = state.connection
    columns = [f"b.{ident(name)}" for name in _used(record)]
    columns += ["i.ctx_as_of", "r.ctx_repeated"]
    for check in record.checks:
        name = check.column.removeprefix("ctx_unreadable_")
        if name != check.column:
            columns.append(
                f"case when list_contains(b._unreadable, {literal(name)})"
                f" then coalesce(json_extract_string(b._raw, {literal('$.' + name)}), '') end as {ident(check.column)}"
            )
    context = ""
    if record.context_sql:
        connection.execute(f"create or replace table context as {record.context_sql}")
        given = [str(row[0]) for row in connection.execute("describe context").fetchall()]
        columns += [f"c.{ident(name)}" for name in given if name not in META_TYPES]
        context = " left join context c on c._batch_id = b._batch_id and c._row_no = b._row_no"
    connection.execute(
        f"create or replace table judged as select {', '.join(dict.fromkeys(columns))} from batch b"
        f" join interval i on i._batch_id = b._batch_id"
        f" left join repeats r on r._batch_id = b._batch_id and r._row_no = b._row_no{context}"
        " where not b._deleted"
    )
    (rows,) = connection.execute("select count(*) from judged").fetchall()
    (wanted,) = connection.execute("select count(*) from batch where not _deleted").fetchall()
    if rows != wanted:
        raise ContextBroken(f"{record.full_name}: its context gives {rows[0]} rows for {wanted[0]} rows")
