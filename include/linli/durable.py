"""What is written stays written: files and folder entries flushed to disk, under names that are nothing but names."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_-]+")
_LONGEST_NAME = 80


def name_of(said: str) -> str:
    """A code as part of a name of a file; it is whatever a source says it is, and those alike but for odd characters stay apart."""
    plain = _NOT_IN_NAMES.sub("_", said)[:_LONGEST_NAME]
    return plain if plain == said else f"{plain}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def sync(path: Path) -> None:
    """Flushes a file, or the entries of a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_empty_or_of(folder: Path, manifest: str) -> bool:
    """Whether nothing is in `folder`, or nothing but the files that its manifest lists under `files` and the manifest itself."""
    if not folder.exists():
        return True
    there = {path.name for path in folder.iterdir()}
    if manifest not in there:
        return not there
    return there <= {manifest, *json.loads((folder / manifest).read_text(encoding="utf-8"))["files"]}


def write_whole(place: Path, content: bytes) -> None:
    """A file that is there with all its bytes and on disk, or as it was before."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = place.parent / f".{place.name}.{secrets.token_hex(4)}"
    try:
        aside.write_bytes(content)
        sync(aside)
        aside.replace(place)
        sync(place.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole(place: Path, *, replaces: bool = False) -> Iterator[Path]:
    """A folder to fill, which appears at `place` with all its files, read-only and on disk. What is there already goes if it `replaces` it,
    else FileExistsError is raised."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = place.parent / f".{place.name}.{secrets.token_hex(4)}"
    aside.mkdir(mode=0o700)
    try:
        yield aside
        for path in aside.rglob("*"):
            sync(path)
            if path.is_file():
                path.chmod(0o400)
        sync(aside)
        before = place.parent / f"{aside.name}.before"
        if replaces and place.exists():
            place.rename(before)
        try:
            aside.rename(place)
        except OSError as error:
            if before.exists():
                before.rename(place)
            raise FileExistsError(error.errno, "已有同名的文件夹", str(place)) from error
        shutil.rmtree(before, ignore_errors=True)
        sync(place.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
