"""Hand-written text read as types, and what cannot be read told apart from what is empty."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pytest

from linli.contracts.model import Column, ColumnType
from linli.sources.casting import Sheetwise, read_column, text_of, unreadable_columns

SHEET = Sheetwise(year=2026)
DAY = dt.date(2026, 10, 8)


def one(text: str | None, kind: ColumnType, sheet: Sheetwise = SHEET) -> tuple[object, bool]:
    cast = read_column(pa.array([text], pa.string()), Column(name="x", label="x", type=kind), sheet)
    return cast.values[0].as_py(), cast.unreadable[0].as_py()


@pytest.mark.parametrize(
    "text",
    ["2026/10/8", "2026-10-08", "2026年10月8日", "10月8日", "２０２６年１０月８日", " 2026.10.8 ", "20261008", "46303", "46303.5",
     "2026-10-08T00:00:00", "2026-10-08 09:30", "10-8"],
)  # fmt: skip
def test_dates_as_people_write_them(text: str) -> None:
    assert one(text, "date") == (DAY, False)


@pytest.mark.parametrize("text", ["2026年13月8日", "2026-02-30", "上周三", "60", "340405199001011234", "99999"])
def test_dates_nobody_can_read(text: str) -> None:
    assert one(text, "date") == (None, True)


def test_serials_of_1904_and_days_without_a_year() -> None:
    assert one("44841", "date", Sheetwise(is_1904=True)) == (DAY, False)
    assert one("10月8日", "date", Sheetwise()) == (None, True)


@pytest.mark.parametrize(("text", "number"), [("12人", 12), ("１２", 12), ("12.0", 12), ("-3", -3), (" 7 ", 7), ("5 人次", 5)])
def test_numbers(text: str, number: int) -> None:
    assert one(text, "int32") == (number, False)


@pytest.mark.parametrize("text", ["十二", "12.5", "3人左右", "99999999999"])
def test_numbers_nobody_can_read(text: str) -> None:
    assert one(text, "int32") == (None, True)


@pytest.mark.parametrize(("text", "value"), [("是", True), ("√", True), ("否", False), ("Ｙ", True), ("true", True), ("×", False)])
def test_yes_and_no(text: str, value: bool) -> None:
    assert one(text, "bool") == (value, False)


@pytest.mark.parametrize("text", ["城管、公安", "城管，公安", "城管；公安", "城管 公安", "、城管,公安；"])
def test_lists(text: str) -> None:
    assert one(text, "list<string>") == (["城管", "公安"], False)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-08T09:00:00+08:00", dt.datetime(2026, 10, 8, 1, tzinfo=dt.UTC)),
        ("2026-10-08T01:00:00.123456789Z", dt.datetime(2026, 10, 8, 1, 0, 0, 123456, tzinfo=dt.UTC)),
        ("2026-10-08 09:00:00", dt.datetime(2026, 10, 8, 1, tzinfo=dt.UTC)),
    ],
)
def test_instants_without_an_offset_are_local_to_shanghai(text: str, instant: dt.datetime) -> None:
    assert one(text, "timestamp") == (instant, False)


@pytest.mark.parametrize("kind", ["date", "timestamp", "bool", "int16", "list<string>"])
@pytest.mark.parametrize("text", [None, "", "  ", "　"])
def test_empty_is_not_unreadable(text: str | None, kind: ColumnType) -> None:
    assert one(text, kind) == (None, False)


def test_one_bad_value_costs_only_itself() -> None:
    texts = pa.array([str(n) if n != 777 else "2147483648" for n in range(2_000)])
    cast = read_column(texts, Column(name="n", label="n", type="int32"))
    assert cast.values.null_count == 1
    assert [n for n, bad in enumerate(cast.unreadable.to_pylist()) if bad] == [777]


def test_unreadable_cells_are_listed_by_row() -> None:
    columns = {name: Column(name=name, label=name, type="int32") for name in ("a", "b")}
    texts = {"a": pa.array(["1", "x", "y"]), "b": pa.array(["1", "2", '"z"'])}
    names, raw = unreadable_columns(texts, {name: read_column(texts[name], columns[name]) for name in columns}, 3)
    assert names.to_pylist() == [None, ["a"], ["a", "b"]]
    assert [json.loads(cells) if cells else None for cells in raw.to_pylist()] == [None, {"a": "x"}, {"a": "y", "b": '"z"'}]


def test_cells_as_text() -> None:
    cells = ["甲", None, True, 3.0, 0.5, 12, DAY, [1], dt.time(14, 30)]
    assert text_of(cells).to_pylist() == ["甲", None, "true", "3", "0.5", "12", "2026-10-08", "[1]", "14:30:00"]
