"""The pages of places leave the team: whoever lays all of them beside the public copy learns nothing about fewer than five residents."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy.optimize import linprog

from linli.audiences import Directory, withheld
from linli.review import Unit, Withheld, questions

OCTOBER = dt.date(2026, 10, 1)
DISTRICT = "340405"
COUNTS = ("matured_count", "double_called_count", "double_satisfied_count")
# two communities, and stations that cut across them
PLACES = {"X1": ("C1", "S1"), "X2": ("C1", "S1"), "X3": ("C1", "S2"), "X4": ("C2", "S2"), "X5": ("C2", "S2")}
Cell = tuple[str, str, str]
Counted = Mapping[str, tuple[int, int, int]]
"""matured, double-called and double-satisfied by compound"""
FIVE = 5


def cells(of: Counted) -> dict[Cell, int]:
    """(level, key, column) with its count, at every level."""
    found: dict[Cell, int] = {}
    for compound, counts in of.items():
        community, station = PLACES[compound]
        for place in (("district", DISTRICT), ("community", community), ("station", station), ("compound", compound)):
            for column, count in zip(COUNTS, counts, strict=True):
                found[*place, column] = found.get((*place, column), 0) + count
    return found


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(
            """create schema closed; create schema mart; create schema ref;
            create table closed.month as select date '2026-10-01' as month;
            create table closed.figure (
                month date, mart varchar, district_code varchar, level varchar, key varchar, grain varchar, metric varchar, value varchar);
            create table mart.mart_two_callback_satisfaction (month date, district_code varchar, level varchar, key varchar,
                matured_count bigint, double_called_count bigint, double_satisfied_count bigint, coverage_rate double,
                satisfaction_rate double, satisfaction_low double, satisfaction_high double, is_small_sample boolean);
            create table mart.mart_case_volume (month date, district_code varchar, level varchar, key varchar, received_count bigint);
            create table mart.mart_clock_257 (month date, district_code varchar, level varchar, key varchar, step varchar,
                on_time_count bigint, judged_count bigint, on_time_rate double, is_small_sample boolean);
            create table mart.mart_patrol (month date, district_code varchar, level varchar, key varchar, fulfilled_patrol_count bigint,
                required_patrol_count bigint);
            create table ref.dim_compound (
                district_code varchar, community_code varchar, station_code varchar, compound_code varchar, compound_name varchar)"""
        )
        for compound, (community, station) in PLACES.items():
            opened.execute("insert into ref.dim_compound values ($1, $2, $3, $4, $4)", [DISTRICT, community, station, compound])
        yield opened


def close(con: duckdb.DuckDBPyConnection, of: Counted, folder: Path) -> Withheld:
    """Freezes the month with these counts: what must not be told of it. A place nothing was resolved at has no row."""
    for (level, key, column), count in cells({compound: counts for compound, counts in of.items() if any(counts)}).items():
        con.execute(
            "insert into closed.figure values ($1, 'mart_two_callback_satisfaction', $2, $3, $4, '', $5, $6)",
            [OCTOBER, DISTRICT, level, key, column, str(count)],
        )
    figures = folder / "figures.parquet"
    con.execute(f"copy closed.figure to '{figures}'")
    keys = {("district", DISTRICT), *(("compound", compound) for compound in PLACES)}
    keys |= {(level, place[at]) for at, level in enumerate(("community", "station")) for place in PLACES.values()}
    parents = {
        (DISTRICT, "compound", level): {compound: place[at] for compound, place in PLACES.items()}
        for at, level in enumerate(("community", "station"))
    }
    return {OCTOBER: withheld(figures, "satisfaction", Directory(parents, {(DISTRICT, *key): key[1] for key in keys}), few=FIVE)}


def pages(con: duckdb.DuckDBPyConnection, kept: Withheld, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], dict[str, Any]]:
    """The answers about callbacks on every place's page."""
    monkeypatch.setattr(questions, "QUESTIONS", [each for each in questions.QUESTIONS if each.name in ("satisfaction", "compounds")])
    keys = sorted({(level, key) for level, key, _ in cells(dict.fromkeys(PLACES, (0, 0, 0))) if level != "district"})
    return {
        (level, key): {name: answer.rows for name, answer in questions.ask(con, Unit(DISTRICT, level, key, ""), OCTOBER, kept).items()}
        for level, key in keys
    }


def told(of_pages: Mapping[tuple[str, str], dict[str, Any]]) -> dict[Cell, int]:
    """Every count that some page tells, of its own place or of a compound in it."""
    found: dict[Cell, int] = {}
    for (level, key), answers in of_pages.items():
        rows = [(level, key, row) for row in answers["satisfaction"]]
        rows += [("compound", row["compound_code"], row) for row in answers["compounds"]]
        for place, of, row in rows:
            found |= {(place, of, column): row[column] for column in COUNTS if row.get(column) is not None}
    return found


def given_away(of: Counted, known: Mapping[Cell, int]) -> list[Cell]:
    """The counts of one to four residents of which what is known leaves fewer than five values open."""
    true = cells(of)
    at = {cell: number for number, cell in enumerate(true)}
    equal, sums, below = [], [], []

    def row(*parts: tuple[Cell, int]) -> np.ndarray:
        filled = np.zeros(len(at))
        for cell, sign in parts:
            filled[at[cell]] = sign
        return filled

    for cell, count in known.items():
        equal.append(row((cell, 1)))
        sums.append(count)
    for level, key in sorted({cell[:2] for cell in true}):
        within = [c for c, places in PLACES.items() if key in (DISTRICT, *places) and level != "compound"]
        for column in COUNTS if within else ():
            equal.append(row(((level, key, column), -1), *((("compound", compound, column), 1) for compound in within)))
            sums.append(0)
        below += [row(((level, key, part), 1), ((level, key, whole), -1)) for whole, part in itertools.pairwise(COUNTS)]
    most = sum(true.values()) + FIVE
    found = []
    for cell, count in true.items():
        if 0 < count < FIVE:
            ends = [
                linprog(sign * row((cell, 1)), below, np.zeros(len(below)), equal, sums, bounds=(0, most), method="highs").fun
                for sign in (1, -1)
            ]
            if -ends[1] - ends[0] < FIVE - 1 - 1e-6:
                found.append(cell)
    return found


@pytest.mark.parametrize(("called", "is_told"), [(0, True), (1, False), (2, False), (3, False), (4, False), (5, True)])
def test_answers_of_fewer_than_five_are_not_told(
    called: int, is_told: bool, con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = {"X1": (called, called, called), "X2": (30, 20, 10), "X3": (40, 30, 20), "X4": (30, 20, 10), "X5": (20, 15, 10)}
    found = pages(con, close(con, of, tmp_path), monkeypatch)
    [own] = found["compound", "X1"]["satisfaction"]
    [listed] = [row for row in found["community", "C1"]["compounds"] if row["compound_code"] == "X1"]
    assert [own[column] for column in COUNTS] == ([called] * 3 if is_told else [None] * 3)
    assert listed["double_called_count"] == own["double_called_count"]
    assert (listed["satisfaction_rate"] is None and own["satisfaction_rate"] is None) or is_told
    if not is_told:
        assert own["is_small_sample"] is own["coverage_rate"] is own["satisfaction_low"] is own["satisfaction_high"] is None
    assert given_away(of, told(found)) == []


def test_a_cell_of_a_few_is_not_told_where_enough_were_called(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of twelve called two were not satisfied
    of = {"X1": (20, 12, 10), "X2": (30, 20, 10), "X3": (40, 30, 20), "X4": (30, 20, 10), "X5": (20, 15, 10)}
    [own] = pages(con, close(con, of, tmp_path), monkeypatch)["compound", "X1"]["satisfaction"]
    assert own["double_called_count"] is None or own["double_satisfied_count"] is None
    assert own["satisfaction_rate"] is None


def test_what_is_hidden_on_one_page_does_not_follow_from_the_others(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(20261001)
    would_follow = 0
    for number in range(12):
        of = {}
        for compound in PLACES:
            matured = int(random.integers(0, 30))
            called = int(random.integers(0, matured + 1))
            of[compound] = (matured, called, int(random.integers(0, called + 1)))
        con.execute("delete from closed.figure")
        folder = tmp_path / str(number)
        folder.mkdir()
        with monkeypatch.context() as patched:
            known = told(pages(con, close(con, of, folder), patched))
        assert given_away(of, known) == [], of
        assert known.items() <= cells(of).items()
        # each small count hidden by itself, as one page would do it
        would_follow += bool(given_away(of, {cell: count for cell, count in cells(of).items() if not 0 < count < FIVE}))
    assert would_follow > 0


def test_nothing_is_told_of_a_month_that_is_not_closed(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    con.execute("delete from closed.month")
    con.execute(
        "insert into mart.mart_two_callback_satisfaction values ($1, $2, 'compound', 'X2', 30, 20, 10, 0.7, 0.5, 0.3, 0.7, false)",
        [OCTOBER, DISTRICT],
    )
    assert told(pages(con, {}, monkeypatch)) == {}
