"""The dashboard of Superset: every file reads, points to what is there, and asks only for what the marts have.

Superset itself is not needed: datasets and charts are put together as the SQL that Superset makes of them and asked of empty tables with
the columns the models declare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
import yaml

from declared import declared
from linli.publication.content import Table
from linli.serving.access import open_columns

ROOT = Path(__file__).resolve().parents[2]
EXPORT = ROOT / "deploy" / "superset" / "export"
FILES = {path.relative_to(EXPORT).as_posix(): yaml.load(path.read_bytes(), yaml.CSafeLoader) for path in sorted(EXPORT.rglob("*.yaml"))}
OPERATORS = {"==": "="}


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in FILES.items() if name.startswith(f"{kind}/")}


def by_uuid(kind: str) -> dict[str, dict[str, Any]]:
    return {found["uuid"]: found for found in of(kind).values()}


def tables() -> Iterator[tuple[Table, dict[str, str]]]:
    """The marts, dimensions and seeds with the types of their columns, as far as dbt's files give them."""
    for name, node in {**declared("models/marts"), **declared("seeds")}.items():
        columns = tuple((c["name"], (c.get("data_type") or "varchar").upper()) for c in node["columns"])
        yield Table("mart" if name.startswith("mart_") else "ref", name, columns), dict(columns)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table, empty, with the columns that linli_reader may see."""
    with duckdb.connect() as con:
        con.execute("create schema mart; create schema ref")
        for table, types in tables():
            if columns := [f'"{name}" {types[name]}' for name in open_columns(table)]:
                con.execute(f"create table {table} ({', '.join(columns)})")
        yield con


def test_it_is_an_export_of_a_dashboard_and_each_thing_is_there_once() -> None:
    assert FILES["metadata.yaml"]["type"] == "Dashboard"
    assert {kind: len(of(kind)) for kind in ("databases", "datasets", "charts", "dashboards")} == {
        "databases": 1, "datasets": 4, "charts": 8, "dashboards": 1,
    }  # fmt: skip
    things = [found for name, found in FILES.items() if name != "metadata.yaml"]
    assert len({UUID(found["uuid"]) for found in things}) == len(things)
    assert {found["version"] for found in FILES.values()} == {"1.0.0"}


def test_everything_points_to_what_is_there() -> None:
    assert {dataset["database_uuid"] for dataset in of("datasets").values()} == set(by_uuid("databases"))
    assert {chart["dataset_uuid"] for chart in of("charts").values()} == set(by_uuid("datasets"))
    [dashboard] = of("dashboards").values()
    position = dashboard["position"]
    places = [place for place in position.values() if isinstance(place, dict) and place["type"] == "CHART"]
    assert sorted(place["meta"]["uuid"] for place in places) == sorted(by_uuid("charts"))
    assert all(place["meta"]["sliceName"] == by_uuid("charts")[place["meta"]["uuid"]]["slice_name"] for place in places)
    hung_up = [child for place in position.values() if isinstance(place, dict) for child in place.get("children", [])]
    assert sorted([*hung_up, "ROOT_ID", "HEADER_ID"]) == sorted(name for name in position if name != "DASHBOARD_VERSION_KEY")


def test_the_database_is_named_by_a_service_and_can_only_be_read() -> None:
    [database] = of("databases").values()
    assert database["sqlalchemy_uri"] == "postgresql+psycopg2:///?service=linli"
    assert not any(database[name] for name in ("allow_ctas", "allow_cvas", "allow_dml", "allow_csv_upload"))


@pytest.mark.parametrize("name", of("datasets"))
def test_a_dataset_reads_columns_there_are(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    dataset = FILES[name]
    found = warehouse.execute(dataset["sql"])
    assert [column[0] for column in found.description or ()] == [column["column_name"] for column in dataset["columns"]]
    found.fetchall()
    assert dataset["main_dttm_col"] == "month" and [c["column_name"] for c in dataset["columns"] if c["is_dttm"]] == ["month"]
    for metric in dataset["metrics"]:
        warehouse.execute(f"select {metric['expression']} from ({dataset['sql']})").fetchall()


@pytest.mark.parametrize("name", of("charts"))
def test_a_chart_asks_for_columns_and_metrics_of_its_dataset(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    chart, params = FILES[name], FILES[name]["params"]
    dataset = by_uuid("datasets")[chart["dataset_uuid"]]
    metrics = {metric["metric_name"]: metric["expression"] for metric in dataset["metrics"]}
    assert params["viz_type"] == chart["viz_type"] and params["metrics"] and set(params["metrics"]) <= set(metrics)
    grouped = [*([params["x_axis"]] if "x_axis" in params else []), *params["groupby"]]
    filters = [
        f"{found['subject']} {OPERATORS[found['operator']]} '{found['comparator']}'"
        for found in params["adhoc_filters"]
        if found["operator"] != "TEMPORAL_RANGE"
    ]
    assert any(text.startswith("level = ") for text in filters), "without a level every case counts many times"
    asked = ", ".join([*grouped, *(f'{metrics[metric]} as "{metric}"' for metric in params["metrics"])])
    warehouse.execute(f"select {asked} from ({dataset['sql']}) where {' and '.join(filters)} group by all").fetchall()


@pytest.mark.parametrize("name", of("charts"))
def test_a_chart_is_read_as_it_is_drawn(name: str) -> None:
    """Seen in Superset 6.1: the legend has the name of a metric and not its label, a share's axis goes beyond the whole, a table begins
    with whatever has the most of its first metric."""
    params = FILES[name]["params"]
    if len(params["metrics"]) > 1 and params["viz_type"].startswith("echarts"):
        assert all(re.search(r"[\u4e00-\u9fff]", metric) for metric in params["metrics"])
    if params.get("y_axis_format", "").endswith("%"):
        assert (params["truncateYAxis"], params["y_axis_bounds"]) == (True, [0, 1])
    if params["viz_type"] == "table":
        metrics = {metric["metric_name"]: metric["expression"] for metric in by_uuid("datasets")[FILES[name]["dataset_uuid"]]["metrics"]}
        assert params["order_desc"] and metrics[params["timeseries_limit_metric"]] == "max(month)"


@pytest.mark.parametrize("name", [name for name, chart in of("charts").items() if {"下限", "上限"} & set(chart["params"]["metrics"])])
def test_an_interval_is_shown_of_single_rows_only(name: str) -> None:
    """Intervals do not add up: whatever names a row of the mart is in the grouping or filtered to one value."""
    params = FILES[name]["params"]
    named = {*params["groupby"], params.get("x_axis")} | {f["subject"] for f in params["adhoc_filters"] if f["operator"] == "=="}
    assert {"month", "key_name", "level"} <= named
    grain = {"emergencies_in_time": {"whistle_level_code"}}.get(Path(name).stem, set())
    assert grain <= named
