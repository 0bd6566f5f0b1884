"""PostgreSQL and what speaks its wire (Kingbase, openGauss), by ADBC: COPY straight into Arrow, one short read-only snapshot a feed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeAlias

import adbc_driver_manager as adbc
import adbc_driver_postgresql as driver
import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import Column, Feed, RecordDecl
from linli.sources.base import Reading, SourceContractBroken, SourceUnavailable, Window, check_table, cursor_column, key_columns
from linli.sources.streams import ReadAhead, conformed

STATEMENT_TIMEOUT_MS = 1_800_000
LOCAL_ZONE = "Asia/Shanghai"
KEYS_AT_ONCE = 20_000
PATIENCE = {"connect_timeout": 10, "keepalives_idle": 60, "tcp_user_timeout": 120_000}
"""libpq's own parameters (seconds, seconds, milliseconds), where the address gives none: a server that is silent is down"""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BATCH_BYTES = 24 << 20
"""of one Arrow batch: what is done once a batch (queries on its texts, waiting for the interpreter) is then done seldom"""

_ONE_WORKER = """select set_config(name, '0', true) as only from pg_settings where name = 'max_parallel_workers_per_gather'"""
"""more workers count no sooner while the last rows are landed, and take the processor from that; openGauss has no such setting"""

_TIME_LIMIT = f"""select set_config(name, case when setting::bigint between 1 and {STATEMENT_TIMEOUT_MS} then setting
    else '{STATEMENT_TIMEOUT_MS}' end, true) from pg_settings where name = 'statement_timeout'"""
"""a stricter limit of the account's own stays"""

# Which PostgreSQL types may stand behind a declared type, and how the column is asked for. What ADBC does not hand over as it is
# (padded char, infinity, which it wraps to the year 290279 BC) is settled here where whole batches can be, else in the source: an
# expression costs the server as much as sending the column.
_TEXT = {
    "text": "{c}",
    "varchar": "{c}",
    "bpchar": "{c}",
    "name": "{c}::text",
    "uuid": "{c}::text",
    "citext": "{c}::text",
}
_INSTANT = {
    "timestamptz": "{c}",
    "timestamp": f"{{c}} at time zone '{LOCAL_ZONE}'",
}
_SELECT: dict[str, dict[str, str]] = {
    "string": _TEXT,
    "int16": {"int2": "{c}"},
    "int32": {"int2": "{c}", "int4": "{c}"},
    "int64": {"int2": "{c}", "int4": "{c}", "int8": "{c}"},
    "bool": {"bool": "{c}"},
    "date": {"date": "case when isfinite({c}) then {c} end"},
    "timestamp": _INSTANT,
    "list<string>": {"_text": "{c}", "_varchar": "{c}::text[]", "_bpchar": "{c}::text[]"},
}


_Batches: TypeAlias = Generator[pa.RecordBatch, None, None] | ReadAhead


class PostgresSource:
    """One database at a postgresql:// address; nothing in it is ever changed."""

    def __init__(self, url: str) -> None:
        given = [f"{name}={value}" for name, value in PATIENCE.items() if f"{name}=" not in url]
        self._url = "&".join([url if "?" in url else f"{url}?", *given]).replace("?&", "?", 1)

    def readings(self, feed: Feed, window: Window, *, seen: Callable[[str], bool]) -> Iterator[Reading]:
        """One reading: the rows whose cursor lies in `window`, and those whose cursor is null or infinite, which no window holds."""
        record = feed.root
        with self._snapshot(record) as snapshot:
            yield snapshot.reading(_within(record, window))

    @contextmanager
    def keys(self, feed: Feed) -> Iterator[Reading]:
        """Every key with its cursor value, in one snapshot."""
        with self._snapshot(feed.root) as snapshot:
            yield snapshot.reading("true", key_columns(feed.root))

    @contextmanager
    def fetch_keys(self, feed: Feed, keys: pa.Table | None) -> Iterator[Reading]:
        """The rows of these keys (None: all rows) as they are now."""
        with self._snapshot(feed.root) as snapshot:
            yield snapshot.reading("true") if keys is None else snapshot.reading_of_keys(keys)

    @contextmanager
    def row_hashes(self, feed: Feed, salt: str) -> Iterator[Reading]:
        """Every key with the md5 of salt and row; the salt keeps the hash from being guessed back to personal values."""
        with self._snapshot(feed.root) as snapshot:
            yield snapshot.hashes(salt)

    @contextmanager
    def _snapshot(self, record: RecordDecl) -> Iterator[_Snapshot]:
        with _told(record.full_name):
            database = driver.connect(self._url)
        try:
            with _told(record.full_name):
                connection = adbc.AdbcConnection(database)
            try:
                snapshot = _Snapshot(connection, record)
                try:
                    yield snapshot
                finally:
                    snapshot.close()
            finally:
                connection.close()
        finally:
            database.close()


class _Snapshot:
    """One REPEATABLE READ, READ ONLY transaction: its count and its rows agree. It ends with the connection."""

    def __init__(self, connection: adbc.AdbcConnection, record: RecordDecl) -> None:
        self._connection, self._record = connection, record
        self._name = record.full_name
        self._open: list[_Batches] = []
        self._run("begin isolation level repeatable read read only")
        self._run(f"set local timezone = '{LOCAL_ZONE}'")
        relation = ".".join(_q(part) for part in str(record.extract.relation).split("."))
        # The first query fixes the snapshot; the clock is read in it, and how long the ones after it may take is settled.
        asked = self._run(
            f"""select clock_timestamp() as at, timestamptz 'infinity' as endless, timestamptz '-infinity' as beginless,
                a.attname::text as name, t.typname::text as type, ({_TIME_LIMIT}) as time_limit
            from (select to_regclass({_literal(relation)}) as relation) r
            left join pg_attribute a on a.attrelid = r.relation and a.attnum > 0 and not a.attisdropped
            left join pg_type t on t.oid = a.atttypid order by a.attnum"""
        )
        # as microseconds: Arrow imports pandas to make an instant of Python's, which can wait until the server has something to do
        self.taken_at = _EPOCH + dt.timedelta(microseconds=asked.column("at")[0].cast(pa.int64()).as_py())
        self._infinite = asked.column("endless")[0], asked.column("beginless")[0]
        self._relation = relation
        self._types = {n: t for n, t in zip(asked.column("name").to_pylist(), asked.column("type").to_pylist(), strict=True) if n}
        check_table(self._record, self._types, _SELECT)

    def close(self) -> None:
        """Ends what is still being read; the connection cannot close before."""
        for stream in self._open:
            stream.close()

    def reading(self, condition: str, columns: list[str] | None = None) -> Reading:
        """Rows that meet `condition`, read and then counted in this snapshot: the last rows are landed meanwhile."""
        chosen = [column for column in self._record.columns if columns is None or column.name in columns]
        counted: Future[int] = Future()

        def rows() -> Generator[pa.RecordBatch, None, None]:
            yield from self._stream(f"select {', '.join(map(self._selected, chosen))} from {self._relation} t where {condition}")
            self._run(_ONE_WORKER)
            answer = self._run(f"select count(*) as n from {self._relation} t where {condition}")
            counted.set_result(answer.column("n")[0].as_py())

        ahead = ReadAhead(rows())
        reading = self._wrap(ahead, chosen, counted)
        ahead.start()
        return reading

    def reading_of_keys(self, keys: pa.Table) -> Reading:
        """Rows of `keys`, asked for in portions."""
        chosen = list(self._record.columns)
        select = f"select {', '.join(map(self._selected, chosen))} from {self._relation} t"
        sources = [self._record.column(name).at_source for name in self._record.key]
        target = ", ".join(f"t.{_q(name)}" for name in sources)

        def portions() -> Generator[pa.RecordBatch, None, None]:
            for first in range(0, keys.num_rows, KEYS_AT_ONCE):
                part = keys.slice(first, KEYS_AT_ONCE)
                arrays = [
                    f"{_array_literal(part.column(key))}::{_q(self._types[name])}[]"
                    for key, name in zip(self._record.key, sources, strict=True)
                ]
                yield from self._stream(f"{select} where ({target}) in (select * from unnest({', '.join(arrays)}))")

        return self._wrap(portions(), chosen, None)

    def hashes(self, salt: str) -> Reading:
        """Keys with row_hash."""
        chosen = [self._record.column(name) for name in self._record.key]
        row = ", ".join(f"t.{_q(column.at_source)}" for column in self._record.columns)
        sql = f"""select {", ".join(map(self._selected, chosen))}, md5({_literal(salt)} || row({row})::text) as row_hash
            from {self._relation} t"""
        schema = pa.schema([*((c.name, c.arrow_type) for c in chosen), ("row_hash", pa.string())])
        return Reading(self.taken_at, {self._record.name: self._reader(schema, self._stream(sql))})

    def _reader(self, schema: pa.Schema, batches: _Batches) -> pa.RecordBatchReader:
        self._open.append(batches)
        padded = {column.name for column in self._record.columns if self._types[column.at_source] == "bpchar"}
        return pa.RecordBatchReader.from_batches(schema, (conformed(self._settled(batch, padded), schema) for batch in batches))

    def _settled(self, batch: pa.RecordBatch, padded: set[str]) -> pa.RecordBatch:
        """`batch` without what char pads its values with, and with null for what the driver makes of infinity."""
        columns = []
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if name in padded:
                values = pc.utf8_rtrim(values, " ")
            elif pa.types.is_timestamp(values.type):
                endless, beginless = (pc.equal(values, edge) for edge in self._infinite)
                infinite = pc.or_(endless, beginless)
                values = pc.if_else(infinite, None, values) if pc.any(infinite).as_py() else values
            columns.append(values)
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _wrap(self, batches: _Batches, columns: list[Column], counted: Future[int] | None) -> Reading:
        schema = pa.schema([(column.name, column.arrow_type) for column in columns])
        reader = self._reader(schema, batches)
        new = sorted(set(self._types) - {column.at_source for column in self._record.columns})
        return Reading(self.taken_at, {self._record.name: reader}, {self._record.name: counted}, {self._record.name: new})

    def _selected(self, column: Column) -> str:
        form = _SELECT[column.type][self._types[column.at_source]]
        return f"{form.format(c='t.' + _q(column.at_source))} as {_q(column.name)}"

    def _stream(self, sql: str) -> Generator[pa.RecordBatch, None, None]:
        with _told(self._name):
            statement = adbc.AdbcStatement(self._connection)
            try:
                statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
                statement.set_sql_query(sql)
                handle, _ = statement.execute_query()
                with pa.RecordBatchReader._import_from_c(handle.address) as reader:
                    yield from reader
            finally:
                statement.close()

    def _run(self, sql: str) -> pa.Table:
        with _told(self._name):
            statement = adbc.AdbcStatement(self._connection)
            try:
                statement.set_sql_query(sql)
                handle, _ = statement.execute_query()
                with pa.RecordBatchReader._import_from_c(handle.address) as reader:
                    return reader.read_all()
            finally:
                statement.close()


def _within(record: RecordDecl, window: Window) -> str:
    cursor_column(record)
    cursor = f"t.{_q(str(record.extract.cursor))}"
    bounds = [f"{cursor} < {_instant(window.end)}"]
    if window.start is not None:
        bounds.append(f"{cursor} >= {_instant(window.start)}")
    return f"(({' and '.join(bounds)}) or {cursor} is null or {cursor} = 'infinity' or {cursor} = '-infinity')"


def _instant(moment: dt.datetime) -> str:
    return f"timestamptz '{moment.isoformat()}'"


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _array_literal(values: pa.ChunkedArray) -> str:
    quoted = pc.replace_substring(pc.replace_substring(values.cast(pa.string()), "\\", "\\\\"), '"', '\\"')
    joined = pc.binary_join(pa.scalar(quoted.to_pylist(), pa.list_(pa.string())), '","').as_py()
    return _literal('{"' + joined + '"}')


# SQLSTATE classes that pass by themselves: connection, resources, operator intervention (also our own timeout), serialisation, locks.
_PASSING = ("08", "53", "57", "40", "55", "58")


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Driver errors as ours: server messages quote values and addresses, so only the SQLSTATE goes on."""
    try:
        yield
    except (adbc.Error, pa.ArrowException, OSError) as error:
        state = str(getattr(error, "sqlstate", None) or "")
        if state.startswith("28") or "authentication failed" in str(error):
            raise SourceContractBroken(f"{name}：数据库拒绝登录，请检查账号和密码") from None
        if not state or state.startswith(_PASSING):
            hint = f"SQLSTATE {state}" if state else "请检查地址、端口、账号和数据库是否在运行"
            raise SourceUnavailable(f"{name}：数据库没有应答，{hint}") from None
        raise SourceContractBroken(f"{name}：数据库拒绝查询（SQLSTATE {state}）") from None
