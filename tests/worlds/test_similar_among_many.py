"""One thing complained of in five compounds among 100,000 texts that complain of other things in the same sentences."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from linli.similarity import Rules, similar_cases
from worlds.complaints import Planted, complaints

PROJECT = Path(__file__).parents[2] / "dbt_project" / "dbt_project.yml"


def test_what_was_planted_is_found_and_nothing_else() -> None:
    planted = [
        Planted(3, 7, dt.date(2026, 5, 4), "充电桩位被油车霸占", 5),
        Planted(0, 21, dt.date(2026, 9, 2), "二次供水有铁腥味", 5),
    ]
    texts = complaints(1, 100_000, dt.date(2026, 1, 1), 365, planted)
    months = [dt.date(2026, month, 1) for month in range(1, 13)]
    month_of = pc.floor_temporal(texts.column("reported_on"), unit="month")
    rules = Rules(**yaml.load(PROJECT.read_text(encoding="utf-8"), yaml.CSafeLoader)["vars"]["similar"])

    answer = similar_cases(months, lambda month: texts.filter(pc.equal(month_of, pa.scalar(month))), rules)

    compound = dict(zip(texts.column("case_no").to_pylist(), texts.column("compound_code").to_pylist(), strict=True))
    reported = dict(zip(texts.column("case_no").to_pylist(), texts.column("reported_on").to_pylist(), strict=True))
    clusters: dict[tuple[dt.date, str], set[str]] = {}
    for row in answer.to_pylist():
        clusters.setdefault((row["month"], row["centre_case_no"]), set()).add(row["case_no"])
    credited = sorted(
        sorted(cases)
        for (month, _), cases in clusters.items()
        if len({compound[case] for case in cases}) > 1 and any(reported[case].month == month.month for case in cases)
    )
    assert credited == [[f"P{plant}-{n}" for n in range(5)] for plant in range(2)], json.dumps(credited[:5])
