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


MARTS = {name: model for folder in ("marts/review", "marts/quality") for name, model in declared(f"models/{folder}").items()}
MONTHLY = sorted(name for name, model in MARTS.items() if "month" in grain(model))


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


def test_the_marts_by_month_are_found() -> None:
    assert {"mart_clock_257", "mart_patrol", "mart_monthly_review", "mart_signal"} <= set(MONTHLY)
    assert not {"mart_disagreement_case", "mart_data_service"} & set(MONTHLY)


@pytest.mark.parametrize("name", MONTHLY)
def test_a_mart_by_month_says_what_is_behind_it(name: str, facts: duckdb.DuckDBPyConnection) -> None:
    closing = MARTS[name]["config"]["meta"]["closing"]
    assert closing
    for rows in closing:
        assert {"fact", "record", "where"} <= set(rows) <= {"fact", "record", "where", "keys"}
        where = VARIABLE.sub("1", rows["where"]).format(month="date '2026-10-01'", next_month="date '2026-11-01'")
        assert "{month}" in rows["where"], "of which month?"
        assert not re.search(r"resident_no|lead_no|volunteer_no", rows["record"]), "restatements are published"
        keys = "".join(f", cast({keys_of} as varchar[])" for keys_of in rows.get("keys", {}).values())
        facts.execute(f"select cast({rows['record']} as varchar){keys} from core.{rows['fact']} where {where}")


@pytest.mark.parametrize("name", [name for name in MONTHLY if "level" in grain(MARTS[name])])
def test_every_level_of_a_mart_has_records_behind_it(name: str) -> None:
    closing = MARTS[name]["config"]["meta"]["closing"]
    [said] = [column["description"] for column in MARTS[name]["columns"] if column["name"] == "level"]
    levels = set(LEVELS) if "the ten levels" in said else set(re.findall(rf"\b(called_department|{'|'.join(LEVELS)})\b", said))
    facts = declared("models/marts/core/facts")
    found = {level for rows in closing for level in rows.get("keys", {})}
    for rows in closing:
        columns = {column["name"] for column in facts[rows["fact"]]["columns"]}
        found |= {level for level in LEVELS if level_column(level) in columns}
    assert levels and levels <= found


@pytest.mark.parametrize("name", [name for name in MONTHLY if "figures" in MARTS[name]["config"]["meta"]])
def test_a_mart_of_few_figures_of_its_own_counts_no_fact(name: str) -> None:
    """All its other figures are those of marts that are closed."""
    own = set(MARTS[name]["config"]["meta"]["figures"])
    assert own <= {column["name"] for column in MARTS[name]["columns"]} - set(grain(MARTS[name]))
    sql = next(MODELS.glob(f"marts/**/{name}.sql")).read_text(encoding="utf-8")
    assert re.search(r"ref\('mart_", sql) and not re.search(r"ref\('fct_", sql)


@pytest.mark.parametrize("name", [name for name in MONTHLY if "repeats" in MARTS[name]["config"]["meta"]])
def test_what_a_mart_repeats_is_counted_in_another(name: str) -> None:
    columns = [column["name"] for column in MARTS[name]["columns"]]
    for said in MARTS[name]["config"]["meta"]["repeats"]:
        assert {"mart", "columns"} <= set(said) <= {"mart", "columns", "where"}
        other = MARTS[said["mart"]]["config"]["meta"]
        assert said["mart"] in MONTHLY and "figures" not in other and "repeats" not in other
        assert set(said["columns"]) <= set(columns) - set(grain(MARTS[name]))
