"""What the yml files of the dbt project declare, read once."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import yaml

DBT = Path(__file__).resolve().parents[1] / "dbt_project"


@functools.cache
def declared(folder: str) -> dict[str, dict[str, Any]]:
    """The models, or in seeds/ the seeds, declared in a folder of the project, by name."""
    kind = folder.partition("/")[0]
    return {node["name"]: node for path in sorted((DBT / folder).rglob("*.yml")) for node in _nodes(path, kind)}


@functools.cache
def _nodes(path: Path, kind: str) -> list[dict[str, Any]]:
    content = path.read_bytes()
    # the unit tests, which nobody asks for, are longer than all the rest
    return yaml.load(content, yaml.CSafeLoader)[kind] if re.search(rf"^{kind}:".encode(), content, re.MULTILINE) else []
