"""Reconciliation with the source itself: what no window can see.

A commit later than the lookback, a clock set back and a hard delete leave no trace in any window. Nightly the source's keys and cursor
values are compared with what has landed: missing or differing rows are fetched again, vanished ones get a tombstone. An update that
forgets its cursor leaves no trace even there: weekly a hash of every row is compared with the one before, and every row not seen with
the same hash is fetched again (the first time all of them: that is the baseline).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import Feed, RecordDecl
from linli.landing.batches import Part, Reading, aside_folder, check_count, land_together, link, partition
from linli.landing.batchfile import read_footer, write
from linli.landing.readings import land_reading
from linli.privacy import KeyRing, protect
from linli.register import Register, Run
from linli.settings import Settings

HASH_PURPOSE = "row-hash"

_STALE = """select source.* from source left join landed using (k)
    where landed.k is null or landed.gone or source.c is distinct from landed.c"""
_GONE = "select landed.* from landed where not gone and not exists (select 1 from source where source.k = landed.k)"


class Source(Protocol):
    """A source that can be asked for keys, for rows by key, and for hashes of rows."""

    def keys(self, feed: Feed) -> AbstractContextManager[Reading]: ...

    def fetch_keys(self, feed: Feed, keys: pa.Table | None) -> AbstractContextManager[Reading]: ...

    def row_hashes(self, feed: Feed, salt: str) -> AbstractContextManager[Reading]: ...


@dataclass(frozen=True)
class Reconciliation:
    """What one reconciliation of a record found: keys at the source, rows fetched again, rows found deleted."""

    record: str
    keys: int
    refetched: int
    deleted: int


@dataclass(frozen=True)
class _Span:
    start: dt.datetime | None
    end: dt.datetime


def reconcile(settings: Settings, register: Register, source: Source, feed: Feed, run: Run, *, ring: KeyRing) -> Reconciliation:
    """Compares the keys and cursor values of `feed` with what has landed, and lands what differs: a 'refetch' and a 'tombstone' batch."""
    record = feed.root
    with source.keys(feed) as reading:
        taken_at = reading.snapshot_at
        asked = _AsAsked(record, ring)
        rows = asked.protected(reading.tables[record.name])
        cursor = _cursor(record, rows.schema.names)
        path, count = _keep(settings, record, run, "keys", reading, rows, {})
    with _compared(settings, register, record, taken_at, path, cursor) as db:
        stale = _keys_of(db, record, _STALE)
        gone = _keys_of(db, record, _GONE)
    refetched = _refetch(settings, register, source, feed, run, ring, asked.keys(stale), taken_at) if stale.num_rows else 0
    if gone.num_rows:
        _bury(settings, register, record, run, gone, taken_at)
    return Reconciliation(record.full_name, count, refetched, gone.num_rows)


def compare_hashes(settings: Settings, register: Register, source: Source, feed: Feed, run: Run, *, ring: KeyRing) -> Reconciliation:
    """Fetches every row again that the last hash snapshot did not hold with the same hash; without one, or under a new key, all rows."""
    record = feed.root
    salt = ring.salt(HASH_PURPOSE)
    before = _latest_hashes(settings, record, ring.active)
    with source.row_hashes(feed, salt) as reading:
        taken_at = reading.snapshot_at
        asked = _AsAsked(record, ring)
        rows = asked.protected(reading.tables[record.name])
        path, count = _keep(settings, record, run, "hash", reading, rows, {"key_no": ring.active}, publish=False)
    try:
        if before is None:
            changed: pa.Table | None = None
        else:
            with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory_limit}) as db:
                keys = ", ".join(map(_q, record.key))
                differing = db.sql(
                    f"select {keys} from read_parquet(?) n anti join read_parquet(?) o using ({keys}, row_hash)",
                    params=[str(path), str(before)],
                ).to_arrow_table()
            changed = asked.keys(differing)
        refetched = 0
        if changed is None or changed.num_rows:
            refetched = _refetch(settings, register, source, feed, run, ring, changed, taken_at)
        # Only now: a snapshot that stands says that everything it differed in has been fetched.
        link(path, _snapshot_place(settings, record, run, "hash", taken_at))
    finally:
        path.unlink(missing_ok=True)
    return Reconciliation(record.full_name, count, refetched, 0)


class _AsAsked:
    """The keys of a reading as they land, and as the source knows them: one with a phone number in it lands otherwise."""

    def __init__(self, record: RecordDecl, ring: KeyRing) -> None:
        self._record, self._ring = record, ring
        self._given: dict[str, str] = {}

    def protected(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """`rows` as they may land."""
        return pa.RecordBatchReader.from_batches(rows.schema, (self._protected(batch) for batch in rows))

    def _protected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        [safe] = protect(pa.Table.from_batches([batch]), self._record, self._ring).read_all().combine_chunks().to_batches() or [batch]
        for name in self._record.key:
            before, after = batch.column(name), safe.column(name)
            if pa.types.is_string(before.type) and after is not before:
                differs = pc.not_equal(before, after)
                self._given |= zip(after.filter(differs).to_pylist(), before.filter(differs).to_pylist(), strict=True)
        return safe

    def keys(self, landed: pa.Table) -> pa.Table:
        """Keys to ask the source for."""
        if not self._given:
            return landed
        columns = [
            pa.array([self._given.get(value, value) for value in column.to_pylist()], column.type)
            if pa.types.is_string(column.type)
            else column
            for column in landed.columns
        ]
        return pa.table(columns, schema=landed.schema)


def _refetch(
    settings: Settings,
    register: Register,
    source: Source,
    feed: Feed,
    run: Run,
    ring: KeyRing,
    keys: pa.Table | None,
    taken_at: dt.datetime,
) -> int:
    wanted = None if keys is None else keys.select(list(feed.root.key))
    with source.fetch_keys(feed, wanted) as reading:
        batches = land_reading(settings, register, feed, reading, ring=ring, window=_Span(None, taken_at), run=run, kind="refetch")
    return sum(batch.rows for batch in batches)


def _bury(settings: Settings, register: Register, record: RecordDecl, run: Run, gone: pa.Table, taken_at: dt.datetime) -> None:
    schema = pa.schema([*record.declared_schema(), ("_deleted", pa.bool_())])
    filled = {name: gone.column(name) for name in record.key} | {"_deleted": pa.repeat(True, gone.num_rows)}
    columns = [filled[c.name].cast(c.type) if c.name in filled else pa.nulls(gone.num_rows, c.type) for c in schema]
    part = Part(record, pa.table(columns, schema=schema), gone.num_rows)
    land_together(settings, register, [part], kind="tombstone", window=_Span(None, taken_at), snapshot_at=taken_at, run=run)


@contextmanager
def _compared(
    settings: Settings, register: Register, record: RecordDecl, taken_at: dt.datetime, keys: Path, cursor: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with `source` (k, c) as just read and `landed` (k, c, gone): per key the newest version, if not younger than the reading."""
    key = f"struct_pack({', '.join(f'{_q(name)} := {_q(name)}' for name in record.key)})"
    files = [str(settings.home / b.path) for b in register.batches(source=record.source, record=record.name) if b.rows]
    with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory_limit}) as db:
        db.execute(f"create temp table everything as select {key} as k, {_q(cursor)} as c from read_parquet(?)", [str(keys)])
        if files:
            db.execute(
                f"""create temp table versions as
                select {key} as k, max(_snapshot_at) as landed_at,
                  arg_max({{'c': {_q(cursor)}, 'gone': _deleted}}, (_snapshot_at, _batch_id, _row_no)) as v
                from read_parquet(?, hive_partitioning = false) group by 1""",
                [files],
            )
        else:
            db.execute("create temp table versions as select k, c as landed_at, {'c': c, 'gone': false} as v from everything limit 0")
        db.execute("set variable taken_at = ?::timestamptz", [taken_at])
        db.execute(
            """create temp view landed as select k, v.c as c, v.gone as gone from versions where landed_at <= getvariable('taken_at')"""
        )
        # What landed while the keys were read is newer than they are: nothing can be said about it.
        db.execute(
            """create temp view source as select e.* from everything e
            where not exists (select 1 from versions v where v.k = e.k and v.landed_at > getvariable('taken_at'))"""
        )
        yield db


def _keys_of(db: duckdb.DuckDBPyConnection, record: RecordDecl, sql: str) -> pa.Table:
    keys = ", ".join(f"k.{_q(name)} as {_q(name)}" for name in record.key)
    return db.sql(f"select {keys} from ({sql})").to_arrow_table()


def _keep(
    settings: Settings,
    record: RecordDecl,
    run: Run,
    kind: str,
    reading: Reading,
    rows: pa.RecordBatchReader,
    said: Mapping[str, Any],
    *,
    publish: bool = True,
) -> tuple[Path, int]:
    """Writes a key or hash snapshot beside the batches; it is no batch, the gate never sees it. Raises LandingError when a key snapshot
    holds another number of rows than the source counted: what it leaves out would be taken for deleted."""
    footer = {
        "kind": kind,
        "source": record.source,
        "record": record.name,
        "snapshot_at": reading.snapshot_at.isoformat(),
        **said,
    }
    aside, count = write(aside_folder(settings), rows.schema, _batches(rows), footer)
    if not publish:
        return aside, count
    place = _snapshot_place(settings, record, run, kind, reading.snapshot_at)
    try:
        check_count(record, count, reading.expected_rows.get(record.name))
        link(aside, place)
    finally:
        aside.unlink()
    return place, count


def _batches(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    yield from rows


def _snapshot_place(settings: Settings, record: RecordDecl, run: Run, kind: str, taken_at: dt.datetime) -> Path:
    return partition(settings, record, run) / f"{kind}-{record.table}-{taken_at.astimezone(dt.UTC):%Y%m%dT%H%M%S%f}.parquet"


def _latest_hashes(settings: Settings, record: RecordDecl, key_no: int) -> Path | None:
    found = sorted((settings.lake / record.source / record.name).glob("dt=*/hash-*.parquet"), key=lambda path: path.name)
    if not found:
        return None
    said = read_footer(found[-1])
    return found[-1] if said and said["key_no"] == key_no else None


def _cursor(record: RecordDecl, names: list[str]) -> str:
    """The one column of a key snapshot that is not key, or the key itself where it is the cursor."""
    others = [name for name in names if name not in record.key]
    return others[0] if others else record.key[0]


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
