"""What a page may ask: of places nothing about single cases nor about few residents, of closed months what was approved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from linli.review import questions
from linli.review.questions import Unit

OCTOBER, SEPTEMBER = dt.date(2026, 10, 1), dt.date(2026, 9, 1)
COMMUNITY, COMPOUND = Unit("340405", "community", "C1", ""), Unit("340405", "compound", "C1-X1", "")
DISTRICT = Unit("340405", "district", "340405", "")


@pytest.fixture(scope="module")
def release() -> Iterator[duckdb.DuckDBPyConnection]:
    """A release with the tables a test fills, and September closed with 50 received where the mart now has 52."""
    with duckdb.connect() as opened:
        opened.execute(
            """create schema closed; create schema mart; create schema ref;
            create table closed.month as select date '2026-09-01' as month;
            create table closed.figure (
                month date, mart varchar, district_code varchar, level varchar, key varchar, grain varchar, metric varchar, value varchar);
            create table mart.mart_case_volume (month date, district_code varchar, level varchar, key varchar, received_count bigint,
                case_count bigint, complaint_count bigint, before_complaint_count bigint, handled_count bigint, on_scene_count bigint);
            insert into mart.mart_case_volume select month, '340405', 'district', '340405', received, 9, 0, 0, 0, 0
                from (values (date '2026-08-01', 40), (date '2026-09-01', 52), (date '2026-10-01', 60)) t (month, received);
            insert into closed.figure values
                ('2026-09-01', 'mart_case_volume', '340405', 'district', '340405', '', 'received_count', '50'),
                ('2026-09-01', 'mart_clock_257', '340405', 'district', '340405', 'step=resolve', 'on_time_rate', '0.8'),
                ('2026-09-01', 'mart_clock_257', '340405', 'district', '340405', 'step=resolve', 'is_small_sample', 'false');
            create table mart.mart_clock_257 (month date, district_code varchar, level varchar, key varchar, step varchar,
                due_count bigint, on_time_count bigint, late_count bigint, overdue_count bigint, open_count bigint, judged_count bigint,
                on_time_rate double, on_time_low double, on_time_high double, is_small_sample boolean, closed_only_rate double);
            create table mart.mart_monthly_review (month date, district_code varchar, level varchar, key varchar, is_complete boolean,
                is_small_group boolean, compound_count bigint, compliant_compound_count bigint);
            create table ref.dim_compound (district_code varchar, community_code varchar, station_code varchar, compound_code varchar);
            insert into ref.dim_compound values ('340405', 'C1', 'S1', 'C1-X1'), ('340405', 'C1', 'S1', 'C1-X2')"""
        )
        for column in questions.PROGRAMME:
            for name in (column, f"{column}_previous_month"):
                opened.execute(f"alter table mart.mart_monthly_review add column {name} bigint default 7")
        yield opened


@pytest.fixture
def con(release: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The release; what a test does to it is undone."""
    release.begin()
    yield release
    release.rollback()


def asked(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, unit: Unit, month: dt.date, *names: str
) -> dict[str, list[dict[str, Any]]]:
    """The rows of these questions alone."""
    monkeypatch.setattr(questions, "QUESTIONS", [each for each in questions.QUESTIONS if each.name in names])
    return {name: [dict(row) for row in answer.rows] for name, answer in questions.ask(con, unit, month, {}).items()}


def test_a_closed_month_is_told_as_it_was_approved(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(con, monkeypatch, DISTRICT, SEPTEMBER, "volume", "volume_today", "clock")
    assert {row["month"].month: row["received_count"] for row in found["volume"]} == {8: 40, 9: 50}
    assert [row["received_count"] for row in found["volume_today"]] == [52]
    # by step, and of the type the mart has
    assert [(row["step"], row["on_time_rate"], row["is_small_sample"]) for row in found["clock"]] == [("resolve", 0.8, False)]


def test_a_month_that_is_open_is_compared_with_what_was_approved(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(con, monkeypatch, DISTRICT, OCTOBER, "volume", "volume_today")
    assert {row["month"].month: row["received_count"] for row in found["volume"]} == {8: 40, 9: 50, 10: 60}
    assert found["volume_today"] == []


def test_what_was_not_there_at_the_close_is_as_it_reads_today(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A district that joined after the close, and a mart that came after it."""
    con.execute(
        """insert into mart.mart_case_volume values ('2026-09-01', '340406', 'district', '340406', 31, 9, 0, 0, 0, 0);
        delete from closed.figure where mart = 'mart_clock_257';
        insert into mart.mart_clock_257 (month, district_code, level, key, step, on_time_rate)
            values ('2026-09-01', '340405', 'district', '340405', 'resolve', 0.7),
                ('2026-09-01', '340406', 'district', '340406', 'resolve', 0.6);
        alter table closed.month add column closed_at timestamptz; alter table closed.month add column approved_by varchar;
        alter table closed.month add column content_hash varchar; alter table closed.month add column campaign varchar;
        create table ref.dim_district (district_code varchar)"""
    )
    names = ("volume", "volume_today", "clock", "closed")
    monkeypatch.setattr(questions, "QUESTIONS", [each for each in questions.QUESTIONS if each.name in names])
    one, other = (questions.ask(con, Unit(code, "district", code, ""), SEPTEMBER, {}) for code in ("340405", "340406"))
    assert ([row["received_count"] for row in one["volume"].rows], one["volume"].is_approved) == ([40, 50], True)
    assert ([row["on_time_rate"] for row in one["clock"].rows], one["clock"].is_approved) == ([0.7], False)
    assert ([row["received_count"] for row in other["volume"].rows], other["volume"].is_approved) == ([31], False)
    assert [row["on_time_rate"] for row in other["clock"].rows] == [0.6]
    assert [answer["closed"].only["is_of_district"] for answer in (one, other)] == [True, False]
    assert (len(one["volume_today"].rows), len(other["volume_today"].rows)) == (1, 0)


def test_a_closed_problem_without_a_case_has_none(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    con.execute(
        """create table ref.dim_item (item_code varchar, item_name varchar, lead_department_code varchar);
        insert into ref.dim_item values ('4-01', '', 'fire'), ('4-02', '', 'fire');
        create table mart.mart_frequent_problem (month date, district_code varchar, level varchar, key varchar, item_code varchar,
            category_code varchar, case_count bigint, share_rate double, item_rank bigint, watched_count bigint, recurrence_count bigint,
            recurrence_rate double, is_small_sample boolean);
        insert into closed.figure values
            ('2026-09-01', 'mart_frequent_problem', '340405', 'district', '340405', 'item_code=4-01', 'watched_count', '3'),
            ('2026-09-01', 'mart_frequent_problem', '340405', 'district', '340405', 'item_code=4-02', 'watched_count', '0'),
            ('2026-09-01', 'mart_case_volume', '340405', 'item', '4-02', '', 'case_count', '6')"""
    )
    found = asked(con, monkeypatch, Unit("340405", "department", "fire", ""), SEPTEMBER, "own_problems")["own_problems"]
    assert {row["item_code"]: (row["case_count"], row["watched_count"]) for row in found} == {"4-01": (0, 3), "4-02": (6, 0)}


@pytest.mark.parametrize("few_at", ["340405", ""])
def test_leads_and_points_are_told_in_the_team_and_of_enough(
    few_at: str, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unit in (DISTRICT, COMMUNITY, COMPOUND):
        con.execute(
            "insert into mart.mart_monthly_review (month, district_code, level, key, is_small_group) values ($1, $2, $3, $4, $5)",
            [OCTOBER, unit.district_code, unit.level, unit.key, unit.key == few_at],
        )
    found = {
        unit.level: asked(con, monkeypatch, unit, OCTOBER, "programme")["programme"][0] for unit in (DISTRICT, COMMUNITY, COMPOUND)
    }
    assert (found["district"]["earned_points"] is None) == bool(few_at)
    columns = {level: {column.removesuffix("_previous_month") for column in row} for level, row in found.items()}
    assert columns["district"] >= questions.OF_RESIDENTS
    assert columns["community"] == columns["compound"] == columns["district"] - questions.OF_RESIDENTS


_RESTATED = {
    ("mart_clock_257", "step=resolve", "on_time_count"), ("mart_clock_257", "step=follow_up", "on_time_count"),
    ("mart_clock_257", "step=resolve", "median_workdays"), ("mart_case_volume", "", "received_count"),
    ("mart_backlog", "age_code=a", "open_count"), ("mart_patrol", "", "fulfilled_patrol_count"),
    ("mart_two_callback_satisfaction", "", "double_called_count"), ("mart_stage_blame", "", "kept_count"),
    ("mart_callback_agreement", "", "both_reached_count"), ("mart_signal", "", "case_count"), ("mart_meeting", "", "resident_count"),
    ("mart_score", "", "officer_score_count"), ("mart_monthly_review", "", "complaint_count_year_to_date"),
    ("mart_of_tomorrow", "", "case_count"),
}  # fmt: skip
_OF_RESIDENTS = {("mart_lead", "", "lead_count"), ("mart_points", "", "earned_points")}
_OF_WORK = {
    ("mart_clock_257", "step=resolve", "on_time_count"), ("mart_case_volume", "", "received_count"),
    ("mart_backlog", "age_code=a", "open_count"), ("mart_patrol", "", "fulfilled_patrol_count"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("district", _RESTATED | _OF_RESIDENTS), ("department", _RESTATED),
        ("station", _OF_WORK), ("community", _OF_WORK), ("compound", _OF_WORK),
    ],
)  # fmt: skip
def test_a_page_of_a_place_tells_restated_work_alone(
    level: str, told: set[tuple[str, str, str]], con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    con.execute(
        f"""create table closed.restatement as
        select date '2026-10-01' as month, 1 as restatement_no, mart, grain, metric, '0' as old_value, '1' as new_value,
          'late_record' as cause, 1 as record_count, ['fct_case_round 340405-2026-1/1'] as records, '340405' as district_code,
          '{level}' as level, 'K' as key
        from (values {", ".join(map(str, sorted(_RESTATED | _OF_RESIDENTS)))}) t (mart, grain, metric)"""
    )
    rows = asked(con, monkeypatch, Unit("340405", level, "K", ""), OCTOBER, "restatements")["restatements"]
    assert {(row["mart"], row["grain"], row["metric"]) for row in rows} == told
    assert {bool(row["records"]) for row in rows} == {bool(row["record_count"]) for row in rows} == {level in ("district", "department")}
