"""The staged dbt project: a copy under the home folder, with the deployment's reference data as its seeds.

dbt parses only what has changed since its last run, so an unchanged file keeps its place and time.
"""

from __future__ import annotations

import filecmp
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from linli.settings import Settings

_SUFFIXES = frozenset({".sql", ".py", ".yml", ".csv", ".md"})


@dataclass(frozen=True)
class StagedProject:
    """Where dbt runs. `definitions` is a hash of every file that decides a figure, seeds included."""

    folder: Path
    target: Path
    logs: Path
    definitions: str


def stage(settings: Settings) -> StagedProject:
    """Brings the staged project in line with the project's dbt files and the deployment's reference data."""
    folder = settings.home / "dbt" / "project"
    wanted = dict(_files(settings.project / "dbt_project", folder))
    wanted |= {folder / "seeds" / path.name: path for path in settings.reference.glob("*.csv")}
    total = hashlib.sha256()
    for copy, original in sorted(wanted.items()):
        total.update(f"{copy.relative_to(folder).as_posix()}\0".encode())
        total.update(original.read_bytes())
        if not (copy.exists() and filecmp.cmp(original, copy, shallow=False)):
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(original, copy)
    for path, _ in list(_files(folder, folder)):
        if path not in wanted:
            path.unlink()
    return StagedProject(folder, settings.home / "dbt" / "target", settings.home / "dbt" / "logs", total.hexdigest())


def fingerprint(project: StagedProject, settings: Settings, calendar: pa.Table) -> str:
    """A hash of all that decides a figure besides the rows and as_of: when it changes, everything is computed again."""
    total = hashlib.sha256(project.definitions.encode())
    total.update(f"{settings.satisfied_min_score} {settings.small_sample_n}".encode())
    for column in calendar.columns:
        total.update(repr(column.to_pylist()).encode())
    return total.hexdigest()


def _files(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(source.rglob("*")):
        if path.suffix in _SUFFIXES and path.is_file():
            yield target / path.relative_to(source), path
