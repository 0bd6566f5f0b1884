"""The staged dbt project: a copy under the home folder, with the deployment's reference data as its seeds.

Over the project's own seeds lie those of LINLI_REFERENCE, and over these what people have chosen at the close of months. dbt parses only
what has changed since its last run, so an unchanged file keeps its place and time; everything when a macro has changed.

The seeds of every night are kept (`seeds/<hash>/` under the home folder), so that a past day is computed again from those of its time.
"""

from __future__ import annotations

import filecmp
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import yaml

from linli.durable import whole
from linli.failures import Refusal
from linli.settings import Settings

CAMPAIGNS = "campaigns.csv"
_SUFFIXES = frozenset({".sql", ".py", ".yml", ".csv", ".md"})


class SeedsMissing(Refusal):
    """The reference data a past day was computed with are not there."""


@dataclass(frozen=True)
class StagedProject:
    """Where dbt runs. `definitions` is a hash of every file that decides a figure, seeds included, but for the campaigns that were run:
    these are a decision, of which `campaigns` is the hash."""

    folder: Path
    target: Path
    logs: Path
    definitions: str
    campaigns: str


def small_group_n(settings: Settings) -> int:
    """How many residents a figure must be about to be told outside the team, as the marts flag it."""
    declared = yaml.load((settings.project / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return int(declared["vars"]["small_group_n"])


def stage(settings: Settings, seeds: str | None = None) -> StagedProject:
    """Brings the staged project in line with the project's dbt files and the deployment's reference data, or the kept `seeds`.

    Raises SeedsMissing when these are not there.
    """
    folder = settings.home / "dbt" / "project"
    if seeds and not (_kept(settings) / seeds).is_dir():
        raise SeedsMissing(f"参考数据的存档 {_kept(settings) / seeds} 不在：请从备份恢复 seeds/，否则算不出那一天的数字")
    wanted = dict(_files(settings.project / "dbt_project", folder))
    for source in [_kept(settings) / seeds] if seeds else [settings.reference, chosen(settings)]:
        wanted |= {folder / "seeds" / path.name: path for path in source.glob("*.csv")}
    target, logs = settings.home / "dbt" / "target", settings.home / "dbt" / "logs"
    definitions, campaigns = hashlib.sha256(), hashlib.sha256()
    for copy, original in sorted(wanted.items()):
        total = campaigns if copy.name == CAMPAIGNS else definitions
        total.update(f"{copy.relative_to(folder).as_posix()}\0".encode())
        total.update(original.read_bytes())
        if not (copy.exists() and filecmp.cmp(original, copy, shallow=False)):
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _forget_parsed(copy, target)
            shutil.copyfile(original, copy)
    for path, _ in list(_files(folder, folder)):
        if path not in wanted:
            _forget_parsed(path, target)
            path.unlink()
    return StagedProject(folder, target, logs, definitions.hexdigest(), campaigns.hexdigest())


def _forget_parsed(changing: Path, target: Path) -> None:
    """Hooks read macros, and dbt would go on with a hook as it was parsed. Before the file changes: a kill in between costs a parse."""
    if changing.parent.name == "macros":
        (target / "partial_parse.msgpack").unlink(missing_ok=True)


def chosen(settings: Settings) -> Path:
    """The folder of seeds that follow from what people have chosen; it can be written again at any time."""
    return settings.home / "dbt" / "chosen"


def keep_seeds(settings: Settings, project: StagedProject) -> str:
    """Keeps a copy of the staged seeds, once for all nights that have the same; returns its name."""
    files = sorted((project.folder / "seeds").glob("*.csv"))
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0".encode() + path.read_bytes())
    place = _kept(settings) / total.hexdigest()[:32]
    if not place.exists():
        try:
            with whole(place) as aside:
                for path in files:
                    shutil.copyfile(path, aside / path.name)
        except FileExistsError:
            # another process has just kept the same
            if not place.is_dir():
                raise
    return place.name


def _kept(settings: Settings) -> Path:
    return settings.home / "seeds"


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
