"""The MySQL transport against a driver that answers like PyMySQL's unbuffered cursor: text for times, numbers for numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Any

import pyarrow as pa
import pymysql
import pytest
from pymysql.cursors import SSCursor

from linli.contracts import Catalog, Feed
from linli.settings import SHANGHAI
from linli.sources import Reading, SourceContractBroken, SourceUnavailable, Window
from linli.sources.mysql import MysqlSource

TYPES = {
    "resident_no": "varchar", "district_code": "char", "compound_code": "varchar", "household_no": "varchar", "name": "varchar",
    "phone": "varchar", "birth_year": "smallint", "kind": "varchar", "is_lead": "tinyint", "brought_by": "varchar",
    "joined_on": "date", "updated_at": "datetime",
}  # fmt: skip
ROW = (
    "R1",
    "340405",
    "340405-C01-X02",
    None,
    "申屠测试",
    "13900001234",
    1950,
    "退休党员",
    1,
    None,
    "2025-03-01",
    "2026-10-08 09:00:00.125",
)
WINDOW = Window(dt.datetime(2026, 10, 1, tzinfo=SHANGHAI), dt.datetime(2026, 11, 1, tzinfo=SHANGHAI))


class Cursor:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._rows: Iterator[tuple[Any, ...]] = iter(())

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def execute(self, sql: str, values: list[str] | None = None) -> None:
        self._rows = iter(self._server.answer(sql, values))

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        return list(islice(self._rows, min(size, 2)))

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)


class Server:
    """Also stands in for the connection."""

    def __init__(self, rows: list[tuple[Any, ...]], types: dict[str, str] | None = None, error: Exception | None = None) -> None:
        self.rows, self.types, self.error = rows, types or TYPES, error
        self.asked: list[tuple[str, list[str] | None]] = []
        self.closed = False

    def cursor(self, kind: type[object]) -> Cursor:
        assert kind in (SSCursor, pymysql.cursors.Cursor)
        return Cursor(self)

    def _force_close(self) -> None:
        self.closed = True

    def answer(self, sql: str, values: list[str] | None) -> list[tuple[Any, ...]]:
        self.asked.append((sql, values))
        if self.error and sql.startswith("select `"):
            raise self.error
        if sql.startswith("select cast(utc_timestamp"):
            return [("2026-11-01 02:00:00.000001",)]
        if "information_schema" in sql:
            return list(self.types.items())
        if sql.startswith("select count(*)"):
            return [(len(self.rows),)]
        return self.rows if sql.startswith("select `") else []


@pytest.fixture(scope="module")
def residents(catalog: Catalog) -> Feed:
    return catalog.sources["points_ledger"].feed("residents")


def readings(server: Server, feed: Feed) -> Iterator[Reading]:
    return MysqlSource("mysql://x", lambda: server).readings(feed, WINDOW, seen=lambda _: False)  # type: ignore[arg-type,return-value]


def test_a_window_is_read_in_one_consistent_snapshot(residents: Feed) -> None:
    server = Server([ROW, ("R2", *ROW[1:8], 0, *ROW[9:]), ("R3", *ROW[1:])])
    for reading in readings(server, residents):
        table = reading.tables["residents"].read_all()
        assert reading.expected_rows == {"residents": 3}
        assert reading.snapshot_at == dt.datetime(2026, 11, 1, 2, 0, 0, 1, tzinfo=dt.UTC)
    assert server.closed
    assert "with consistent snapshot, read only" in server.asked[1][0]
    assert server.asked[-1][1] == ["2026-11-01 00:00:00.000000", "2026-10-01 00:00:00.000000"]
    assert table.schema.equals(residents.root.declared_schema())
    assert table.column("is_lead").to_pylist() == [True, False, True]
    assert table.column("joined_on")[0].as_py() == dt.date(2025, 3, 1)
    assert table.column("updated_at")[0].as_py() == dt.datetime(2026, 10, 8, 1, 0, 0, 125_000, tzinfo=dt.UTC)


def test_dates_no_calendar_has_become_null(residents: Feed) -> None:
    server = Server([(*ROW[:10], "0000-00-00", "0000-00-00 00:00:00"), ROW])
    for reading in readings(server, residents):
        table = reading.tables["residents"].read_all()
    assert table.column("joined_on").null_count == table.column("updated_at").null_count == 1


@pytest.mark.parametrize(
    ("types", "told"),
    [
        ({name: kind for name, kind in TYPES.items() if name != "phone"}, "来源缺少列 phone"),
        ({**TYPES, "is_lead": "varchar"}, "类型已变：is_lead 为 varchar，声明为 bool"),
    ],
)
def test_removed_and_retyped_columns_are_refused_by_name(residents: Feed, types: dict[str, str], told: str) -> None:
    with pytest.raises(SourceContractBroken, match=told):
        next(readings(Server([], types), residents))


def test_new_columns_are_told(residents: Feed) -> None:
    for reading in readings(Server([ROW], {**TYPES, "mood": "varchar"}), residents):
        assert reading.new_columns == {"residents": ["mood"]}
        assert "mood" not in reading.tables["residents"].schema.names


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pymysql.OperationalError(2013, "Lost connection, 13900001234"), SourceUnavailable),
        (pymysql.OperationalError(1142, "SELECT command denied, 13900001234"), SourceContractBroken),
    ],
)
def test_errors_while_reading_hold_no_values(residents: Feed, error: Exception, kind: type[Exception]) -> None:
    server = Server([ROW], error=error)
    with pytest.raises(kind) as told:
        for reading in readings(server, residents):
            reading.tables["residents"].read_all()
    assert "13900001234" not in str(told.value)
    assert server.closed


def test_hashes_and_keys_are_asked_for_in_the_source(residents: Feed) -> None:
    server = Server([("R1", "0" * 32)])
    source = MysqlSource("mysql://x", lambda: server)  # type: ignore[arg-type,return-value]
    with source.row_hashes(residents, "grain") as reading:
        assert reading.tables["residents"].read_all().to_pylist() == [{"resident_no": "R1", "row_hash": "0" * 32}]
    assert server.asked[-1][1] == ["grain"]
    server.rows = [ROW]
    with source.fetch_keys(residents, pa.table({"resident_no": ["R'1"]})) as reading:
        assert reading.tables["residents"].read_all().num_rows == 1
    assert server.asked[-1][1] == ["R'1"]
