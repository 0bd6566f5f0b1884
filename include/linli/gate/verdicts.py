"""Verdict files: narrow, immutable, only rows that are not simply accepted.

Columns: `_batch_id, row_no, verdict, rules list<string>, readings list<string>, key`. In a first verdict `verdict` is
quarantined, held or duplicate; in later ones, about rows that were held, released, quarantined or duplicate.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from linli.durable import sync

SCHEMA = pa.schema(
    [
        ("_batch_id", pa.string()),
        ("row_no", pa.int32()),
        ("verdict", pa.string()),
        ("rules", pa.list_(pa.string())),
        ("readings", pa.list_(pa.string())),
        ("key", pa.string()),
    ]
)


def write_verdict(table: pa.Table, path: Path) -> None:
    """Writes a verdict aside, syncs it and links it into place.

    A file already there belongs to a gate that was killed before it registered the verdict (gates exclude each
    other): it counts for nothing and is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.tmp")
    with aside.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)
    os.link(aside, path)
    aside.unlink()
    sync(path.parent)
