"""What the models say of themselves, read from dbt's manifest: the grain of each mart and the fact rows behind its figures.

A mart names its fact rows in its `meta`, so that a restated figure can name the records that changed:

    meta:
      closing:
        - {fact: fct_case_step, record: "case_no || '/' || round_no || '/' || step", where: "due_month = {month}"}

`where` may use {month} and {next_month}, first days of months. A fact row is behind the figures of every level it has a column for; `keys`
adds a level it has none for, with an SQL expression of the list of its keys:

          keys: {called_department: "(select list(department_code) from ref.departments where …)"}

A mart that repeats the figures of others says which of its own stand nowhere else; just these are closed:

    meta:
      figures: [complaint_change_rate]

One that repeats columns, be it in some of its rows only, names them and the mart that counts them:

    meta:
      repeats:
        - {mart: mart_two_callback_satisfaction, columns: [double_called_count], where: "period = 'month'"}

There they are left out as well: one late record restates each number once, in the mart where it is counted. What a mart shows of the
month before is a figure of its own month: the other mart may never have been closed for the month it was counted in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from linli.settings import Settings
from linli.warehouse.dbt import describe
from linli.warehouse.locks import only_user_of_the_project
from linli.warehouse.project import stage

MONTH = "month"
DISTRICT = "district_code"
EVERYWHERE = "true"
_GRAIN_TESTS = ("sound", "grain")


@dataclass(frozen=True)
class FactRows:
    """The rows of a fact a mart counts in a month: `record` is an SQL expression that names a row, `where` chooses the month's, `keys`
    gives lists of keys of levels the fact has no column for."""

    fact: str
    record: str
    where: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mart:
    """A mart by month: its grain without the month (and the district of each row), its other columns, and the fact rows behind it.

    `repeated` has, for a figure that only repeats another mart's, an SQL condition on the rows in which it does.
    """

    name: str
    grain: tuple[str, ...]
    figures: tuple[str, ...]
    behind: tuple[FactRows, ...]
    repeated: Mapping[str, str] = field(default_factory=dict)


def monthly_marts(settings: Settings) -> list[Mart]:
    """The marts with a column `month` in their grain that count for themselves, by name. Waits for a build under way. Raises
    BuildFailed when dbt cannot read the models."""
    with only_user_of_the_project(settings):
        project = stage(settings)
        describe(project, settings)
        manifest = json.loads((project.target / "manifest.json").read_text(encoding="utf-8"))
    return marts_of(manifest)


def marts_of(manifest: Mapping[str, Any]) -> list[Mart]:
    """`monthly_marts` of a manifest already read."""
    grains = {
        node["attached_node"]: tuple(node["test_metadata"]["kwargs"]["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") in _GRAIN_TESTS
    }
    found = []
    for name, node in manifest["nodes"].items():
        grain = grains.get(name, ())
        if node["resource_type"] == "model" and node["schema"] == "mart" and MONTH in grain:
            found.append(_mart(node["name"], grain, list(node["columns"]), node["config"]["meta"]))
    return sorted(found, key=lambda mart: mart.name)


def _mart(name: str, grain: Sequence[str], columns: Sequence[str], meta: Mapping[str, Any]) -> Mart:
    named_by = [column for column in grain if column != MONTH]
    # records are found by place: a row named by a case or a cluster still belongs to its district
    if DISTRICT in columns and DISTRICT not in grain:
        named_by.append(DISTRICT)
    own = meta.get("figures", columns)
    figures = [column for column in columns if column != MONTH and column not in named_by and column in own]
    behind = tuple(FactRows(**rows) for rows in meta.get("closing", []))
    repeated = {column: said.get("where", EVERYWHERE) for said in meta.get("repeats", []) for column in said["columns"]}
    return Mart(name, tuple(named_by), tuple(figures), behind, repeated)
