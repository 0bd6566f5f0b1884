"""What stands of a record while its own rows are judged: accepted rows, and what of the batch has not fallen."""

from __future__ import annotations

from linli.contracts import RecordDecl
from linli.gate.compile import ident
from linli.gate.state import GateState, column_types, same_key, scope


def find_kept(state: GateState, record: RecordDecl) -> None:
    """Makes `kept` (`_batch_id, _row_no`), once a batch: new rows that are to the letter what is accepted of their key."""
    connection = state.connection
    if connection.execute("select 1 from information_schema.tables where table_name = 'kept'").fetchall():
        return
    names = [column.name for column in record.columns]

    def of_landed(row: str) -> str:
        return f"exists (select 1 from landed l where {same_key(record, 'l', row)})"

    columns = [*names, "_parent_version", "_snapshot_at", "_deleted", "_batch_id", "_row_no"]
    # aside, for the join would not know how few they are and read all that was ever accepted
    versions = state.versions_sql(record, columns, "compared", of_landed("s"))
    connection.execute(f"create or replace table accepted_before as from ({versions}) v where {of_landed('v')}")

    def contents(alias: str) -> str:
        return "row(" + ", ".join(f"{alias}.{ident(name)}" for name in (*names, "_parent_version")) + ")"

    connection.execute(
        f"create table kept as select l._batch_id, l._row_no from landed l join accepted_before v on {same_key(record, 'l', 'v')}"
        f" where l.verdict_before is null and not l._deleted and not v._deleted and {contents('l')} is not distinct from {contents('v')}"
    )


def scope_standing(state: GateState, record: RecordDecl) -> None:
    """Makes `in_scope`: the accepted rows that the context of this batch can ask about."""
    asked = state.accepted_sql(record, scope(record, "standing"))
    state.connection.execute(f"create or replace table in_scope as select {_columns(state, record)} from ({asked})")


def _columns(state: GateState, record: RecordDecl) -> str:
    names = {str(row[0]) for row in state.connection.execute("describe batch").fetchall()} & set(state.looked_at(record))
    return ", ".join(ident(name) for name in column_types(record) if name in names)


def make_standing(state: GateState, record: RecordDecl) -> None:
    """Makes `standing`: the newest candidate of each key, and what is accepted of the other keys."""
    columns = _columns(state, record)
    keys = ", ".join(ident(name) for name in record.key)
    state.connection.execute(
        f"create or replace table standing as with fresh as (select {columns}, exists"
        " (select 1 from kept k where k._batch_id = b._batch_id and k._row_no = b._row_no) as is_accepted from batch b where exists"
        " (select 1 from candidate c where c._batch_id = b._batch_id and c._row_no = b._row_no) qualify row_number() over"
        f" (partition by {keys} order by _snapshot_at desc, _batch_id desc, _row_no desc) = 1)"
        f" select * from fresh union all select {columns}, true as is_accepted from in_scope a"
        f" where not exists (select 1 from fresh f where {same_key(record, 'f', 'a')})"
        f" and not exists (select 1 from batch d where d._deleted and {same_key(record, 'd', 'a')})"
    )
