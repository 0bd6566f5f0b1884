"""The dbt project itself: its unit tests, its warnings, and rules about how it is written."""

from __future__ import annotations

import csv
import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from linli import calendar
from linli.warehouse import dbt
from linli.warehouse.project import stage
from warehouse_home import Home, case, step

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = sorted(PROJECT.glob("models/**/*.sql"))


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in [*PROJECT.glob("models/**/*.yml"), *PROJECT.glob("seeds/*.yml")]:
        content = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        for node in [*content.get("models", []), *content.get("seeds", [])]:
            yield node["name"], node


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("project") / "home")
    home.land("case_system.cases", [case("A", "2026-10-27 09:00")], snapshot="2026-11-01")
    home.land("case_system.case_steps", [step(1, "A", "上报", "2026-10-27 09:00")], snapshot="2026-11-01")
    home.build("2026-11-01")
    return home


def without_a_warning_or_a_skip(home: Home, *command: str) -> list[dbt.NodeResult]:
    """dbt's results. A warning is an error here: a deprecated key today is a broken night after the next upgrade."""
    returned, results = dbt._run(stage(home.settings), home.settings, home.settings.work_file, ["--warn-error", *command])
    assert [(result.name, result.status) for result in results if result.status not in ("pass", "success")] == []
    assert returned == 0
    return results


def test_everything_is_built_and_every_test_asked_by_itself(built: Home) -> None:
    results = without_a_warning_or_a_skip(built, "build", "--full-refresh", "--exclude-resource-type", "exposure", "unit_test")
    assert {"seed", "model", "test"} <= {result.kind for result in results}


def test_everything_is_read_without_a_warning(built: Home) -> None:
    # dbt tells a deprecation once in a process, and a build goes on with what was read before its flags are known
    project = stage(built.settings)
    order = [Path(sys.executable).with_name("dbt"), "--warn-error", "parse", "--no-partial-parse", *dbt._places(project)]
    environment = os.environ | dbt._environment(built.settings, project)
    done = subprocess.run(order, cwd=project.folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout


def test_unit_tests_of_the_models(built: Home) -> None:
    results = without_a_warning_or_a_skip(built, "test", "--select", "test_type:unit", "--no-partial-parse")
    names = {result.name for result in results}
    for edge in ("friday_evening", "make_up_saturday", "holiday", "exact_deadline", "suspended_and_resumed", "suspension_open"):
        assert f"clock_{edge}" in names
    assert {"clock_year_not_published", "clock_leap_day", "rounds_begin_with_a_report_or_a_reopening"} <= names


def test_what_stops_dbt_as_a_whole_is_named(built: Home) -> None:
    returned, results = dbt._run(stage(built.settings), built.settings, built.settings.work_file, ["build", "--no-such-option"])
    assert returned
    assert [(result.kind, result.status, result.broken) for result in results] == [("operation", "error", ["DbtUsageException"])]


def test_every_model_is_described_by_its_grain() -> None:
    descriptions = {name: node["description"] for name, node in described()}
    written_in_python = PROJECT.glob("models/**/*.py")
    assert {path.stem for path in [*MODELS, *written_in_python, *PROJECT.glob("seeds/*.csv")]} == set(descriptions)
    assert [name for name, text in descriptions.items() if not text.startswith("one row ")] == []


def test_every_model_has_a_test_of_its_grain() -> None:
    tested = {"grain", "sound", "staged_grain"}
    found = {
        name
        for name, node in described()
        if any(tested & set(test) for test in node.get("data_tests", []) if isinstance(test, dict))
    }
    assert {name for name, _ in described()} - found == set()


def test_every_mart_and_fact_has_a_contract_and_described_columns() -> None:
    nodes = dict(described())
    for path in MODELS:
        if path.stem.startswith(("fct_", "mart_")):
            node = nodes[path.stem]
            assert node["config"]["contract"] == {"enforced": True}
            assert all(column["description"] and column["data_type"] for column in node["columns"])


def test_every_singular_test_says_what_breaks() -> None:
    paths = sorted(PROJECT.glob("tests/*.sql"))
    assert paths
    assert [path.name for path in paths if not path.read_text(encoding="utf-8").startswith("-- If this fails, ")] == []


def test_models_know_no_wall_clock_and_no_engine() -> None:
    words = r"now|current_date|current_timestamp|today|epoch|strftime|list_(?!size)\w+|struct_pack|unnest|timezone|datediff"
    engine = re.compile(rf"\b({words})\b", re.IGNORECASE)
    for path in [*MODELS, *PROJECT.glob("tests/*.sql"), *PROJECT.glob("macros/*.sql")]:
        if path.name != "dialect.sql":
            code = re.sub(r"\{#.*?#\}|--[^\n]*|'[^']*'", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert engine.findall(code) == [], path.name


def test_the_unit_tests_calendar_is_the_announced_one() -> None:
    rows = list(csv.DictReader((PROJECT / "tests" / "fixtures" / "calendar_days.csv").open(encoding="utf-8")))
    published = [row for row in rows if row["is_provisional"] == "false"]
    assert len(published) > 90
    for row in published:
        assert (row["is_workday"] == "true") == calendar.is_workday(dt.date.fromisoformat(row["calendar_on"]))


def test_staging_keeps_every_declared_column_and_uses_the_declared_key(built: Home) -> None:
    for record in built.catalog.records:
        columns = built.rows(f"select * from (describe staging.stg_{record.table})")
        assert set(record.landing_schema().names) <= {name for name, *_ in columns}
        text = (PROJECT / "models" / "staging" / f"stg_{record.table}.sql").read_text(encoding="utf-8")
        assert re.findall(r"unique_key=(\[.*?\])", text) == [str(list(record.key))]
