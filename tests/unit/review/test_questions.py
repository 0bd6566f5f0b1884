"""What a page may ask: of places nothing about single cases, nor about what residents answered."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from linli.review import questions
from linli.review.questions import Unit

OCTOBER = dt.date(2026, 10, 1)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("district", {"mart_two_callback_satisfaction", "mart_clock_257"}),
        ("department", {"mart_two_callback_satisfaction", "mart_clock_257"}),
        ("station", {"mart_clock_257"}),
        ("community", {"mart_clock_257"}),
        ("compound", {"mart_clock_257"}),
    ],
)
def test_a_page_of_a_place_tells_no_restated_answer_and_names_no_case(level: str, told: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "QUESTIONS", [each for each in questions.QUESTIONS if each.name == "restatements"])
    with duckdb.connect() as con:
        con.execute(
            f"""create schema closed; create table closed.restatement as
            select date '2026-10-01' as month, 1 as restatement_no, mart, '' as grain, 'm' as metric, '0' as old_value, '1' as new_value,
              'late_record' as cause, 1 as record_count, ['fct_case_round 340405-2026-1/1'] as records, '340405' as district_code,
              '{level}' as level, 'K' as key
            from (values ('mart_two_callback_satisfaction'), ('mart_clock_257')) t (mart)"""
        )
        rows = questions.ask(con, Unit("340405", level, "K", ""), OCTOBER)["restatements"].rows
    assert {row["mart"] for row in rows} == told
    assert {bool(row["records"]) for row in rows} == {level in ("district", "department")}
