"""Every mart by month says which fact rows are behind its figures, in expressions that those facts can answer."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from declared import declared
from linli.closing.figures import LEVELS, level_column

PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"
MODELS = PROJECT / "models"
VARIABLE = re.compile(r"\{\{.*?\}\}")


def grain(model: dict[str, Any]) -> list[str]:
    tests = [test for test in model.get("data_tests", []) if isinstance(test, dict)]
    return [column for test in tests for name in ("sound", "grain") if name in test for column in test[name]["arguments"]["columns"]]


@pytest.fixture(scope="module")
def marts() -> dict[str, dict[str, Any]]:
    """The marts by month."""
    found = {name: model for folder in ("marts/review", "marts/quality") for name, model in declared(f"models/{folder}").items()}
    return {name: model for name, model in found.items() if "month" in grain(model)}


def those_with(marts: dict[str, dict[str, Any]], said: str) -> dict[str, Any]:
    """What is said of the marts of which anything is."""
    found = {name: model["config"]["meta"][said] for name, model in marts.items() if said in model["config"]["meta"]}
    assert found
    return found


@pytest.fixture(scope="module")
def facts() -> duckdb.DuckDBPyConnection:
    """The facts and the reference tables as they are declared, without a row."""
    con = duckdb.connect()
    con.execute("create schema core; create schema ref")
    for path in PROJECT.glob("seeds/*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = ", ".join(f"{column} varchar" for column in next(csv.reader(file)))
        con.execute(f"create table ref.{path.stem} ({columns})")
    for name, model in declared("models/marts/core/facts").items():
        columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
        con.execute(f"create table core.{name} ({columns})")
    return con


def test_the_marts_by_month_are_found(marts: dict[str, dict[str, Any]]) -> None:
    assert {"mart_clock_257", "mart_patrol", "mart_monthly_review", "mart_signal"} <= set(marts)
    assert not {"mart_disagreement_case", "mart_data_service"} & set(marts)


def test_a_mart_by_month_says_what_is_behind_it(marts: dict[str, dict[str, Any]], facts: duckdb.DuckDBPyConnection) -> None:
    for name, mart in marts.items():
        closing = mart["config"]["meta"]["closing"]
        assert closing, name
        for rows in closing:
            assert {"fact", "record", "where"} <= set(rows) <= {"fact", "record", "where", "keys"}, name
            where = VARIABLE.sub("1", rows["where"]).format(month="date '2026-10-01'", next_month="date '2026-11-01'")
            assert "{month}" in rows["where"], f"{name}: of which month?"
            assert not re.search(r"resident_no|lead_no|volunteer_no", rows["record"]), f"{name}: restatements are published"
            keys = "".join(f", cast({keys_of} as varchar[])" for keys_of in rows.get("keys", {}).values())
            facts.execute(f"select cast({rows['record']} as varchar){keys} from core.{rows['fact']} where {where}")


def test_every_level_of_a_mart_has_records_behind_it(marts: dict[str, dict[str, Any]]) -> None:
    facts = declared("models/marts/core/facts")
    levelled = {name: mart for name, mart in marts.items() if "level" in grain(mart)}
    assert levelled
    for name, mart in levelled.items():
        closing = mart["config"]["meta"]["closing"]
        [said] = [column["description"] for column in mart["columns"] if column["name"] == "level"]
        levels = set(LEVELS) if "the ten levels" in said else set(re.findall(rf"\b(called_department|{'|'.join(LEVELS)})\b", said))
        found = {level for rows in closing for level in rows.get("keys", {})}
        for rows in closing:
            columns = {column["name"] for column in facts[rows["fact"]]["columns"]}
            found |= {level for level in LEVELS if level_column(level) in columns}
        assert levels and levels <= found, name


def test_a_mart_of_few_figures_of_its_own_counts_no_fact(marts: dict[str, dict[str, Any]]) -> None:
    """All its other figures are those of marts that are closed."""
    for name, own in those_with(marts, "figures").items():
        assert set(own) <= {column["name"] for column in marts[name]["columns"]} - set(grain(marts[name])), name
        sql = next(MODELS.glob(f"marts/**/{name}.sql")).read_text(encoding="utf-8")
        assert re.search(r"ref\('mart_", sql) and not re.search(r"ref\('fct_", sql), name


def test_what_a_mart_repeats_is_counted_in_another(marts: dict[str, dict[str, Any]]) -> None:
    for name, repeats in those_with(marts, "repeats").items():
        columns = {column["name"] for column in marts[name]["columns"]} - set(grain(marts[name]))
        for said in repeats:
            assert {"mart", "columns"} <= set(said) <= {"mart", "columns", "where"}, name
            other = marts[said["mart"]]["config"]["meta"]
            assert "figures" not in other and "repeats" not in other, name
            assert set(said["columns"]) <= columns, name
