"""A closed month stays as it was; what later knowledge makes of it is said once, figure by figure."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from linli import closing
from linli.warehouse.marts import FactRows, Mart
from unit.databases import written

RESTATED_AT = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
OCTOBER = dt.date(2026, 10, 1)
END = dt.datetime(2026, 11, 1, tzinfo=dt.timezone(dt.timedelta(hours=8)))
BEHIND = FactRows("fct_case", "case_no", "month = {month}")
MARTS = [
    Mart("mart_count", ("district_code", "level", "key", "step"), ("case_count", "good_rate"), (BEHIND,)),
    Mart("mart_note", ("district_code",), ("note",), ()),
]

Case = tuple[str, str, str, bool, bool]
"""case_no, month, community, counted, good"""

CASES: list[Case] = [
    ("A", "2026-10-01", "C01", True, True),
    ("B", "2026-10-01", "C01", True, False),
    ("C", "2026-10-01", "C02", True, True),
    ("D", "2026-09-01", "C02", True, True),
]


def built(folder: Path, cases: Sequence[Case], *, note: str = "x") -> Path:
    """A built file with one fact and two marts, one of them counted from the fact."""
    path = folder / f"work{len(list(folder.glob('work*')))}.duckdb"
    with written(path) as con:
        con.execute("create schema core; create schema mart")
        con.execute(
            "create table core.fct_case (case_no varchar, month date, district_code varchar, community_code varchar,"
            " is_counted boolean, is_good boolean)"
        )
        con.executemany("insert into core.fct_case values ($1, $2, '340405', $3, $4, $5)", cases)
        con.execute(
            """create table mart.mart_count as
            select month, district_code, case when community_code is null then 'district' else 'community' end as level,
              coalesce(community_code, district_code) as key, 'accept' as step, count(*) as case_count,
              count(*) filter (where is_good) / count(*)::double as good_rate
            from core.fct_case where is_counted
            group by grouping sets ((month, district_code), (month, district_code, community_code))"""
        )
        con.execute("create table mart.mart_note as select distinct month, district_code, $1 as note from core.fct_case", [note])
    return path


def closed(folder: Path, work_file: Path) -> closing.Closing:
    return frozen(folder, work_file, MARTS)


def frozen(folder: Path, work_file: Path, marts: Sequence[Mart]) -> closing.Closing:
    return closing.close(
        folder / "closed", work_file, marts, OCTOBER, as_of=END, inputs_hash="i", definitions="d", code_version="v",
        approved_by="张主任", closed_at=END, campaign="1",
    )  # fmt: skip


@pytest.fixture(scope="module")
def closed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed")
    closed(folder, built(folder, CASES))
    return folder / "closed"


@pytest.fixture
def october(closed_once: Path, tmp_path: Path) -> Path:
    """A folder in which the month is closed with CASES."""
    shutil.copytree(closed_once, tmp_path / "closed")
    return tmp_path


def restated(folder: Path, cases: Sequence[Case], *, note: str = "x", definitions: str = "d") -> list[tuple[Any, ...]]:
    work_file = built(folder, cases, note=note)
    found = closing.restate(folder / "closed", work_file, MARTS, OCTOBER, definitions=definitions, restated_at=RESTATED_AT)
    if found.path is None:
        return []
    columns = "mart, level, key, grain, metric, old_value, new_value, cause, records"
    return duckdb.execute(f"select {columns} from '{found.path}' order by all").fetchall()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_months_follow_one_another(october: Path) -> None:
    assert closing.out_of_order(october / "none closed", OCTOBER) == ""
    said = {month: closing.out_of_order(october / "closed", dt.date(2026, month, 1)) for month in (9, 11, 12)}
    assert said == {9: "2026-10 已经结账，2026-09 在它之前", 11: "", 12: "2026-11 还没有结账，2026-12 在它之后"}


def test_a_month_without_a_record_is_not_closed(tmp_path: Path) -> None:
    with written(tmp_path / "empty.duckdb") as con:
        con.execute("create schema mart; create table mart.mart_note (month date, district_code varchar, note varchar)")
        con.execute("insert into mart.mart_note values ('2026-10-01', '340405', 'a place, and nothing in it')")
    with pytest.raises(closing.NothingToClose, match="2026-10 没有任何记录，不能结账"):
        frozen(tmp_path, tmp_path / "empty.duckdb", [MARTS[1]])
    assert closing.closed_months(tmp_path / "closed") == [] and not (tmp_path / "closed" / "2026-10").exists()


def test_the_figures_of_the_month_are_frozen(tmp_path: Path) -> None:
    done = closed(tmp_path, built(tmp_path, CASES))
    figures = duckdb.execute(
        f"select mart, level, key, grain, metric, value from '{tmp_path / 'closed/2026-10/figures.parquet'}' order by all"
    ).fetchall()
    assert figures == [
        ("mart_count", "community", "C01", "step=accept", "case_count", "2"),
        ("mart_count", "community", "C01", "step=accept", "good_rate", "0.5"),
        ("mart_count", "community", "C02", "step=accept", "case_count", "1"),
        ("mart_count", "community", "C02", "step=accept", "good_rate", "1"),
        ("mart_count", "district", "340405", "step=accept", "case_count", "3"),
        ("mart_count", "district", "340405", "step=accept", "good_rate", "0.666666666667"),
        ("mart_note", None, None, "", "note", "x"),
    ]
    assert done.figure_count == 7
    assert closing.closed_months(tmp_path / "closed") == [done]


def test_a_month_is_closed_once(tmp_path: Path) -> None:
    work_file = built(tmp_path, CASES)
    closed(tmp_path, work_file)
    before = bytes_of(tmp_path / "closed" / "2026-10")
    with pytest.raises(closing.AlreadyClosed, match="2026-10"):
        closed(tmp_path, built(tmp_path, CASES[:1]))
    assert bytes_of(tmp_path / "closed" / "2026-10") == before
    with pytest.raises(closing.NotClosed, match="2026-09"):
        closing.restate(tmp_path / "closed", work_file, MARTS, dt.date(2026, 9, 1), definitions="d", restated_at=RESTATED_AT)


def test_the_same_figures_restate_nothing(october: Path) -> None:
    assert restated(october, CASES[::-1]) == []
    # another month may change as it likes
    assert restated(october, [*CASES, ("E", "2026-11-01", "C02", True, True), ("F", "2026-09-01", "C01", True, True)]) == []


def test_one_late_record_restates_each_affected_number_once(october: Path) -> None:
    before = bytes_of(october / "closed" / "2026-10")
    late = [*CASES, ("E", "2026-10-01", "C02", True, True)]
    assert restated(october, late) == [
        # the rate of C02 stays 1, so it is not restated
        ("mart_count", "community", "C02", "step=accept", "case_count", "1", "2", "late_record", ["fct_case E"]),
        ("mart_count", "district", "340405", "step=accept", "case_count", "3", "4", "late_record", ["fct_case E"]),
        ("mart_count", "district", "340405", "step=accept", "good_rate", "0.666666666667", "0.75", "late_record", ["fct_case E"]),
    ]
    assert bytes_of(october / "closed" / "2026-10") == before
    assert restated(october, late) == []


def test_a_restatement_starts_from_what_was_said_last(october: Path) -> None:
    late = [*CASES, ("E", "2026-10-01", "C02", True, True)]
    restated(october, late)
    withdrawn = [("A", "2026-10-01", "C01", False, True), *late[1:]]
    assert [row[1:3] + row[4:] for row in restated(october, withdrawn)] == [
        ("community", "C01", "case_count", "2", "1", "excluded", ["fct_case A"]),
        ("community", "C01", "good_rate", "0.5", "0", "excluded", ["fct_case A"]),
        ("district", "340405", "case_count", "4", "3", "excluded", ["fct_case A"]),
        ("district", "340405", "good_rate", "0.75", "0.666666666667", "excluded", ["fct_case A"]),
    ]
    # A counts again and E is gone: for the district that comes to the same
    assert [row[1:3] + row[4:] for row in restated(october, CASES)] == [
        ("community", "C01", "case_count", "1", "2", "excluded", ["fct_case A"]),
        ("community", "C01", "good_rate", "0", "0.5", "excluded", ["fct_case A"]),
        ("community", "C02", "case_count", "2", "1", "removed", ["fct_case E"]),
    ]
    published = closing.published_tables(october / "closed")
    assert published["figure"].num_rows == 7
    assert published["month"].to_pylist()[0]["approved_by"] == "张主任"
    assert published["restatement"].column("restatement_no").to_pylist() == [1] * 3 + [2] * 4 + [3] * 3
    for first, last, rows in (("2025-10-01", "2026-10-01", 7), ("2026-11-01", "2027-11-01", 0), ("2025-09-01", "2026-09-01", 0)):
        within = closing.published_tables(october / "closed", dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        assert (within["figure"].num_rows, within["month"].num_rows > 0, within["restatement"].num_rows > 0) == (rows, rows > 0, rows > 0)


def test_rows_that_come_and_go(october: Path) -> None:
    moved = [("A", "2026-10-01", "C01", True, True), ("B", "2026-09-01", "C01", True, False), ("C", "2026-10-01", "C03", True, True)]
    rows = restated(october, moved)
    assert ("mart_count", "community", "C02", "step=accept", "case_count", "1", None, "corrected", ["fct_case C"]) in rows
    assert ("mart_count", "community", "C03", "step=accept", "case_count", None, "1", "corrected", ["fct_case C"]) in rows
    assert ("mart_count", "community", "C01", "step=accept", "case_count", "2", "1", "removed", ["fct_case B"]) in rows


def test_a_changed_definition_is_said_to_be_one(october: Path) -> None:
    assert restated(october, CASES, note="y", definitions="other") == [("mart_note", None, None, "", "note", "x", "y", "definition", [])]
    assert restated(october, CASES, note="z", definitions="other") == [("mart_note", None, None, "", "note", "y", "z", "derived", [])]


def test_a_definition_that_has_been_said_to_change_is_not_said_again(october: Path) -> None:
    restated(october, CASES, note="y", definitions="other")
    late = [*CASES, ("E", "2026-10-01", "C02", True, True)]
    assert {row[7] for row in restated(october, late, note="y", definitions="other")} == {"late_record"}


def test_a_mart_that_was_empty_at_the_close_is_restated_too(tmp_path: Path) -> None:
    uncounted: Case = ("Z", "2026-10-01", "C01", False, False)
    closed(tmp_path, built(tmp_path, [uncounted, *CASES[3:]]))
    assert (
        "mart_count",
        "district",
        "340405",
        "step=accept",
        "case_count",
        None,
        "3",
        "late_record",
        ["fct_case A", "fct_case B", "fct_case C"],
    ) in (restated(tmp_path, [uncounted, *CASES]))


def test_records_of_another_district_are_not_behind_a_figure(tmp_path: Path) -> None:
    def both(*cases: Case) -> Path:
        work_file = built(tmp_path, cases)
        with written(work_file) as con:
            con.execute(
                "insert into core.fct_case"
                " select 'other ' || case_no, month, '999999', community_code, is_counted, is_good from core.fct_case"
            )
            con.execute(
                "insert into mart.mart_count select month, '999999', level, if(level = 'district', '999999', key), step,"
                " case_count, good_rate from mart.mart_count"
            )
        return work_file

    closing.close(
        tmp_path / "closed", both(*CASES), MARTS, OCTOBER, as_of=END, inputs_hash="i", definitions="d", code_version="v",
        approved_by="张主任", closed_at=END,
    )  # fmt: skip
    late = both(*CASES, ("E", "2026-10-01", "C02", True, True))
    found = closing.restate(tmp_path / "closed", late, MARTS, OCTOBER, definitions="d", restated_at=RESTATED_AT)
    rows = duckdb.execute(f"select district_code, records from '{found.path}' where level = 'community'").fetchall()
    assert sorted(rows) == [("340405", ["fct_case E"]), ("999999", ["fct_case other E"])]


def test_what_a_mart_only_repeats_is_not_closed_and_not_restated(tmp_path: Path) -> None:
    [whole, _] = MARTS
    repeats = [replace(whole, repeated={"case_count": "true", "good_rate": "level = 'district'"})]
    late = [*CASES, ("E", "2026-10-01", "C01", True, True)]

    def restated_by(folder: Path, marts: Sequence[Mart]) -> list[tuple[Any, ...]]:
        closing.close(
            folder, built(tmp_path, CASES), marts, OCTOBER, as_of=END, inputs_hash="i", definitions="d", code_version="v",
            approved_by="张主任", closed_at=END,
        )  # fmt: skip
        found = closing.restate(folder, built(tmp_path, late), repeats, OCTOBER, definitions="d", restated_at=RESTATED_AT)
        return duckdb.execute(f"select level, key, metric, old_value, new_value from '{found.path}'").fetchall()

    only = [("community", "C01", "good_rate", "0.5", "0.666666666667")]
    assert restated_by(tmp_path / "closed", repeats) == only
    frozen = duckdb.execute(f"select distinct level, metric from '{tmp_path}/closed/2026-10/figures.parquet'").fetchall()
    assert frozen == [("community", "good_rate")]
    # nor does a figure read otherwise because it has come to be a repeat since
    assert restated_by(tmp_path / "closed before", MARTS[:1]) == only


def test_records_behind_a_level_the_fact_has_no_column_for(tmp_path: Path) -> None:
    codes = "(select list(code) from ref.departments where list_contains(called, name))"
    behind = FactRows("fct_call", "no", "month = {month}", {"called": codes})
    calls = Mart("mart_call", ("district_code", "level", "key"), ("call_count",), (behind,))

    def called(*departments: list[str]) -> Path:
        work_file = built(tmp_path, CASES)
        with written(work_file) as con:
            con.execute("create schema ref; create table ref.departments (code varchar, name varchar)")
            con.execute("insert into ref.departments values ('fire', '消防'), ('housing', '住建')")
            con.execute("create table core.fct_call (no integer, month date, district_code varchar, called varchar[])")
            con.executemany("insert into core.fct_call values ($1, $2, '340405', $3)", [[n, OCTOBER, d] for n, d in enumerate(departments)])
            con.execute(
                "create table mart.mart_call as select month, district_code, 'called' as level, code as key, count(*) as call_count"
                " from core.fct_call inner join ref.departments on list_contains(called, name) group by all"
            )
        return work_file

    closing.close(
        tmp_path / "closed", called(["消防"]), [calls], OCTOBER, as_of=END, inputs_hash="i", definitions="d", code_version="v",
        approved_by="张主任", closed_at=END,
    )  # fmt: skip
    work_file = called(["消防"], ["住建", "消防"], [])
    found = closing.restate(tmp_path / "closed", work_file, [calls], OCTOBER, definitions="d", restated_at=RESTATED_AT)
    rows = duckdb.execute(f"select key, new_value, cause, records from '{found.path}' order by key").fetchall()
    assert rows == [("fire", "2", "late_record", ["fct_call 1"]), ("housing", "1", "late_record", ["fct_call 1"])]
