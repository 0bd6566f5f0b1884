"""The headline metrics asked of the semantic layer, beside the marts: two ways to one figure."""

from __future__ import annotations

from typing import Any

import duckdb
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from linli.settings import Settings
from linli.warehouse.dbt import describe
from linli.warehouse.project import stage

from .compare import Comparison, Mart

LEVELS = {
    "district": None, "community": "community_code", "compound": "compound_code", "station": "station_code",
    "department": "department_code", "officer": "officer_no", "category": "category_code", "item": "item_code",
    "whistle_level": "whistle_level_code", "channel": "channel_code",
}  # fmt: skip
MARTS = {
    "mart_clock_257": (
        "case_step", ("step",), ("due_count", "on_time_count", "judged_count", "closed_count", "on_time_rate", "closed_only_rate"),
    ),
    "mart_two_callback_satisfaction": (
        "case_round", (),
        (
            "eligible_count", "matured_count", "double_called_count", "double_satisfied_count", "coverage_rate", "satisfaction_rate",
            "strict_satisfaction_rate",
        ),
    ),
}  # fmt: skip


class _Renders:
    """What the engine wants of a client to write its SQL; the SQL itself is run by us, read-only."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()


def compare(settings: Settings, found: dict[str, Mart]) -> Comparison:
    """Every headline metric for every level and month, as the semantic layer computes it and as `found` has it."""
    project = stage(settings)
    describe(project, settings)
    manifest = project.target / "semantic_manifest.json"
    lookup = SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(manifest.read_text(encoding="utf-8")))
    engine = MetricFlowEngine(lookup, _Renders())  # type: ignore[arg-type]
    comparison = Comparison()
    with duckdb.connect(str(settings.work_file), read_only=True) as con:
        for mart, (entity, others, metrics) in MARTS.items():
            expected: Mart = {}
            for level, column in LEVELS.items():
                names = ["district_code", *others, *([column] if column else [])]
                request = MetricFlowQueryRequest.create(
                    metric_names=metrics, group_by_names=["metric_time__month", *(f"{entity}__{name}" for name in names)]
                )
                answer = con.execute(engine.explain(request).sql_statement.sql)
                columns = [d[0].removeprefix(f"{entity}__") for d in answer.description or ()]
                for values in answer.fetchall():
                    row: dict[str, Any] = dict(zip(columns, values, strict=True))
                    month = row["metric_time__month"]
                    key = (month.date() if hasattr(month, "date") else month, row["district_code"], level, row[column or "district_code"])
                    if row[metrics[0]]:
                        expected[(*key, *(row[other] for other in others))] = {name: row[name] for name in metrics}
            of_metrics = {key: {name: row[name] for name in metrics} for key, row in found[mart].items()}
            comparison.add(mart, expected, of_metrics)
    return comparison
