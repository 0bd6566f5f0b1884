"""From broken rules to a disposition of every row, and which batches stop as a whole.

Order of precedence: duplicate, quarantined, held, accepted.

Where rows of one record depend on each other (a step on its round's opening, a redemption on the balance), the
context reads `standing`, and a row that is itself bad must not stand for others. So the pass is repeated over what
stood after the last one until nothing changes. Every such rule looks only at rows earlier in time (or, for a
resolution, at acceptances, which themselves look only at the opening), so there is one answer and it is reached;
should a chain be longer than `SETTLING_TURNS`, from then on a row once fallen stays fallen, which ends and never
accepts a row that leans on a bad one.
"""

from __future__ import annotations

from linli.contracts import RecordDecl
from linli.gate.compile import Reference, compile_pass, ident, literal
from linli.gate.enrich import enrich, find_repeats, leans
from linli.gate.state import GateState, column_types, same_key

SETTLING_TURNS = 20
STOPPED = "batch_stopped"


def decide(state: GateState, record: RecordDecl, reference: Reference) -> set[str]:
    """Makes `decided` from `batch` and returns the ids of the batches that stop as a whole.

    `decided` has the rows that are not simply accepted (and those held before): `_batch_id, _row_no, is_held_before,
    key, submitter, source_ref, verdict, rules, readings`. `judged` and `broken` are left as the last pass made them.
    """
    connection = state.connection
    state.prepare_accepted(record)
    find_repeats(state, record)
    leaning = leans(record)
    stopped: set[str] = set()
    if leaning:
        connection.execute(
            "create or replace table candidate as select _batch_id, _row_no from batch b where not _deleted and not exists"
            " (select 1 from repeats r where r._batch_id = b._batch_id and r._row_no = b._row_no and r.is_duplicate)"
        )
    turn = 0
    while True:
        turn += 1
        if leaning:
            _make_standing(state, record)
        enrich(state, record)
        _dispose(state, record, reference)
        if not leaning or _settled(state, stopped, shrink_only=turn > SETTLING_TURNS):
            newly = _mostly_bad(state) - stopped
            stopped |= newly
            if not leaning or not newly:
                break
            connection.execute(f"delete from candidate where _batch_id in {_ids(newly)}")
    if stopped:
        _stop(state, record, stopped)
    return stopped


def _ids(batch_ids: set[str]) -> str:
    return "(" + ", ".join(literal(batch_id) for batch_id in sorted(batch_ids)) + ")"


def _make_standing(state: GateState, record: RecordDecl) -> None:
    accepted = f'accepted."{record.full_name}"'
    names = {str(row[0]) for row in state.connection.execute(f"describe {accepted}").fetchall()}
    names &= {str(row[0]) for row in state.connection.execute("describe batch").fetchall()}
    columns = ", ".join(ident(name) for name in column_types(record) if name in names)
    keys = ", ".join(ident(name) for name in record.key)
    state.connection.execute(
        f"create or replace table standing as with fresh as (select {columns} from batch b where exists"
        " (select 1 from candidate c where c._batch_id = b._batch_id and c._row_no = b._row_no) qualify row_number() over"
        f" (partition by {keys} order by _snapshot_at desc, _batch_id desc, _row_no desc) = 1)"
        f" select * from fresh union all select {columns} from {accepted} a"
        f" where not exists (select 1 from fresh f where {same_key(record, 'f', 'a')})"
        f" and not exists (select 1 from batch d where d._deleted and {same_key(record, 'd', 'a')})"
    )


def _settled(state: GateState, stopped: set[str], *, shrink_only: bool) -> bool:
    """Whether exactly the candidates are accepted; the accepted become the next candidates."""
    connection = state.connection
    kept = f" and _batch_id not in {_ids(stopped)}" if stopped else ""
    shrink = " intersect from candidate" if shrink_only else ""
    connection.execute(
        "create or replace table next_candidate as select _batch_id, _row_no from batch b where not _deleted and not exists"
        " (select 1 from decided d where d._batch_id = b._batch_id and d._row_no = b._row_no and d.verdict <> 'accepted')"
        f"{kept}{shrink}"
    )
    ((same,),) = connection.execute(
        "select not exists (from candidate except from next_candidate) and not exists (from next_candidate except from candidate)"
    ).fetchall()
    connection.execute("create or replace table candidate as from next_candidate")
    return bool(same)


def key_text(record: RecordDecl) -> str:
    """SQL over `batch b` for the key as text; a missing part is replaced by `#` and where the row is."""
    where = "b._batch_id || ':' || b._row_no"
    place = f"coalesce(b._source_ref, {where})" if record.extract.sheet else where
    parts = [f"coalesce(b.{ident(name)}::varchar, '#' || {place})" for name in record.key]
    return " || '|' || ".join(parts)


def _dispose(state: GateState, record: RecordDecl, reference: Reference) -> None:
    connection = state.connection
    secret = frozenset(column.name for column in record.columns if column.personal)
    connection.execute(f"create or replace table broken as {compile_pass(record.checks, 'judged', reference, secret)}")
    bad = "[" + ", ".join(literal(check.rule) for check in record.checks if check.quarantines) + "]::varchar[]"
    waits = ", ".join(f"case when {ident(hold.column)} is null then {literal(hold.rule)} end" for hold in record.holds)
    any_wait = " or ".join(f"{ident(hold.column)} is null" for hold in record.holds) or "false"
    connection.execute(
        "create or replace table waiting_rows as select _batch_id, _row_no,"
        f" list_filter([{waits}]::varchar[], lambda x: x is not null) as rules from judged where {any_wait}"
    )
    connection.execute(
        f"""create or replace table decided as with listed as (
          select _batch_id, _row_no from repeats where is_duplicate union select _batch_id, _row_no from broken
          union select _batch_id, _row_no from waiting_rows union select _batch_id, _row_no from batch where is_held_before)
        select {_account(record)},
          case when coalesce(r.is_duplicate, false) then 'duplicate'
               when list_has_any(coalesce(x.rules, []), {bad}) then 'quarantined'
               when w.rules is not null then 'held'
               else 'accepted' end as verdict,
          case verdict when 'quarantined' then x.rules when 'held' then w.rules else []::varchar[] end as rules,
          case verdict when 'quarantined' then x.readings else []::varchar[] end as readings
        from batch b
        join listed l on l._batch_id = b._batch_id and l._row_no = b._row_no
        left join repeats r on r._batch_id = b._batch_id and r._row_no = b._row_no
        left join broken x on x._batch_id = b._batch_id and x._row_no = b._row_no
        left join waiting_rows w on w._batch_id = b._batch_id and w._row_no = b._row_no"""
    )


def _account(record: RecordDecl) -> str:
    """The columns of `decided` that come from `batch b`."""
    source_ref = "b._source_ref" if record.extract.sheet else "null::varchar"
    submitter = f"b.{ident(record.submitter)}::varchar" if record.submitter else "null::varchar"
    return f"b._batch_id, b._row_no, b.is_held_before, {key_text(record)} as key, {submitter} as submitter, {source_ref} as source_ref"


def _stop(state: GateState, record: RecordDecl, stopped: set[str]) -> None:
    """Quarantines every row of the stopped batches, on top of what each has broken itself."""
    state.connection.execute(
        f"insert into decided select {_account(record)}, 'accepted', [], [] from batch b where _batch_id in {_ids(stopped)}"
        " and not is_held_before and not exists"
        " (select 1 from decided d where d._batch_id = b._batch_id and d._row_no = b._row_no)"
    )
    state.connection.execute(
        f"update decided set verdict = 'quarantined', rules = list_append(rules, {literal(STOPPED)}),"
        f" readings = list_append(readings, null) where _batch_id in {_ids(stopped)} and not is_held_before"
    )


def _mostly_bad(state: GateState) -> set[str]:
    rows = state.connection.execute(
        "with bad as (select _batch_id, count(*) as bad from decided where not is_held_before and verdict = 'quarantined' group by all)"
        " select _batch_id from bad join (select _batch_id, count(*) as landed from batch where not is_held_before group by all)"
        " using (_batch_id) where landed >= ? and bad > ? * landed",
        [state.settings.mostly_bad_min_rows, state.settings.mostly_bad_share],
    ).fetchall()
    return {row[0] for row in rows}
