"""The files derived from the declarations: whether they are up to date, and writing them."""

from __future__ import annotations

from pathlib import Path

from linli.contracts.derive import derived_files
from linli.pipeline.deployment import catalog
from linli.settings import Settings


def stale_files(settings: Settings) -> list[Path]:
    """Derived files (relative to the project) whose text is not what the declarations give."""
    return [
        path
        for path, text in derived_files(catalog(settings)).items()
        if not (settings.project / path).exists() or (settings.project / path).read_text(encoding="utf-8") != text
    ]


def write_derived_files(settings: Settings) -> list[Path]:
    """Writes the derived files that are not up to date and returns their paths."""
    stale = stale_files(settings)
    texts = derived_files(catalog(settings))
    for path in stale:
        (settings.project / path).parent.mkdir(parents=True, exist_ok=True)
        (settings.project / path).write_text(texts[path], encoding="utf-8")
    return stale
