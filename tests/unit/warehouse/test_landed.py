"""What dbt is given to read: the accepted rows of the verdicts to take in, in the declared shape."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli.calendar import SCHEMA
from linli.contracts import Column, Extract, RecordDecl
from linli.register import Batch, Run, Verdict
from linli.settings import SHANGHAI, Settings
from linli.warehouse import landed
from linli.warehouse.build import _reason_for_all
from linli.warehouse.history import SCHEMAS
from linli.warehouse.landed import Accepted

AS_OF = dt.datetime(2026, 11, 1, tzinfo=SHANGHAI)
RUN = Run("night-1", 1, "night", dt.date(2026, 10, 31), AS_OF)
RECORD = RecordDecl(
    source="demo", name="things", label="事", grain="one row a thing", key=("no",), extract=Extract(relation="things"),
    columns=(
        Column(name="no", label="编号"), Column(name="score", label="分", type="int16"),
        Column(name="tags", label="签", type="list<string>"),
    ),
)  # fmt: skip
CALENDAR = pa.table({"calendar_on": [], "is_workday": [], "is_provisional": [], "holiday_name": []}, schema=SCHEMA)
HISTORY = {name: schema.empty_table() for name, schema in SCHEMAS.items()}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path)})


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def accepted(home: Path, batch_id: str, numbers: list[int], n: int = 1, listed: dict[int, str] | None = None, **kept: bool) -> Accepted:
    """A batch of rows numbered from 0 with these `no`, and its n-th verdict listing some of them."""
    path, verdict_path = Path(f"{batch_id}.parquet"), Path(f"{batch_id}.{n}.parquet") if listed else None
    schema = RECORD.landing_schema() if kept.get("score", True) else pa.schema([f for f in RECORD.landing_schema() if f.name != "score"])
    rows = [{"no": str(no), "score": no, "tags": ["甲"], "_batch_id": batch_id, "_row_no": i} for i, no in enumerate(numbers)]
    pq.write_table(pa.Table.from_pylist(rows, schema), home / path)
    if verdict_path:
        table = {"_batch_id": [batch_id] * len(listed or {}), "row_no": list(listed or {}), "verdict": list((listed or {}).values())}
        pq.write_table(pa.table(table), home / verdict_path)
    batch = Batch(batch_id, "demo", "things", "window", str(path), len(numbers), None, AS_OF, AS_OF, "r")
    verdict = Verdict(
        batch_id, n, str(verdict_path) if verdict_path else None, len(numbers), len(numbers) - len(listed or {}), 0,
        len(listed or {}), 0, False, "r", AS_OF,
    )  # fmt: skip
    return Accepted(verdict, batch)


def things(con: duckdb.DuckDBPyConnection, settings: Settings, taken: list[Accepted]) -> list[str]:
    landed.prepare(con, settings, [RECORD], taken, RUN, None, CALENDAR, HISTORY)
    return [no for (no,) in con.execute("select no from landing.demo__things order by cast(no as integer)").fetchall()]


def test_nothing_pending_is_an_empty_table_of_the_declared_shape(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    assert things(con, settings, []) == []
    found = con.execute("select column_name, column_type from (describe landing.demo__things)").fetchall()
    assert found[:3] == [("no", "VARCHAR"), ("score", "SMALLINT"), ("tags", "VARCHAR[]")]
    assert [name for name, _ in found] == RECORD.landing_schema().names
    assert dict(found)["_snapshot_at"] == "TIMESTAMP WITH TIME ZONE"


def test_a_first_verdict_takes_what_it_does_not_list(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    one = accepted(settings.home, "one", [1, 2, 3], listed={1: "quarantined"})
    two = accepted(settings.home, "two", [4, 5], listed={0: "held", 1: "duplicate"})
    three = accepted(settings.home, "three", [6])
    assert things(con, settings, [one, two, three]) == ["1", "3", "6"]


def test_a_later_verdict_takes_only_what_it_releases(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    later = accepted(settings.home, "one", [1, 2, 3, 4], n=2, listed={1: "released", 2: "quarantined"})
    other = accepted(settings.home, "two", [5])
    assert things(con, settings, [later]) == ["2"]
    assert things(con, settings, [later, other]) == ["2", "5"]


def test_a_column_declared_later_is_null_in_older_batches(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    old = accepted(settings.home, "old", [1], score=False)
    things(con, settings, [old])
    assert con.execute("select no, score from landing.demo__things").fetchall() == [("1", None)]
    things(con, settings, [old, accepted(settings.home, "new", [2])])
    assert con.execute("select no, score from landing.demo__things order by no").fetchall() == [("1", None), ("2", 2)]


def test_a_build_is_finished_only_once_it_is_noted(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    one = accepted(settings.home, "one", [1])
    assert landed.finished(con) is None
    landed.prepare(con, settings, [RECORD], [one], RUN, None, CALENDAR, HISTORY)
    con.execute("insert into landing.touched_months values ('clock', date '2026-10-01')")
    assert landed.finished(con) is None
    landed.note_finished(con, RUN, "f", [one])
    last = landed.finished(con)
    assert last is not None
    assert (last.as_of, last.fingerprint, last.verdicts) == (AS_OF, "f", {"one.1"})
    assert con.execute("select count(*) from landing.touched_months").fetchall() == [(0,)]
    assert con.execute("select run_id, satisfied_min_score, small_sample_n, previous_as_of from landing.run").fetchall() == [
        ("night-1", 4, 10, None)
    ]


def test_a_build_begun_for_a_later_day_and_not_finished_is_remembered(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    assert landed.finished(con) is None
    landed.prepare(con, settings, [RECORD], [], RUN, None, CALENDAR, HISTORY)
    assert landed.finished(con) is None
    landed.note_finished(con, RUN, "f", [])
    assert landed.finished(con) == landed.Finished(AS_OF, AS_OF, "f", frozenset())
    later = Run("night-2", 2, "night", dt.date(2026, 11, 1), AS_OF + dt.timedelta(days=1))
    landed.prepare(con, settings, [RECORD], [], later, AS_OF, CALENDAR, HISTORY)
    last = landed.finished(con)
    assert last == landed.Finished(AS_OF, later.as_of, "f", frozenset())
    assert last is not None
    assert _reason_for_all(last, RUN, "f") == "as_of goes back"
    assert _reason_for_all(last, later, "f") is None
