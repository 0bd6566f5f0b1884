"""From broken rules to a disposition of every row, and which batches stop as a whole.

Order of precedence: duplicate, quarantined, held, accepted. A row judged again whose place a newer version has taken
is a duplicate when it was held and stays as it is when it was bad. A row that lands again just as it was accepted
stays accepted whatever has come since (docs/decisions/0008).

Where rows of one record depend on each other (a step on its round's opening, a redemption on the balance), the
context reads `standing`, and a row that is itself bad must not stand for others. So the pass is repeated over what
stood after the last one until nothing changes. Every such rule looks only at rows earlier in time or at rows accepted
before (or, for a resolution, at acceptances, which themselves look only at those), so there is one answer and it is
reached; should a chain be longer than `SETTLING_TURNS`, from then on a row once fallen stays fallen, which ends and
never accepts a row that leans on a bad one.
"""

from __future__ import annotations

from linli.contracts import RecordDecl
from linli.gate.again import STOPPED, depends_on_context, find_superseded
from linli.gate.compile import Reference, compile_pass, ident, literal
from linli.gate.enrich import SUBMITTER, enrich, find_repeats, leans
from linli.gate.standing import find_kept, make_standing, scope_standing
from linli.gate.state import GateState, words

SETTLING_TURNS = 20


def decide(state: GateState, record: RecordDecl, reference: Reference) -> set[str]:
    """Makes `decided` from `batch` and returns the ids of the batches that stop as a whole.

    `decided` has the rows that are not simply accepted and those judged before: `_batch_id, _row_no, verdict_before,
    rules_before, key, submitter, source_ref, verdict, rules, readings, is_unchanged`. `judged` and `broken` are left as
    the last pass made them. A batch stopped before is in the answer when it still is.
    """
    connection = state.connection
    state.prepare_accepted(record)
    find_repeats(state, record)
    find_superseded(state, record)
    connection.execute("drop table if exists kept")
    leaning = leans(record)
    stopped: set[str] = set()
    if leaning:
        find_kept(state, record)
        scope_standing(state, record)
        connection.execute(
            "create or replace table candidate as select _batch_id, _row_no from batch b where not _deleted and not exists"
            " (select 1 from repeats r where r._batch_id = b._batch_id and r._row_no = b._row_no and r.is_duplicate)"
            " and not exists (select 1 from superseded s where s._batch_id = b._batch_id and s._row_no = b._row_no)"
        )
    turn = 0
    while True:
        turn += 1
        if leaning:
            make_standing(state, record)
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
    _compare(state, stopped)
    return stopped


def _ids(batch_ids: set[str]) -> str:
    return "(" + ", ".join(literal(batch_id) for batch_id in sorted(batch_ids)) + ")"


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
    """SQL over `batch b` for the key as text; a missing part of a file row is `#` and where the row is, else the text is null."""
    place = ", '#' || b._source_ref" if record.extract.sheet else ""
    return " || '|' || ".join(f"coalesce(b.{ident(name)}::varchar{place})" for name in record.key)


def _name_without_key(state: GateState, record: RecordDecl) -> None:
    """Rows without a whole key are named after what they contain: the same row is the same entry every night."""
    contents = ", ".join(f"l.{ident(column.name)}" for column in record.columns)
    mark = f"'#' || left(md5(row({contents})::varchar), 16)"
    parts = " || '|' || ".join(f"coalesce(l.{ident(name)}::varchar, {mark})" for name in record.key)
    ((nameless,),) = state.connection.execute("select exists (from decided where key is null)").fetchall()
    if nameless:
        state.connection.execute(
            f"update decided d set key = x.key from (select l._batch_id, l._row_no, {parts} as key from landed l where exists (select 1"
            " from decided e where e.key is null and e._batch_id = l._batch_id and e._row_no = l._row_no)) x"
            " where d.key is null and x._batch_id = d._batch_id and x._row_no = d._row_no"
        )


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
    asks, submitters = "", ""
    if not record.submitter and SUBMITTER in words(record.context_sql):
        asks, submitters = f"j.{SUBMITTER}::varchar", " left join judged j on j._batch_id = b._batch_id and j._row_no = b._row_no"
    connection.execute(
        f"""create or replace table decided as with listed as (
          select _batch_id, _row_no from repeats where is_duplicate union select _batch_id, _row_no from broken
          union select _batch_id, _row_no from waiting_rows union select _batch_id, _row_no from again),
        told as (select b._batch_id, b._row_no, {_account(record, asks)} from batch b join listed l
          on l._batch_id = b._batch_id and l._row_no = b._row_no{submitters})
        select b.*, a.rules_before,
          case when coalesce(r.is_duplicate, false) then 'duplicate'
               when s._batch_id is null then case when list_has_any(coalesce(x.rules, []), {bad}) then 'quarantined'
                                                  when w.rules is not null then 'held' else 'accepted' end
               when b.verdict_before = 'held' or list_contains(a.rules_before, {literal(STOPPED)}) then 'duplicate'
               else 'quarantined' end as verdict,
          case when s._batch_id is not null then case verdict when 'quarantined' then a.rules_before else []::varchar[] end
               else case verdict when 'quarantined' then x.rules when 'held' then w.rules else []::varchar[] end end as rules,
          case when s._batch_id is null and verdict = 'quarantined' then x.readings else []::varchar[] end as readings
        from told b
        left join repeats r on r._batch_id = b._batch_id and r._row_no = b._row_no
        left join superseded s on s._batch_id = b._batch_id and s._row_no = b._row_no
        left join again a on a._batch_id = b._batch_id and a._row_no = b._row_no
        left join broken x on x._batch_id = b._batch_id and x._row_no = b._row_no
        left join waiting_rows w on w._batch_id = b._batch_id and w._row_no = b._row_no"""
    )
    _keep_accepted(state, record)
    _name_without_key(state, record)


def _account(record: RecordDecl, asks: str) -> str:
    """The columns of `decided` that come from `batch b`; `asks` is who is told where no landed column says so."""
    source_ref = "b._source_ref" if record.extract.sheet else "null::varchar"
    submitter = f"b.{ident(record.submitter)}::varchar" if record.submitter else asks or "null::varchar"
    return f"b.verdict_before, {key_text(record)} as key, {submitter} as submitter, {source_ref} as source_ref"


def _keep_accepted(state: GateState, record: RecordDecl) -> None:
    """New rows that only their context speaks against stay accepted when they are just what was accepted before."""
    lasting = "[" + ", ".join(literal(c.rule) for c in record.checks if c.quarantines and not depends_on_context(c)) + "]::varchar[]"
    doubted = f"verdict_before is null and verdict in ('held', 'quarantined') and not list_has_any(rules, {lasting})"
    ((any_doubt,),) = state.connection.execute(f"select exists (from decided where {doubted})").fetchall()
    if any_doubt:
        find_kept(state, record)
        state.connection.execute(
            f"update decided d set verdict = 'accepted', rules = [], readings = [] where {doubted} and exists"
            " (select 1 from kept k where k._batch_id = d._batch_id and k._row_no = d._row_no)"
        )


def _stop(state: GateState, record: RecordDecl, stopped: set[str]) -> None:
    """Quarantines the new rows of stopped batches, on top of what each has broken itself; deletions go through."""
    state.connection.execute(
        f"insert into decided select b._batch_id, b._row_no, {_account(record, '')}, null, 'accepted', [], [] from batch b"
        f" where _batch_id in {_ids(stopped)} and verdict_before is null and not _deleted and not exists"
        " (select 1 from decided d where d._batch_id = b._batch_id and d._row_no = b._row_no)"
    )
    state.connection.execute(
        f"update decided set verdict = 'quarantined', rules = list_append(rules, {literal(STOPPED)}),"
        f" readings = list_append(readings, null) where _batch_id in {_ids(stopped)} and verdict_before is null"
        " and verdict <> 'duplicate'"
    )
    _name_without_key(state, record)


def _compare(state: GateState, stopped: set[str]) -> None:
    """Adds `is_unchanged` to `decided`: the row was judged before and nothing else has come of it now."""
    still = f" or _batch_id in {_ids(stopped)}" if stopped else ""
    state.connection.execute(
        "create or replace table decided as select *, verdict_before is not null and ((verdict = verdict_before"
        f" and (verdict = 'held' or rules = rules_before)) or (list_contains(rules_before, {literal(STOPPED)}) and (false{still})))"
        " as is_unchanged from decided"
    )


def _mostly_bad(state: GateState) -> set[str]:
    rows = state.connection.execute(
        "select _batch_id, count(*) from decided where verdict = 'quarantined'"
        f" and (verdict_before is null or list_contains(rules_before, {literal(STOPPED)})) group by all"
    ).fetchall()
    limit, share = state.settings.mostly_bad_min_rows, state.settings.mostly_bad_share
    return {batch_id for batch_id, bad in rows if (landed := state.register.batch(batch_id).rows) >= limit and bad > share * landed}
