"""What the yml files of the dbt project declare, read once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

DBT = Path(__file__).resolve().parents[1] / "dbt_project"


@functools.cache
def declared(folder: str) -> dict[str, dict[str, Any]]:
    """The models, or in seeds/ the seeds, declared in a folder of the project, by name."""
    contents = [yaml.load(path.read_bytes(), yaml.CSafeLoader) or {} for path in sorted((DBT / folder).rglob("*.yml"))]
    kind = folder.partition("/")[0]
    return {node["name"]: node for content in contents for node in content.get(kind) or []}
