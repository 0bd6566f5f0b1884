"""The rows to be judged: new batches and rows judged again, joined with the context their rules need.

What a `<record>.context.sql` may read, and name columns of one by one:

* `batch`: the rows to be judged, with the columns some check or context names and `_batch_id`, `_row_no`, `_deleted`…
* `accepted."<source>.<record>"`: the newest accepted version of every key of a parent, in the scope that the file
  declares by a line `-- <source>.<record>: column, …`: a row whose column has a value of a row of the batch, in the
  column of that name or in the one named by `column=other`
* `standing`: of its own record, what is accepted (`is_accepted`) and what of the batch stands so far (see
  `linli.gate.decide`), in the scope declared by a line `-- standing: column, …`
* `ref.<seed>`: the reference seeds, all columns text

It gives every row of `batch` once, whole (`b.*`), and columns named `ctx_…` beside it. `batch` itself has, for every
record, `ctx_as_of` (end of the batch's interval), `ctx_earliest` (no event of the programme is older) and
`ctx_unreadable_<column>` (original text of a cell that could not be read); `judged` adds `ctx_repeated` (how often the
key stands in the batch with differing contents, else null). A column `ctx_submitter` says who is to be told of a bad
row of a record without a submitter column.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from linli.contracts import RecordDecl
from linli.gate.again import AGAIN
from linli.gate.compile import ident, literal
from linli.gate.state import ContextBroken, GateState, column_types, files, same_key, words
from linli.register import Batch
from linli.settings import SHANGHAI

# The programme is younger; anything dated before is a mistyped year, and calendars and reports need not reach back.
EARLIEST = dt.datetime(2015, 1, 1, tzinfo=SHANGHAI)
SUBMITTER = "ctx_submitter"


def missing_columns(record: RecordDecl, path: Path) -> list[str]:
    """Landed columns that the file at `path` does not have."""
    present = set(pq.read_schema(path).names)
    return [name for name in record.landing_schema().names if name not in present]


def _looked_at(record: RecordDecl) -> set[str]:
    """Columns, landed or of the context, that a check or a hold of the record looks at."""
    named = {hold.column for hold in record.holds}
    for check in record.checks:
        named |= {check.column, *(w.column for w in check.where), *(check.expect.unique or ())}
        named |= {name for name in (check.expect.at_or_after, check.expect.before) if name}
    return named


def _used(record: RecordDecl) -> list[str]:
    """Landed columns that judging and accounting for the rows need."""
    named = {"_batch_id", "_row_no", "_snapshot_at", "_deleted", *record.key} | _looked_at(record) | words(record.context_sql)
    if record.submitter:
        named.add(record.submitter)
    if any(check.column.startswith("ctx_unreadable_") for check in record.checks):
        named |= {"_unreadable", "_raw"}
    if record.extract.sheet:
        named.add("_source_ref")
    return [name for name in column_types(record) if name in named]


def load_batch(state: GateState, record: RecordDecl, batches: Sequence[Batch], again: pa.Table | None = None) -> None:
    """Makes `batch` (with `verdict_before`, null for new rows, and the context every record has), the view `landed`
    behind it and `again` (of schema AGAIN, the rows judged again)."""
    connection, types = state.connection, column_types(record)
    again = AGAIN.empty_table() if again is None else again
    connection.register("again", again)
    batch_ids = [batch.batch_id for batch in batches]
    old = sorted(set(again["_batch_id"].to_pylist()))
    parts = []
    for ids, before, rows in (
        (batch_ids, "null::varchar", ""),
        (old, "w.verdict_before", " join again w on w._batch_id = r._batch_id and w._row_no = r._row_no"),
    ):
        if ids:
            paths = [state.path_of(batch_id) for batch_id in ids]
            present = {name for path in paths for name in pq.read_schema(path).names}
            columns = ", ".join(
                f"{'r.' + ident(name) if name in present else 'null'}::{kind} as {ident(name)}" for name, kind in types.items()
            )
            parts.append(f"select {columns}, {before} as verdict_before from {files(paths)} r{rows}")
    connection.execute(f"create or replace view landed as {' union all '.join(parts)}")
    state.same_for_all = {"ctx_earliest": f"timestamptz {literal(EARLIEST.isoformat())}"}
    if len(batch_ids) + len(old) == 1:
        state.same_for_all["_batch_id"] = literal((*batch_ids, *old)[0])
    ends = {batch.batch_id: batch.interval_end for batch in batches}
    ends |= {batch_id: state.register.batch(batch_id).interval_end for batch_id in old}
    wanted = [f"l.{ident(name)}" for name in _used(record)]
    if len(set(ends.values())) == 1:
        state.same_for_all["ctx_as_of"] = _by_batch(ends)
    wanted += ["l.verdict_before", f"{_by_batch(ends)} as ctx_as_of", f"{state.same_for_all['ctx_earliest']} as ctx_earliest"]
    for check in record.checks:
        name = check.column.removeprefix("ctx_unreadable_")
        if name != check.column:
            wanted.append(
                f"case when list_contains(l._unreadable, {literal(name)})"
                f" then coalesce(json_extract_string(l._raw, {literal('$.' + name)}), '') end as {ident(check.column)}"
            )
    # Read over and over where rows lean on each other; once or twice elsewhere, which the files themselves serve well.
    kind = "table" if leans(record) else "view"
    for other in ("table", "view"):
        state.drop(other, "batch")
    connection.execute(f"create {kind} batch as select {', '.join(dict.fromkeys(wanted))} from landed l")


def _by_batch(ends: dict[str, dt.datetime]) -> str:
    """SQL for the end of the interval of the batch of `l`: as a rule the same for all."""
    said: dict[str, list[str]] = {}
    for batch_id, end in ends.items():
        said.setdefault(f"timestamptz {literal(end.isoformat())}", []).append(literal(batch_id))
    *others, last = sorted(said, key=lambda end: len(said[end]))
    cases = " ".join(f"when l._batch_id in ({', '.join(said[end])}) then {end}" for end in others)
    return f"case {cases} else {last} end" if others else last


def leans(record: RecordDecl) -> bool:
    """Whether rows of the record depend on each other: its context reads `standing`."""
    return "standing" in words(record.context_sql)


def find_repeats(state: GateState, record: RecordDecl) -> None:
    """Makes `repeats` (`_batch_id, _row_no, is_duplicate, ctx_repeated`): rows whose key stands more than once in their batch.

    Identical rows: all but the last are duplicates. Differing rows: under `latest` the newest version (the last row
    among equals) stays and the others are duplicates; under `reject` each keeps standing and is marked as repeated.
    """
    connection = state.connection
    keys = ", ".join(ident(name) for name in record.key)
    present = " and ".join(f"{ident(name)} is not null" for name in record.key)
    # Equal keys have equal hashes, so sorting eight bytes finds the few keys worth grouping as they are, as a rule none.
    fresh = f"from batch where verdict_before is null and {present}"
    hashed = f"select hash(_batch_id, {keys}) as key_hash {fresh}"
    connection.execute(
        f"create or replace table same_hash as select distinct key_hash from (select key_hash, lag(key_hash) over (order by key_hash) as"
        f" before from ({hashed})) where key_hash = before"
    )
    ((any_same,),) = connection.execute("select exists (from same_hash)").fetchall()
    among = f"hash(_batch_id, {keys}) in (from same_hash)" if any_same else "false"
    connection.execute(f"create or replace table twice as select _batch_id, {keys} {fresh} and {among} group by all having count(*) > 1")
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
        f" from landed l where verdict_before is null and exists"
        f" (select 1 from twice t where t._batch_id = l._batch_id and {same_key(record, 't', 'l')}))"
        f" select _batch_id, _row_no, {marks} from again"
    )


def enrich(state: GateState, record: RecordDecl) -> None:
    """Makes `judged`, a view of the table `enriched`: every row of `batch` that is not deleted, with its context.

    Raises ContextBroken when the context multiplies rows.
    """
    connection = state.connection
    context = record.context_sql or "select b.* from batch b"
    looked_at = _looked_at(record) - {"ctx_repeated"} | ({SUBMITTER} & words(context))
    named = ["_batch_id", "_row_no", *sorted(looked_at)]
    same = {name: value for name, value in state.same_for_all.items() if name in named}
    columns = [f"s.{ident(name)}" for name in named if name not in same]
    join = ""
    ((any_repeat,),) = connection.execute("select exists (from repeats where ctx_repeated is not null)").fetchall()
    if any_repeat:
        columns.append("r.ctx_repeated")
        join = " left join repeats r on r._batch_id = s._batch_id and r._row_no = s._row_no"
    else:
        same["ctx_repeated"] = "null::varchar"
    connection.execute(f"create or replace table enriched as select {', '.join(columns)} from ({context}) s{join} where not s._deleted")
    connection.execute(
        f"create or replace view judged as select *, {', '.join(f'{value} as {ident(name)}' for name, value in same.items())} from enriched"
    )
    (rows,) = connection.execute("select count(*) from judged").fetchall()
    (wanted,) = connection.execute("select count(*) from batch where not _deleted").fetchall()
    if rows != wanted:
        raise ContextBroken(f"{record.full_name}: its context gives {rows[0]} rows for {wanted[0]} rows")
