"""A release into PostgreSQL, and the switch.

The release is loaded into schemas aside, table by table, `published_at` last; nobody reads there. Then, in one transaction: every table
of the old release is locked, the old schemas go, the new ones take their names. A reader's transaction that has read one of the old
tables holds the switch up until it ends, so it sees one release from its first to its last query; one that comes while the switch is on
waits for milliseconds and finds the new release. Old and new tables are never both within reach.

The switch gives way: it waits for each lock less long than it takes PostgreSQL to look for a deadlock, lets go of everything, and tries
again. Whatever is killed leaves the old release; what lies aside is removed by the next call.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import duckdb
import psycopg
from psycopg import sql

from linli.serving.access import READER, TEAM, Table
from linli.serving.database import Database, NotPermitted, ServingRefused, Session
from linli.serving.descriptions import Description
from linli.serving.load import load
from linli.settings import SERVING_SETTING as VARIABLE

PATIENCE_SECONDS = 600.0
"""how long the switch is tried while somebody reads"""
_LAST = "published_at"
_ASIDE = "linli_next_"
_MARK = "Linli release "
"""begins the comment of a schema that is ours; the version follows"""
_ONE_AT_A_TIME = "select pg_advisory_lock(hashtextextended('linli serve', 0))"
_WAIT_MS = 30_000
"""for the lock against another publication, and for what a killed one has left to end"""
_SWITCH_WAIT = """select set_config('lock_timeout', least(500, setting::int / 2)::text, true)
    from pg_settings where name = 'deadlock_timeout'"""
_TRIED_AGAIN_SECONDS = 1.0
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


class AlreadyServing(ServingRefused):
    """Another publication into the same database is under way."""


class NewerServed(ServingRefused):
    """The database holds a newer release."""


class StillRead(ServingRefused):
    """Somebody has read the old release for so long without an end that the new one could not be switched in."""


@dataclass(frozen=True)
class Served:
    """What the database holds now. `is_new` is false when it held this release already; `lost_views` are views of others that stood on
    tables of the old release and went with it."""

    version: str
    tables: int
    rows: int
    is_new: bool = True
    lost_views: Sequence[str] = field(default_factory=tuple)


def serve(
    url: str,
    con: duckdb.DuckDBPyConnection,
    tables: Sequence[Table],
    descriptions: Mapping[str, Description],
    *,
    again: bool = False,
    patience_seconds: float = PATIENCE_SECONDS,
    progress: Callable[[str, int, int], None],
) -> Served:
    """Publishes these tables of the release open in `con` into the database at `url`, described by name; does nothing when it holds that
    version already, unless `again`.

    Raises ServingUnavailable (trying again may help), NotPermitted, AlreadyServing, NewerServed, StillRead, ServingRefused.
    """
    version = str(con.execute("select any_value(version) from main.published_at").fetchall()[0][0])
    # the last table is the one that says what has been published
    ordered = sorted(tables, key=lambda table: (table.name == _LAST, table.schema, table.name))
    schemas = sorted({table.schema for table in tables})
    database = Database(url)
    with database.session() as session, _alone(session):
        _check_place(session, schemas)
        there = _version(session, schemas)
        if there == version and not again:
            return Served(version, len(tables), 0, is_new=False)
        if there is not None and there > version and not again:
            raise NewerServed(f"数据库里已是更新的一版（{there}），没有换成较旧的（{version}）；确实要换，请加 --again")
        _make_roles(session)
        _clear(session)
        try:
            for schema in schemas:
                _create_schema(session, schema, version)
            rows = 0
            with database.wire() as wire:
                for done, table in enumerate(ordered):
                    progress(f"写入 {table.schema}.{table.name}", done, len(ordered))
                    about = descriptions.get(table.name, Description())
                    rows += load(session, wire, con, table, _ASIDE + table.schema, about)
            progress("切换", len(ordered), len(ordered))
            lost = _switch(session, schemas, patience_seconds)
        except Exception:
            with suppress(psycopg.Error):
                _clear(session)
            raise
    return Served(version, len(tables), rows, lost_views=lost)


def standing(url: str, schemas: Sequence[str]) -> str | None:
    """The version the database holds, None before the first. Nothing is changed.

    Raises what a publication into these schemas would be refused with: ServingUnavailable, NotPermitted, ServingRefused.
    """
    with Database(url).session() as session:
        _check_place(session, schemas)
        missing = _missing_roles(session)
        if missing and not _answer(session, "select rolcreaterole or rolsuper from pg_roles where rolname = current_user"):
            raise _roles_needed(missing)
        return _version(session, schemas)


def _check_place(session: Session, schemas: Sequence[str]) -> None:
    """Raises NotPermitted where no schema can be made, ServingRefused where one of these names is somebody else's: it would be dropped."""
    if not _answer(session, "select has_database_privilege(current_database(), 'create')"):
        database, user = _row(session, "select quote_ident(current_database()), quote_ident(current_user)")
        raise NotPermitted(f"{VARIABLE}：账号不能在库里建模式，请数据库管理员运行：grant create on database {database} to {user};")
    found = session.execute(
        "select nspname from pg_namespace where nspname = any(%s)"
        " and (coalesce(obj_description(oid, 'pg_namespace'), '') not like %s or not pg_has_role(nspowner, 'usage')) order by 1",
        [list(schemas), f"{_MARK}%"],
    ).fetchall()
    if found:
        named = "、".join(str(name) for (name,) in found)
        raise ServingRefused(f"{VARIABLE}：库里已有不是由这个账号发布的模式 {named}，不会覆盖；请给邻里单独建一个库")


def _version(session: Session, schemas: Sequence[str]) -> str | None:
    """The version of which every schema is there; None when there is none."""
    found = session.execute(
        "select distinct substr(obj_description(oid, 'pg_namespace'), %s), count(*) over () from pg_namespace where nspname = any(%s)",
        [len(_MARK) + 1, list(schemas)],
    ).fetchall()
    return str(found[0][0]) if len(found) == 1 and found[0][1] == len(schemas) else None


def _missing_roles(session: Session) -> list[str]:
    there = {str(name) for (name,) in session.execute("select rolname from pg_roles where rolname = any(%s)", [[TEAM, READER]]).fetchall()}
    return [role for role in (TEAM, READER) if role not in there]


def _make_roles(session: Session) -> None:
    missing = _missing_roles(session)
    try:
        for role in missing:
            session.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
    except psycopg.errors.InsufficientPrivilege:
        raise _roles_needed(missing) from None


def _roles_needed(missing: Sequence[str]) -> NotPermitted:
    statements = " ".join(f"create role {role} nologin;" for role in missing)
    return NotPermitted(f"{VARIABLE}：缺少角色 {'、'.join(missing)}，账号也无权建立，请数据库管理员运行：{statements}")


@contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Against another publication, until the session ends."""
    session.execute(f"set lock_timeout = {_WAIT_MS}")
    try:
        session.execute(_ONE_AT_A_TIME)
    except psycopg.errors.LockNotAvailable:
        raise AlreadyServing(f"{VARIABLE}：另一次发布正在进行，等它结束后再试") from None
    yield


def _clear(session: Session) -> None:
    """Removes what an earlier publication has left aside."""
    left = session.execute("select nspname from pg_namespace where starts_with(nspname, %s)", [_ASIDE]).fetchall()
    for (name,) in left:
        session.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(str(name))))


def _create_schema(session: Session, schema: str, version: str) -> None:
    aside = sql.Identifier(_ASIDE + schema)
    session.execute(sql.SQL("create schema {}").format(aside))
    session.execute(sql.SQL("comment on schema {} is {}").format(aside, sql.Literal(_MARK + version)))
    session.execute(sql.SQL("grant usage on schema {} to {}, {}").format(aside, sql.Identifier(TEAM), sql.Identifier(READER)))


def _switch(session: Session, schemas: Sequence[str], patience_seconds: float) -> tuple[str, ...]:
    """Puts the schemas aside in the place of the old ones, as soon as nobody is in the middle of reading these; returns `lost_views`."""
    until = time.monotonic() + patience_seconds
    while True:
        try:
            with session.transaction():
                session.execute(_SWITCH_WAIT)
                return _replace(session, schemas)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if time.monotonic() >= until:
                raise StillRead(
                    f"{patience_seconds:,.0f} 秒内一直有人在读旧的一版，没有切换；旧的一版照常可用。多半是有人查询后没有结束事务："
                    f"用 {_BLOCKERS} 查出它，结束后重新运行"
                ) from None
            # not in step with those who come back every second
            time.sleep(_TRIED_AGAIN_SECONDS * (0.5 + random.random()))


def _replace(session: Session, schemas: Sequence[str]) -> tuple[str, ...]:
    old = session.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = any(%s) and c.relkind = 'r' order by c.oid",
        [list(schemas)],
    ).fetchall()
    if old:
        named = sql.SQL(", ").join(sql.Identifier(str(schema), str(name)) for schema, name in old)
        session.execute(sql.SQL("lock table {} in access exclusive mode").format(named))
    lost = session.execute(_DEPENDENT_VIEWS, {"schemas": list(schemas)}).fetchall()
    for schema in schemas:
        session.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
        session.execute(sql.SQL("alter schema {} rename to {}").format(sql.Identifier(_ASIDE + schema), sql.Identifier(schema)))
    return tuple(str(name) for (name,) in lost)


def _row(session: Session, query: str) -> tuple[object, ...]:
    return session.execute(sql.SQL(query)).fetchall()[0]


def _answer(session: Session, query: str) -> object:
    return _row(session, query)[0]
