"""Which places belong together for the copies of a month: as at its end, whatever they have come to since."""

from __future__ import annotations

import datetime as dt

import duckdb

from linli.audiences import Directory
from linli.pipeline.copies import directory_of


def test_a_compound_is_with_the_station_of_the_month_and_those_before_are_told() -> None:
    with duckdb.connect() as con:
        for statement in (
            "create schema ref",
            """create table ref.dim_compound as select * from (values ('D', 'X1', 'C1', 'S3'),
              ('D', 'X2', 'C1', 'S1'), ('D', 'X3', 'C2', 'S2'))
              t(district_code, compound_code, community_code, station_code)""",
            """create table ref.compound_stations as select * from (values
              ('X1', 'S1', date '2025-01-01', date '2026-09-14'), ('X1', 'S2', date '2026-09-15', date '2026-10-31'),
              ('X1', 'S3', date '2026-11-01', null), ('X2', 'S1', date '2025-01-01', date '2026-08-31'),
              ('X2', 'S1', date '2026-09-01', null)) t(compound_code, station_code, from_on, to_on)""",
            "create table ref.dim_officer as select 'D' as district_code, 'E1' as officer_no, 'fire' as department_code, 1 as from_on",
            "create table ref.dim_level_key as select 'D' as district_code, 'district' as level, 'D' as key, '某区' as key_name",
        ):  # fmt: skip
            con.execute(statement)
        told = {month: directory_of(con, dt.date(2026, month, 1)) for month in (8, 9, 10, 11)}
    station = ("D", "compound", "station")
    with_station = {
        month: [parents[station]["X1"] for parents in (directory.parents, *directory.before)] for month, directory in told.items()
    }
    # a period that ends and goes on with the same station is no change
    assert with_station == {8: ["S1"], 9: ["S2", "S1"], 10: ["S2", "S1"], 11: ["S3", "S2", "S1"]}
    assert told[9].parents[station] == {"X1": "S2", "X2": "S1", "X3": "S2"}
    assert told[9].parents["D", "compound", "community"] == {"X1": "C1", "X2": "C1", "X3": "C2"}
    assert told[9].parents["D", "officer", "department"] == {"E1": "fire"}
    assert all(Directory.from_json(directory.to_json()) == directory for directory in told.values())
