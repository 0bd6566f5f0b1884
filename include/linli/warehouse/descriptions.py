"""What the models and the reference data mean, as dbt declares it beside them."""

from __future__ import annotations

from pathlib import Path

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def descriptions(project: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Of every model and seed of the project's dbt files, by name: what a row is, and its columns by name."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for folder in ("models", "seeds"):
        for path in sorted((project / "dbt_project" / folder).rglob("*.yml")):
            declared = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}
            for node in declared.get(folder) or []:
                columns = {column["name"]: str(column.get("description") or "").strip() for column in node.get("columns") or []}
                found[node["name"]] = (str(node.get("description") or "").strip(), columns)
    return found
