"""After a kill: batches that are whole and in their place but were not registered any more, and what was left half written."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linli.landing.batches import aside_folder, file_state, lake_lock
from linli.landing.batchfile import read_footer
from linli.register import Batch, Register
from linli.settings import SHANGHAI, Settings

RUNS_LOOKED_AT = 20

KEPT_ASIDE_SECONDS = 86_400.0
"""a file written aside that nobody touched for a day belongs to a process that is gone"""


@dataclass(frozen=True)
class Adoption:
    """What was found: batches now registered, files removed because their reading is not whole, and old files swept from aside."""

    adopted: list[str]
    removed: list[str]
    swept: int


def adopt(settings: Settings, register: Register, *, since: dt.date | None = None) -> Adoption:
    """Registers batches linked but not registered, if every batch of their reading is there; removes them otherwise.

    Such a removal loses nothing: what was never registered never counted, and its window is read again. Looks only at partitions from
    `since` on; by default those of the newest runs, because older ones were looked at when those began.
    """
    runs = register.runs(RUNS_LOOKED_AT)
    if since is None and runs:
        since = min(dt.datetime.fromisoformat(run["as_of"]).astimezone(SHANGHAI).date() for run in runs)
    with lake_lock(settings, exclusive=True):
        known = register.known_batch_ids()
        orphans = {
            footer["batch_id"]: footer for path in _batch_files(settings, since) if (footer := _footer(path, settings, known)) is not None
        }
        adopted: list[str] = []
        removed: list[str] = []
        for batch_id, footer in sorted(orphans.items()):
            if batch_id in adopted or batch_id in removed:
                continue
            reading: list[str] = footer["reading"]
            here = [other for other in reading if other in orphans]
            if len(here) == len(reading):
                register.add_batches(_batch(orphans[other]) for other in reading)
                adopted += reading
            else:
                for other in here:
                    (settings.home / orphans[other]["path"]).unlink()
                removed += here
        _note_files(register, [run["run_id"] for run in runs])
        return Adoption(adopted, removed, _sweep(aside_folder(settings)))


def _batch_files(settings: Settings, since: dt.date | None) -> list[Path]:
    found: list[Path] = []
    for folder in settings.lake.glob("*/*/dt=*"):
        if since is None or folder.name.removeprefix("dt=") >= since.isoformat():
            found += [path for path in folder.glob("*.parquet") if not path.name.startswith(("keys-", "hash-"))]
    return found


def _footer(path: Path, settings: Settings, known: set[str]) -> dict[str, Any] | None:
    if path.stem.split("-", 1)[1] in known:
        return None
    footer = read_footer(path)
    if footer is None or footer["path"] != str(path.relative_to(settings.home)):
        return None
    return footer


def _batch(footer: dict[str, Any]) -> Batch:
    start = footer["interval_start"]
    return Batch(
        batch_id=footer["batch_id"],
        source=footer["source"],
        record=footer["record"],
        kind=footer["kind"],
        path=footer["path"],
        rows=footer["rows"],
        interval_start=dt.datetime.fromisoformat(start) if start else None,
        interval_end=dt.datetime.fromisoformat(footer["interval_end"]),
        snapshot_at=dt.datetime.fromisoformat(footer["snapshot_at"]),
        run_id=footer["run_id"],
        file_sha=footer["file_sha"],
        meta=footer["meta"],
    )


def _note_files(register: Register, run_ids: list[str]) -> None:
    """A file whose batches are registered is taken in, also if we died between the two."""
    for batch in (batch for run_id in run_ids for batch in register.batches(run_id=run_id) if batch.file_sha):
        if batch.file_sha and not register.files.seen(batch.file_sha):
            register.files.add(
                batch.file_sha,
                batch.source,
                str(batch.meta["file_label"]),
                batch.run_id,
                file_state(batch.meta["is_complete"]),
            )


def _sweep(folder: Path) -> int:
    oldest = time.time() - KEPT_ASIDE_SECONDS
    stale = [path for path in folder.glob("*") if path.stat().st_mtime < oldest] if folder.is_dir() else []
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)
