"""The switch from one release to the next, in one transaction, whatever else is being read.

Where the tables are the same but for their rows, which they are but after an upgrade, only rows change places: months that read otherwise
are deleted and inserted anew. PostgreSQL's own snapshots then do the rest: nobody waits, a query sees one release and a REPEATABLE READ
transaction goes on seeing its own, views and grants of others stay.

Where tables have changed, the old schemas go and the new ones take their names. Names are found anew by every query, so the two must never
both be within reach: every old table is locked first. A transaction that has read one of them holds the switch up until it ends; one that
comes meanwhile waits for a moment and finds the new release. A snapshot older than the rows would find the new tables empty, so the switch
waits as well until every transaction is over that was open when the last rows were in. It gives way to readers: it waits for its locks less
long than it takes PostgreSQL to look for a deadlock, lets go of everything, and tries again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import psycopg
from psycopg import sql

from linli.serving.access import Table
from linli.serving.database import ServingRefused, Session

ASIDE = "linli_next_"
"""begins the names of the schemas a release is loaded into"""
PATIENCE_SECONDS = 600.0
"""how long tables that have changed are tried to be switched while somebody reads"""
_TRIED_AGAIN_SECONDS = 1.0
_WAIT = """select set_config(which, least(250, setting::int / 4)::text, true)
    from pg_settings, unnest(array['lock_timeout', 'statement_timeout']) as which where name = 'deadlock_timeout'"""
"""for all locks together, then for one of a view that goes: half of what makes PostgreSQL look for a deadlock and end a reader's query"""
_PARTS = "select {month} as month, count(*) as n, sum(hashtextextended(r::text, 0)::numeric) as rows from {table} r group by 1"
_CHANGED = f"""select coalesce(o.month, n.month) from ({_PARTS.replace("table", "old")}) o full join ({_PARTS.replace("table", "new")}) n
    on o.month = n.month where (o.n, o.rows) is distinct from (n.n, n.rows)"""
_MONTH = "coalesce(r.month, date '0001-01-01')"
_NO_MONTH = "date '0001-01-01'"
_OPEN_TRANSACTIONS = """select virtualxid from pg_locks join pg_stat_activity using (pid)
    where locktype = 'virtualxid' and granted and usesysid is not null and pid <> pg_backend_pid()
    and datname = current_database()"""
_DEPENDENT_VIEWS = """
    with recursive dependent as (
        select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any(%(schemas)s)
        union
        select r.ev_class from dependent
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = dependent.oid and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite r on r.oid = d.objid)
    select n.nspname || '.' || c.relname from dependent join pg_class c on c.oid = dependent.oid
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm') and n.nspname <> all(%(schemas)s) order by 1"""
_BLOCKERS = "select pid, usename, state, xact_start from pg_stat_activity where xact_start is not null order by xact_start"


class StillRead(ServingRefused):
    """Somebody has read tables that have to be made anew for so long without an end that they could not be."""


def switch(session: Session, tables: Sequence[Table], mark: str, *, is_same_shape: bool) -> tuple[str, ...]:
    """Puts the tables that lie aside in the place of the published ones and marks their schemas. Returns the views of others that went
    with old tables. Raises StillRead."""
    if is_same_shape:
        changed = _move_rows(session, tables, mark)
        for table in changed:
            session.execute(sql.SQL("vacuum (analyze, truncate false) {}").format(sql.Identifier(table.schema, table.name)))
        return ()
    return _move_schemas(session, sorted({table.schema for table in tables}), mark)


def _move_rows(session: Session, tables: Sequence[Table], mark: str) -> list[Table]:
    """The switch of rows; returns the tables in which some have changed."""
    changed = []
    with session.transaction():
        for table in tables:
            old, new = sql.Identifier(table.schema, table.name), sql.Identifier(ASIDE + table.schema, table.name)
            month = sql.SQL(_MONTH if ("month", "DATE") in table.columns else _NO_MONTH)
            months = [m for (m,) in session.execute(sql.SQL(_CHANGED).format(month=month, old=old, new=new)).fetchall()]
            if months:
                where = sql.SQL("{} = any({})").format(month, sql.Literal(months))
                session.execute(sql.SQL("delete from {} r where {}").format(old, where))
                session.execute(sql.SQL("insert into {} select * from {} r where {}").format(old, new, where))
                changed.append(table)
        _mark(session, sorted({table.schema for table in tables}), mark)
    return changed


def _mark(session: Session, schemas: Sequence[str], mark: str) -> None:
    for schema in schemas:
        session.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(schema), sql.Literal(mark)))


def _move_schemas(session: Session, schemas: Sequence[str], mark: str) -> tuple[str, ...]:
    """The switch of tables, as soon as nobody is in the middle of reading the old ones."""
    until = time.monotonic() + PATIENCE_SECONDS
    older = _open_transactions(session)
    while True:
        older &= _open_transactions(session)
        lost = None if older else _replace(session, schemas, mark)
        if lost is not None:
            return lost
        if time.monotonic() >= until:
            raise StillRead(
                f"表的结构有变，须整体更换，而 {PATIENCE_SECONDS:,.0f} 秒内一直有人在读，没有切换；旧的一版照常可用。"
                f"多半是有人查询后没有结束事务：用 {_BLOCKERS} 查出它，结束后重新运行"
            )
        # not in step with those who come back every second
        time.sleep(_TRIED_AGAIN_SECONDS * (0.5 + random.random()))


def _open_transactions(session: Session) -> set[object]:
    return {transaction for (transaction,) in session.execute(_OPEN_TRANSACTIONS).fetchall()}


def _replace(session: Session, schemas: Sequence[str], mark: str) -> tuple[str, ...] | None:
    """The switch of tables, tried once; None when somebody was reading and nothing has changed."""
    try:
        with session.transaction():
            session.execute(_WAIT)
            _lock(session, schemas)
            session.execute("set local statement_timeout = 0")
            lost = session.execute(_DEPENDENT_VIEWS, {"schemas": list(schemas)}).fetchall()
            for schema in schemas:
                aside = sql.Identifier(ASIDE + schema)
                session.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
                session.execute(sql.SQL("alter schema {} rename to {}").format(aside, sql.Identifier(schema)))
            _mark(session, schemas, mark)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected):
        return None
    return tuple(str(name) for (name,) in lost)


def _lock(session: Session, schemas: Sequence[str]) -> None:
    """Locks every table of the old release against everybody."""
    old = session.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = any(%s) and c.relkind = 'r' order by c.oid",
        [list(schemas)],
    ).fetchall()
    if old:
        named = sql.SQL(", ").join(sql.Identifier(str(schema), str(name)) for schema, name in old)
        session.execute(sql.SQL("lock table {} in access exclusive mode").format(named))
