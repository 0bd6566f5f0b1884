"""MySQL and MariaDB by PyMySQL: an unbuffered cursor in one consistent snapshot; values come as text or numbers and are cast by Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import Cursor, SSCursor

from linli.contracts.model import Column, Feed, RecordDecl
from linli.settings import SHANGHAI
from linli.sources.base import Reading, SourceContractBroken, SourceUnavailable, Window, check_table, cursor_column, key_columns

STATEMENT_SECONDS = 1800
KEYS_AT_ONCE = 5_000
ROWS_AT_ONCE = 20_000
LOCAL_ZONE = "Asia/Shanghai"

_WHOLE = {"tinyint", "smallint", "mediumint", "int", "year"}
_TYPES: dict[str, set[str]] = {
    "string": {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"},
    "int16": {"tinyint", "smallint", "year"},
    "int32": _WHOLE,
    "int64": {*_WHOLE, "bigint"},
    "bool": {"tinyint", "bit"},
    "date": {"date"},
    "timestamp": {"datetime", "timestamp"},
    "list<string>": set(),
}
# Times stay text: Arrow casts a column at once, PyMySQL would build an object for every value.
_KEPT_TEXT = {FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE}
_CONVERSIONS = {key: how for key, how in conversions.items() if key not in _KEPT_TEXT}
# Access denied, unknown database, column, table, command denied, syntax: asking again changes nothing.
_LASTING = {1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1227}

Connect = Callable[[], "pymysql.connections.Connection[Any]"]


class MysqlSource:
    """One database at a mysql:// address; nothing in it is ever changed."""

    def __init__(self, url: str, connect: Connect | None = None) -> None:
        self._connect = connect or (lambda: _connected(url))

    def readings(self, feed: Feed, window: Window, *, seen: Callable[[str], bool]) -> Iterator[Reading]:
        """One reading: the rows whose cursor lies in `window`, and those whose cursor is null, which no window would ever hold."""
        record = feed.root
        cursor = _q(str(record.extract.cursor))
        cursor_column(record)
        bounds, values = [f"{cursor} < %s"], [_local(window.end)]
        if window.start is not None:
            bounds.append(f"{cursor} >= %s")
            values.append(_local(window.start))
        with self._snapshot(record) as snapshot:
            yield snapshot.reading(f"(({' and '.join(bounds)}) or {cursor} is null)", values)

    @contextmanager
    def keys(self, feed: Feed) -> Iterator[Reading]:
        """Every key with its cursor value, in one snapshot."""
        with self._snapshot(feed.root) as snapshot:
            yield snapshot.reading("true", [], key_columns(feed.root))

    @contextmanager
    def fetch_keys(self, feed: Feed, keys: pa.Table | None) -> Iterator[Reading]:
        """The rows of these keys (None: all rows) as they are now."""
        with self._snapshot(feed.root) as snapshot:
            yield snapshot.reading("true", []) if keys is None else snapshot.reading_of_keys(keys)

    @contextmanager
    def row_hashes(self, feed: Feed, salt: str) -> Iterator[Reading]:
        """Every key with the md5 of salt and row; the salt keeps the hash from being guessed back to personal values."""
        with self._snapshot(feed.root) as snapshot:
            yield snapshot.hashes(salt)

    @contextmanager
    def _snapshot(self, record: RecordDecl) -> Iterator[_Snapshot]:
        with _told(record.full_name):
            connection = self._connect()
        try:
            yield _Snapshot(connection, record)
        finally:
            # Not close(): that would first read an unfinished answer to its end.
            connection._force_close()  # type: ignore[attr-defined]


class _Snapshot:
    """One REPEATABLE READ, READ ONLY transaction with a consistent snapshot. It ends with the connection."""

    def __init__(self, connection: pymysql.connections.Connection[Any], record: RecordDecl) -> None:
        self._connection, self._record = connection, record
        self._name = record.full_name
        self._relation = ".".join(_q(part) for part in str(record.extract.relation).split("."))
        with _told(self._name):
            for statement in (
                "set session transaction isolation level repeatable read",
                "start transaction with consistent snapshot, read only",
            ):
                self._ask(statement)
            self.taken_at = _instant(str(self._ask("select cast(utc_timestamp(6) as char)")[0][0]))
            schema, _, table = str(record.extract.relation).rpartition(".")
            self._types = {
                str(name): str(kind).lower()
                for name, kind in self._ask(
                    "select column_name, data_type from information_schema.columns"
                    " where table_schema = coalesce(nullif(%s, ''), database()) and table_name = %s",
                    [schema, table],
                )
            }
        check_table(self._record, self._types, _TYPES)

    def reading(self, condition: str, values: list[str], columns: list[str] | None = None) -> Reading:
        """Rows that meet `condition`, counted and read in this snapshot."""
        chosen = [column for column in self._record.columns if columns is None or column.name in columns]
        with _told(self._name):
            counted = int(self._ask(f"select count(*) from {self._relation} where {condition}", values)[0][0])
        sql = f"select {', '.join(_q(column.at_source) for column in chosen)} from {self._relation} where {condition}"
        return self._wrap(self._stream(sql, values, chosen), chosen, counted)

    def reading_of_keys(self, keys: pa.Table) -> Reading:
        """Rows of `keys`, asked for in portions."""
        chosen = list(self._record.columns)
        key = [self._record.column(name) for name in self._record.key]
        target = ", ".join(_q(column.at_source) for column in key)
        select = f"select {', '.join(_q(column.at_source) for column in chosen)} from {self._relation}"
        place = f"({', '.join(['%s'] * len(key))})"

        def portions() -> Generator[pa.RecordBatch, None, None]:
            for first in range(0, keys.num_rows, KEYS_AT_ONCE):
                part = keys.slice(first, KEYS_AT_ONCE)
                lists = [part.column(column.name).cast(pa.string()).to_pylist() for column in key]
                values = [value for row in zip(*lists, strict=True) for value in row]
                places = ", ".join([place] * part.num_rows)
                yield from self._stream(f"{select} where ({target}) in ({places})", values, chosen)

        return self._wrap(portions(), chosen, None)

    def hashes(self, salt: str) -> Reading:
        """Keys with row_hash; a null and an empty text hash differently."""
        chosen = [self._record.column(name) for name in self._record.key]
        row = ", ".join(f"coalesce(concat('v', {_q(column.at_source)}), 'n')" for column in self._record.columns)
        extra = Column(name="row_hash", label="row_hash")
        sql = f"select {', '.join(_q(c.at_source) for c in chosen)}, md5(concat_ws(char(31), %s, {row})) from {self._relation}"
        chosen.append(extra)
        return self._wrap(self._stream(sql, [salt], chosen), chosen, None)

    def _wrap(self, batches: Iterator[pa.RecordBatch], columns: list[Column], counted: int | None) -> Reading:
        new = sorted(set(self._types) - {column.at_source for column in self._record.columns})
        reader = pa.RecordBatchReader.from_batches(_schema(columns), batches)
        return Reading(self.taken_at, {self._record.name: reader}, {self._record.name: counted}, {self._record.name: new})

    def _stream(self, sql: str, values: list[str], columns: list[Column]) -> Generator[pa.RecordBatch, None, None]:
        schema = _schema(columns)
        with _told(self._name), self._connection.cursor(SSCursor) as cursor:
            cursor.execute(sql, values or None)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                arrays = [_typed(given, column, self._name) for given, column in zip(zip(*rows, strict=True), columns, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _ask(self, sql: str, values: list[str] | None = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor(Cursor) as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())


def _schema(columns: list[Column]) -> pa.Schema:
    return pa.schema([(column.name, column.arrow_type) for column in columns])


def _typed(values: tuple[Any, ...], column: Column, name: str) -> pa.Array:
    """One column of a portion. '0000-00-00' and other dates that no calendar has become null, as an infinity does in PostgreSQL."""
    try:
        if column.type in ("timestamp", "date"):
            text = pa.array(values, pa.string())
            text = pc.if_else(pc.match_substring_regex(text, r"^0000|-00"), pa.scalar(None, pa.string()), text)
            if column.type == "date":
                return text.cast(pa.date32())
            return pc.assume_timezone(text.cast(pa.timestamp("us")), LOCAL_ZONE, ambiguous="earliest", nonexistent="latest").cast(
                column.arrow_type
            )
        if column.type == "bool":
            return pa.array([value[-1] if isinstance(value, bytes) else value for value in values]).cast(pa.bool_())
        return pa.array(values, column.arrow_type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise SourceContractBroken(f"{name}：列 {column.at_source} 中有不是 {column.type} 的值") from None


def _local(moment: dt.datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S.%f")


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _q(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _connected(url: str) -> pymysql.connections.Connection[Any]:
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "localhost",
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")),
        charset="utf8mb4",
        conv=_CONVERSIONS,
        connect_timeout=10,
        read_timeout=STATEMENT_SECONDS,
        init_command="set time_zone = '+08:00'",
    )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Driver errors as ours: server messages quote values, so only the error number goes on."""
    try:
        yield
    except (pymysql.MySQLError, OSError) as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if number in _LASTING:
            raise SourceContractBroken(f"{name}：数据库拒绝查询（错误号 {number}）") from None
        raise SourceUnavailable(f"{name}：数据库没有应答（错误号 {number}）") from None
