"""What tables and columns mean, as comments in the database. Marts and reference tables are described where dbt declares them, those
that tell of runs and closed months in account.yml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Description:
    """What a table means, and its columns by name."""

    text: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


def of_the_account() -> dict[str, Description]:
    """The tables of a release that no model of dbt makes, by name."""
    declared = yaml.safe_load(Path(__file__).with_name("account.yml").read_text(encoding="utf-8"))
    return {name: Description(table["description"], table["columns"]) for name, table in declared.items()}
