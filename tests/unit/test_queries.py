"""The questions in docs/queries that a new release has no rows for."""

from __future__ import annotations

from pathlib import Path

import duckdb

QUERIES = Path(__file__).parents[2] / "docs" / "queries"


def test_a_restated_figure_is_told_from_those_of_other_levels() -> None:
    with duckdb.connect() as con:
        con.execute(
            """create schema closed;
            create table closed.figure (
                month date, mart varchar, district_code varchar, level varchar, key varchar, grain varchar, metric varchar, value varchar);
            insert into closed.figure values
                ('2026-10-01', 'mart_matter', '340405', 'district', '340405', '', 'heard_count', '8'),
                ('2026-10-01', 'mart_matter', '340405', 'community', 'C1', '', 'heard_count', '2');
            create table closed.restatement as
                select month, 2 as restatement_no, mart, district_code, level, key, grain, metric, '3' as old_value, '4' as new_value,
                    'late_record' as cause, 1 as record_count from closed.figure
                union all by name
                select date '2026-10-01' as month, 1 as restatement_no, 'mart_ledger_integrity' as mart, 'rule=x' as grain,
                    'unnamed' as metric, '0' as old_value, '1' as new_value, 'derived' as cause, 0 as record_count;
            create table column_names as select 'mart_matter' as mart, 'heard_count' as column_name, '议题数' as name;
            create table dim_level_key as select '340405' as district_code, 'community' as level, 'C1' as key, '春晖社区' as key_name"""
        )
        answer = con.execute((QUERIES / "closed_and_restated.sql").read_text(encoding="utf-8"))
        columns = [column[0] for column in answer.description]
        rows = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
    told = {(row["level"], row["key_name"], row["metric_name"], row["approved_value"], row["old_value"]) for row in rows}
    assert told == {
        ("district", "340405", "议题数", "8", "3"), ("community", "春晖社区", "议题数", "2", "3"), (None, None, "unnamed", None, "0"),
    }  # fmt: skip
