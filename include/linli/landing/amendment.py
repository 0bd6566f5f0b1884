"""A filled-in return slip completed into new versions of the sheets it amends.

A slip holds the bad rows only, while a newer file takes the place of the earlier ones as a whole. So the rows of the newest landed version
of each sheet, protected when they landed, are taken over: those that the slip corrects are replaced, those it withdraws are left out,
everything else stays as it is. What comes of it lands, is judged and staged like any newer file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from linli.contracts.model import OF_THE_FILE, SQL_TYPES, Feed, RecordDecl
from linli.contracts.slip import IS_WITHDRAWN, SLIP_ROW, kept, some_of
from linli.landing.batches import Part, Reading
from linli.privacy import KeyRing, protect
from linli.register import Register
from linli.settings import Settings

_META_OF_ROWS = {"_source_ref": "varchar", "_unreadable": "varchar[]", "_raw": "varchar"}


@dataclass(frozen=True)
class Amended:
    """The records of a completed slip, to be landed together, as of `snapshot_at`: later than every version they are made from."""

    parts: Sequence[Part]
    snapshot_at: dt.datetime


class _NotToBeAmended(Exception):
    """Words for whoever sent the slip."""


def amended(settings: Settings, register: Register, feed: Feed, reading: Reading, *, ring: KeyRing) -> Amended:
    """The new versions that `reading`, a filled-in slip of `feed`, makes of the newest landed ones.

    A slip of which a row is not in the newest version, or that amends a sheet of which there is none, comes out as a file refused as a
    whole: the register of files says why, and no row lands.
    """
    returns = feed.root
    entered = protect(reading.tables[returns.name], returns, ring).read_all()
    sheets = [r for r in feed.records if r is not returns and r.name in reading.tables]
    slips = {r.name: protect(reading.tables[r.name], r, ring).read_all() for r in sheets}
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.register("entered", entered)
        try:
            newest_at = _find_versions(con, settings, register, returns)
            parts = [_completed(con, settings, register, r, slips[r.name]) for r in sheets]
        except _NotToBeAmended as refusal:
            return Amended([Part(returns, _refused(entered, str(refusal)), entered.num_rows)], reading.snapshot_at)
        counts = " union all ".join(
            f"select '{r.extract.sheet}' as sheet, _parent_version, count(*)::integer as n from completed_{r.name} group by all"
            for r in sheets
        )
        counted = con.sql(
            f"select e.* replace (coalesce(c.n, 0) as row_count) from entered e left join ({counts}) c"
            " on c.sheet = e.sheet and c._parent_version = e.file_sha order by e.file_sha, e.sheet"
        ).to_arrow_table()
    later = newest_at + dt.timedelta(microseconds=1)
    return Amended([Part(returns, counted, entered.num_rows), *parts], max(reading.snapshot_at, later))


def _find_versions(con: duckdb.DuckDBPyConnection, settings: Settings, register: Register, returns: RecordDecl) -> dt.datetime:
    """Makes `versions` (`sheet, version, base_version, base_batch_id`): for each sheet the slip amends the newest version landed and not
    refused. Returns when the newest of them was received."""
    months = [month for (month,) in con.execute("select distinct month_on from entered").fetchall()]
    # a return of a month that has not begun is refused, so none about it landed before
    begun = dt.datetime.combine(min(months), dt.time(), tzinfo=dt.UTC) - dt.timedelta(days=1)
    batches = [b for b in register.batches(source=returns.source, record=returns.name) if b.interval_end > begun]
    if not batches:
        raise _NotToBeAmended("还没有收到过退回单所改的台账，请报整张台账")
    entries = register.quarantine(source=returns.source, record=returns.name, include_closed=True)
    refused = [entry.key for entry in entries if entry.closed_reason in (None, "dismissed")]
    con.register("refused", pa.table({"key": pa.array(refused, pa.string())}))
    same = " and ".join(f"r.{name} = e.{name}" for name in (*OF_THE_FILE, "sheet"))
    landed = _files([settings.home / b.path for b in batches])
    con.execute(
        f"""create table versions as
        select e.sheet, e.file_sha as version, r.file_sha as base_version, r._batch_id as base_batch_id, r._snapshot_at as base_at
        from entered e join {landed} r on {same}
        where r.problem is null and r.is_complete and not r._deleted and r.file_sha || '|' || r.sheet not in (from refused)
        qualify row_number() over (partition by e.file_sha, e.sheet order by r._snapshot_at desc, r.file_sha desc) = 1"""
    )
    without = con.execute(
        "select community_code || strftime(month_on, ' %Y年%m月') || sheet from entered e"
        " where not exists (select 1 from versions v where v.version = e.file_sha and v.sheet = e.sheet) order by all"
    ).fetchall()
    if without:
        raise _NotToBeAmended(f"没有找到退回单所改的台账：{some_of([place for (place,) in without])}；请报整张台账")
    ((newest_at,),) = con.execute("select max(base_at) from versions").fetchall()
    assert isinstance(newest_at, dt.datetime)
    return newest_at


def _completed(con: duckdb.DuckDBPyConnection, settings: Settings, register: Register, record: RecordDecl, slip: pa.Table) -> Part:
    """The rows of `record` in the new versions, also left as table `completed_<record>`."""
    bases = con.execute("select distinct base_batch_id from versions where sheet = ? order by all", [record.extract.sheet]).fetchall()
    readings = {register.batch(batch_id).file_sha for (batch_id,) in bases}
    batches = [b for b in register.batches(source=record.source, record=record.name) if b.file_sha in readings]
    con.register("slip", slip)
    _load_base(con, record, [settings.home / b.path for b in batches])
    missing = con.execute(
        f"select {SLIP_ROW} from slip s where not {IS_WITHDRAWN} and not exists"
        " (select 1 from base b where b._parent_version = s._parent_version and b._source_ref = s._source_ref)"
    ).fetchall()
    if missing:
        places = some_of([place for (place,) in missing])
        raise _NotToBeAmended(f"{places}不在最新的台账里（已有更新的文件，或原位置被改动）：请取最新的退回单重填")
    columns = ", ".join(_name(column.name) for column in record.columns)
    whole = " and ".join(f"{_name(name)} is not null" for name in record.key)
    # of rows that were given twice alike one is told of: what is done with it is done with the others
    con.execute(
        f"""create or replace table replaced as
        with named as (select b._parent_version, row({columns}) as contents, {whole} as is_whole, b._source_ref
          from base b semi join slip s on b._parent_version = s._parent_version and b._source_ref = s._source_ref)
        select b._parent_version, b._source_ref from base b
        where exists (select 1 from named n where n._parent_version = b._parent_version
          and (n._source_ref = b._source_ref or (n.is_whole and n.contents = row({columns}))))"""
    )
    corrected = ", ".join(
        f"case when s.{kept(c.name)} then b.{_name(c.name)} else s.{_name(c.name)} end"
        if kept(c.name) in slip.schema.names
        else f"s.{_name(c.name)}"
        for c in record.columns
    )
    same_row = "_parent_version = b._parent_version and {0}._source_ref = b._source_ref"
    meta = ", ".join(("_source_ref", "_parent_version", "_unreadable", "_raw"))
    con.execute(
        f"""create table completed_{record.name} as
        select {columns}, {meta} from (
          select {columns}, {meta}, _place from base b where not exists (select 1 from replaced r where r.{same_row.format("r")})
          union all
          select {corrected}, s._source_ref, s._parent_version, s._unreadable, s._raw, b._place
          from slip s join base b on s.{same_row.format("s")} where not s.{IS_WITHDRAWN})
        order by _parent_version, _place"""
    )
    ((expected,),) = con.execute(
        f"select (select count(*) from base) - (select count(*) from replaced) + (select count(*) from slip where not {IS_WITHDRAWN})"
    ).fetchall()
    table = con.sql(f"from completed_{record.name}").to_arrow_table()
    return Part(record, table, int(expected), {"amends": sorted(b.batch_id for b in batches)})


def _load_base(con: duckdb.DuckDBPyConnection, record: RecordDecl, paths: Sequence[Path]) -> None:
    """Makes `base`: the rows of the versions to be amended, under the versions that come of them, with `_place`, their order."""
    types = {column.name: SQL_TYPES[column.type] for column in record.columns} | _META_OF_ROWS
    landed = _files(paths)
    # a column declared after a batch landed is missing from its file: it is null there
    present = {row[0] for row in con.execute(f"describe select * from {landed}").fetchall()}
    columns = ", ".join(f"{'l.' + _name(name) if name in present else 'null'}::{kind} as {_name(name)}" for name, kind in types.items())
    con.execute(
        f"create or replace table base as select {columns}, v.version as _parent_version,"
        " row_number() over (order by l._batch_id, l._row_no) as _place"
        f" from {landed} l join versions v on v.base_version = l._parent_version and v.sheet = ? where not l._deleted",
        [record.extract.sheet],
    )


def _refused(entered: pa.Table, problem: str) -> pa.Table:
    """The register's rows of a slip that is not taken in."""
    values = {"row_count": 0, "problem": problem}
    for name, value in values.items():
        at = entered.schema.get_field_index(name)
        entered = entered.set_column(at, entered.schema.field(at), pa.repeat(pa.scalar(value, entered.schema.field(at).type), len(entered)))
    return entered


def _name(column: str) -> str:
    return f'"{column}"'


def _files(paths: Sequence[Path]) -> str:
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{names}], union_by_name = true)"
