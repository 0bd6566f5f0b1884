"""The codes of the warehouse against the values that the gate lets through."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from linli.contracts import Catalog

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def names() -> dict[str, set[str]]:
    lists: dict[str, set[str]] = {}
    for row in csv.DictReader((ROOT / "dbt_project" / "seeds" / "code_lists.csv").open(encoding="utf-8")):
        lists.setdefault(row["code_list"], set()).add(row["code_name"])
    return lists


@pytest.mark.parametrize(
    ("code_list", "record", "column"),
    [
        ("patrol_kind", "patrol_app.patrols", "kind"),
        ("patrol_duty", "patrol_app.patrols", "duty"),
        ("checklist", "patrol_app.patrol_checklists", "kind"),
        ("checklist", "patrol_app.patrol_findings", "checklist"),
        ("severity", "patrol_app.patrol_findings", "severity"),
        ("disposition", "patrol_app.patrol_findings", "disposition"),
        ("snap_status", "patrol_app.snaps", "status"),
        ("meeting_type", "meeting_returns.meetings", "meeting_type"),
        ("raised_by", "meeting_returns.matters", "raised_by"),
        ("event_type", "meeting_returns.publicity_events", "event_type"),
        ("expert_kind", "case_system.consultations", "expert_kind"),
        ("legal_risk", "case_system.consultations", "legal_risk"),
    ],
)
def test_every_value_the_gate_lets_through_has_a_code(
    catalog: Catalog, names: dict[str, set[str]], code_list: str, record: str, column: str
) -> None:
    listed = [set(check.expect.in_set) for check in catalog.record(record).checks if check.column == column and check.expect.in_set]
    assert listed == [names[code_list]]
