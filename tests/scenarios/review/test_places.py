"""The pages of places leave the team: whoever lays all of them beside all copies, and knows how many cases have matured everywhere, learns
nothing of callbacks about fewer than five residents."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from declared import declared
from linli.audiences import withheld
from linli.review import Unit, Withheld, questions
from scenarios.review.attack import DISTRICT, OCTOBER, Attack, Cell, District, everything, follow_up_rates, given_away

PLACES = ("community", "station", "compound")
MATURED, CALLED, SATISFIED = "回访到期", "双方接通", "双方满意"
MEANS = {
    "matured_count": MATURED, "double_called_count": CALLED, "double_satisfied_count": SATISFIED,
    # the same rounds by other names
    "both_reached_count": CALLED, "follow_up_on_time_count": CALLED, "follow_up_judged_count": MATURED, "kept_count": CALLED,
}  # fmt: skip
OF_FOLLOW_UP = {"on_time_count": CALLED, "judged_count": MATURED, "due_count": MATURED}
Told = Mapping[tuple[str, str], Mapping[str, questions.Answer]]


def figures_of(district: District) -> dict[tuple[str, str, str, str, str], int]:
    """What the marts count of a district, the same callbacks in every mart that counts them."""
    found = dict(district.figures)
    for (level, key, mart, _, metric), count in district.figures.items():
        if mart == "mart_two_callback_satisfaction" and metric == "double_called_count":
            matured = district.figures[level, key, mart, "", "matured_count"]
            found |= {
                (level, key, mart, "", "both_reached_count"): count,
                (level, key, "mart_stage_blame", "", "judged_count"): matured,
                (level, key, "mart_stage_blame", "", "kept_count"): count,
                (level, key, "mart_stage_blame", "", "broken_follow_up_count"): matured - count,
                (level, key, "mart_monthly_review", "", "follow_up_on_time_count"): count,
                (level, key, "mart_monthly_review", "", "follow_up_judged_count"): matured,
            }
    for (level, key, mart, grain, metric), count in district.figures.items():
        judged = district.figures.get((level, key, mart, grain, "judged_count"))
        if mart == "mart_clock_257" and metric == "on_time_count" and judged:
            found[level, key, mart, grain, "on_time_rate"] = count / judged  # type: ignore[assignment]
    return found


def release(district: District, *, is_closed: bool) -> duckdb.DuckDBPyConnection:
    """A release with every table the questions may name: each figure in its mart, and if the month is closed as frozen and as restated."""
    con = duckdb.connect()
    con.execute("create schema closed; create schema mart; create schema ref")
    for name, model in declared("models/marts").items():
        columns = ", ".join(f"{column['name']} {column.get('data_type', 'varchar')}" for column in model["columns"])
        if name.startswith(("mart_", "dim_")):
            con.execute(f"create table {'mart' if name.startswith('mart_') else 'ref'}.{name} ({columns})")
    con.execute(
        """create table ref.backlog_ages (age_code varchar, age_name varchar, from_workdays bigint);
        create table main.published_at (
            content_hash varchar, code_version varchar, as_of timestamptz, source_as_of timestamptz, state varchar);
        create table closed.month (month date, closed_at timestamptz, approved_by varchar, content_hash varchar, campaign varchar);
        create table closed.figure (
            month date, mart varchar, district_code varchar, level varchar, key varchar, grain varchar, metric varchar, value varchar);
        create table closed.restatement (
            month date, restatement_no integer, mart varchar, district_code varchar, level varchar, key varchar, grain varchar,
            metric varchar, old_value varchar, new_value varchar, cause varchar, record_count bigint, records varchar[])"""
    )
    for compound, community in district.parents[DISTRICT, "compound", "community"].items():
        station = district.parents[DISTRICT, "compound", "station"][compound]
        con.execute(
            "insert into ref.dim_compound (district_code, compound_code, compound_name, community_code, station_code)"
            " values ($1, $2, $2, $3, $4)",
            [DISTRICT, compound, community, station],
        )
    rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for (level, key, mart, grain, metric), count in figures_of(district).items():
        rows.setdefault((level, key, mart, grain), {})[metric] = count
        if is_closed:
            value = str(count)
            con.execute("insert into closed.figure values ($1, $2, $3, $4, $5, $6, $7, $8)",
                        [OCTOBER, mart, DISTRICT, level, key, grain, metric, value])  # fmt: skip
            con.execute("insert into closed.restatement values ($1, 1, $2, $3, $4, $5, $6, $7, '0', $8, 'late_record', 1, [])",
                        [OCTOBER, mart, DISTRICT, level, key, grain, metric, value])  # fmt: skip
    if is_closed:
        con.execute("insert into closed.month (month) values ($1)", [OCTOBER])
    for (level, key, mart, grain), counts in rows.items():
        known = {column["name"] for column in declared("models/marts")[mart]["columns"]}
        given = {"month": OCTOBER, "district_code": DISTRICT, "level": level, "key": key}
        given |= dict(part.split("=") for part in grain.split()) | counts
        kept = {name: value for name, value in given.items() if name in known}
        con.execute(f"insert into mart.{mart} ({', '.join(kept)}) values ({', '.join('?' * len(kept))})", list(kept.values()))
    return con


def pages(con: duckdb.DuckDBPyConnection, district: District, kept: Withheld) -> Told:
    """Every answer on every place's page."""
    keys = sorted((level, key) for _, level, key in district.names if level in PLACES)
    return {(level, key): questions.ask(con, Unit(DISTRICT, level, key, ""), OCTOBER, kept) for level, key in keys}


def counted(level: str, key: str, row: Mapping[str, Any]) -> Iterator[tuple[Cell, int]]:
    """The counts of callbacks a row tells, by whatever name."""
    if row.get("compound_code"):
        level, key = "compound", row["compound_code"]
    is_follow_up = "follow_up" in (row.get("step"), row.get("grain", "").partition("=")[2])
    names = MEANS | (OF_FOLLOW_UP if is_follow_up else {})
    values = dict(row) | ({row["metric"]: row["new_value"]} if "new_value" in row else {})
    for column, value in values.items():
        if column in names and value is not None:
            yield (level, key, names[column]), int(value)


def told(of_pages: Told) -> dict[Cell, int]:
    """Every count of callbacks that some page tells, of its own place or of a compound in it."""
    return {
        cell: count
        for (level, key), answers in of_pages.items()
        for answer in answers.values()
        for row in answer.rows
        for cell, count in counted(level, key, row)
    }


def recovered(district: District, folders: list[Path], of_pages: Told) -> list[Any]:
    """What somebody makes of all copies and all pages who knows how many have matured at every place."""
    of_copies = everything(folders, "satisfaction")
    columns = {MATURED: "matured_count", CALLED: "double_called_count", SATISFIED: "double_satisfied_count"}
    mart = "mart_two_callback_satisfaction"
    truth = {(level, key, column): district.total(mart, level, key, columns[column]) for level, key, column in of_copies}
    of_all_pages = told(of_pages)
    assert of_all_pages.items() <= truth.items()
    assert {column for _, _, column in of_all_pages} <= set(columns)
    attack = Attack({cell: truth[cell] if cell[2] == MATURED else of_all_pages.get(cell, count) for cell, count in of_copies.items()})
    rates = follow_up_rates(folders)
    rates |= {(*place, CALLED): row["on_time_rate"] for place, answers in of_pages.items() for row in answers["follow_up"].rows}
    for cell, rate in rates.items():
        matured = truth[*cell[:2], MATURED]
        attack.is_between(cell, (rate - 0.0051) * matured, (rate + 0.0051) * matured)
    return given_away(attack, district, truth)


def kept_of(district: District, folder: Path) -> Withheld:
    return {OCTOBER: withheld(folder / "figures.parquet", "satisfaction", district.directory, few=5)}


@pytest.mark.parametrize("seed", range(2))
def test_pages_and_copies_and_all_that_matured_give_nothing_away(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    district = District(seed)
    folders = district.write(tmp_path)
    kept = kept_of(district, tmp_path)
    with release(district, is_closed=True) as con:
        of_pages = pages(con, district, kept)
        assert recovered(district, folders, of_pages) == []
        # what the copies tell, the pages tell, and nothing else
        of_copies = {cell: count for cell, count in everything(folders, "satisfaction").items() if cell[0] in PLACES}
        assert told(of_pages) == {cell: count for cell, count in of_copies.items() if count is not None}
        assert 0 < len(told(of_pages)) < len(of_copies)
        of_copies_rates = {cell[:2]: rate for cell, rate in follow_up_rates(folders).items() if cell[0] in PLACES}
        assert {place: row["on_time_rate"] for place, said in of_pages.items() for row in said["follow_up"].rows} == of_copies_rates
        # were the callbacks in time counted on the clock
        printed = [replace(each, sql=re.sub(r" and \({is_of_team} or step <> 'follow_up'\)", "", each.sql)) for each in questions.QUESTIONS]
        assert printed != list(questions.QUESTIONS)
        monkeypatch.setattr(questions, "QUESTIONS", printed)
        assert recovered(district, folders, pages(con, district, kept)) != []


def test_nothing_is_told_of_a_month_that_is_not_closed_or_of_a_place_that_was_not_there(tmp_path: Path) -> None:
    district = District(0)
    for is_closed, kept in ((False, {}), (True, {OCTOBER: {}}), (True, {dt.date(2026, 9, 1): {}})):
        with release(district, is_closed=is_closed) as con:
            of_pages = pages(con, district, kept)
        assert told(of_pages) == {}
        assert [row for answers in of_pages.values() for row in answers["follow_up"].rows + answers["satisfaction"].rows] == []
