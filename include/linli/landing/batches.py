"""From a reading to registered batches: all records of one reading land together or not at all."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import RecordDecl
from linli.durable import sync
from linli.landing.batchfile import LandingError, write
from linli.locks import locked
from linli.register import Batch, Register, Run
from linli.settings import SHANGHAI, Settings

__all__ = ["LandingError", "Part", "Reading", "SourceFile", "land", "land_together"]


class Interval(Protocol):
    """What a batch covers: cursor values from `start` (None: from the beginning) up to `end`, exclusive."""

    @property
    def start(self) -> dt.datetime | None: ...

    @property
    def end(self) -> dt.datetime: ...


class SourceFile(Protocol):
    """The file a reading comes from: its sha256, its safe name, and whether it could be read whole."""

    @property
    def sha256(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def is_complete(self) -> bool: ...


class Reading(Protocol):
    """One consistent answer of a source, as the transports give it."""

    @property
    def snapshot_at(self) -> dt.datetime: ...

    @property
    def tables(self) -> Mapping[str, pa.RecordBatchReader]: ...

    @property
    def expected_rows(self) -> Mapping[str, int | Future[int] | None]: ...

    @property
    def new_columns(self) -> Mapping[str, Sequence[str]]: ...

    @property
    def file(self) -> SourceFile | None: ...

    @property
    def amends(self) -> bool: ...


@dataclass(frozen=True)
class Part:
    """One record of a reading. `rows` are already protected; `expected_rows` is what the source itself counts, at the latest when
    its last row has been read."""

    record: RecordDecl
    rows: pa.RecordBatchReader | pa.Table
    expected_rows: int | Future[int] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


def land(
    settings: Settings,
    register: Register,
    record: RecordDecl,
    reader: pa.RecordBatchReader | pa.Table,
    *,
    kind: str,
    window: Interval,
    snapshot_at: dt.datetime,
    run: Run,
    expected_rows: int | Future[int] | None = None,
    file: SourceFile | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Batch:
    """One record as one batch; see `land_together`."""
    part = Part(record, reader, expected_rows, meta or {})
    return land_together(settings, register, [part], kind=kind, window=window, snapshot_at=snapshot_at, run=run, file=file)[0]


def land_together(
    settings: Settings,
    register: Register,
    parts: Sequence[Part],
    *,
    kind: str,
    window: Interval,
    snapshot_at: dt.datetime,
    run: Run,
    file: SourceFile | None = None,
) -> list[Batch]:
    """Lands the records of one reading, one batch each, also those without a row; registers them in one transaction.

    kind is 'window', 'refetch', 'tombstone' or 'file'. A file is noted as taken in by the same call.
    Raises LandingError when a part holds another number of rows than the source counted; then nothing lands.
    """
    ids = [_batch_id(part.record, snapshot_at) for part in parts]
    aside: list[Path] = []
    batches: list[Batch] = []
    try:
        for part, batch_id in zip(parts, ids, strict=True):
            batch = Batch(
                batch_id=batch_id,
                source=part.record.source,
                record=part.record.name,
                kind=kind,
                path=str(_place(settings, part.record, run, kind, batch_id).relative_to(settings.home)),
                rows=0,
                interval_start=window.start,
                interval_end=window.end,
                snapshot_at=snapshot_at,
                run_id=run.run_id,
                file_sha=file.sha256 if file else None,
                meta={**part.meta, **({"file_label": file.label, "is_complete": file.is_complete} if file else {})},
            )
            schema = part.record.landing_schema()
            path, rows = write(aside_folder(settings), schema, _landing_rows(part, batch_id, snapshot_at), footer_of(batch, ids))
            aside.append(path)
            check_count(part.record, rows, part.expected_rows)
            batches.append(Batch(**{**vars(batch), "rows": rows}))
        with lake_lock(settings, exclusive=False):
            for path, batch in zip(aside, batches, strict=True):
                _link(path, settings.home / batch.path)
            for folder in sorted({(settings.home / batch.path).parent for batch in batches}):
                sync(folder)
            register.add_batches(batches)
        if file:
            register.files.add(file.sha256, batches[0].source, file.label, run.run_id, file_state(file.is_complete))
    finally:
        for path in aside:
            path.unlink(missing_ok=True)
    return batches


def file_state(is_complete: bool) -> str:
    """The state of a file in the register: taken in whole, or refused as a whole."""
    return "complete" if is_complete else "refused"


def aside_folder(settings: Settings) -> Path:
    """Where files are written before they count; on the same file system as the lake."""
    return settings.lake / ".aside"


def footer_of(batch: Batch, reading: Sequence[str]) -> dict[str, Any]:
    """The account of itself a batch file carries; `reading` lists the batches that came with it."""
    return {
        "batch_id": batch.batch_id,
        "source": batch.source,
        "record": batch.record,
        "kind": batch.kind,
        "path": batch.path,
        "interval_start": batch.interval_start.isoformat() if batch.interval_start else None,
        "interval_end": batch.interval_end.isoformat(),
        "snapshot_at": batch.snapshot_at.isoformat(),
        "run_id": batch.run_id,
        "file_sha": batch.file_sha,
        "meta": batch.meta,
        "reading": list(reading),
    }


def lake_lock(settings: Settings, *, exclusive: bool) -> AbstractContextManager[int]:
    """Shared while batches are linked and registered, exclusive while orphans are looked for."""
    return locked(settings.lake / ".lock", shared=not exclusive)


def partition(settings: Settings, record: RecordDecl, run: Run) -> Path:
    """The folder of a record's batches of one run: dt is the local date of the run's as_of."""
    return settings.lake / record.source / record.name / f"dt={run.as_of.astimezone(SHANGHAI):%Y-%m-%d}"


def _place(settings: Settings, record: RecordDecl, run: Run, kind: str, batch_id: str) -> Path:
    return partition(settings, record, run) / f"{kind}-{batch_id}.parquet"


def _batch_id(record: RecordDecl, snapshot_at: dt.datetime) -> str:
    return f"{record.table}-{snapshot_at.astimezone(dt.UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


def link(aside: Path, place: Path) -> None:
    """Exclusive: a batch that is there is never replaced. On disk when this returns."""
    _link(aside, place)
    sync(place.parent)


def _link(aside: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.link(aside, place)


def check_count(record: RecordDecl, rows: int, expected: int | Future[int] | None) -> None:
    """Raises LandingError when another number of rows has come than the source counted, or it has not counted what it was to count."""
    if isinstance(expected, Future):
        if not expected.done():
            raise LandingError(f"{record.full_name}：实到 {rows} 行，来源没有计数")
        expected = expected.result()
    if expected is not None and rows != expected:
        raise LandingError(f"{record.full_name}：来源计有 {expected} 行，实到 {rows} 行")


def _landing_rows(part: Part, batch_id: str, snapshot_at: dt.datetime) -> Iterator[pa.RecordBatch]:
    schema = part.record.landing_schema()
    constants = _Constants({"_batch_id": batch_id, "_snapshot_at": snapshot_at, "_deleted": False})
    first = 0
    for batch in part.rows.to_batches() if isinstance(part.rows, pa.Table) else part.rows:
        yield _stamped(batch, schema, constants, first)
        first += batch.num_rows


class _Constants:
    """Columns of one value each, null where none is given; made once, for the largest batch so far."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._columns: dict[str, pa.Array] = {}

    def __call__(self, column: pa.Field, count: int) -> pa.Array:
        made = self._columns.get(column.name)
        if made is None or len(made) < count:
            made = pa.repeat(pa.scalar(self._values.get(column.name), column.type), count)
            self._columns[column.name] = made
        return made.slice(0, count)


def _stamped(batch: pa.RecordBatch, schema: pa.Schema, constants: _Constants, first: int) -> pa.RecordBatch:
    count = batch.num_rows
    given = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns = []
    for column in schema:
        if column.name == "_row_no":
            columns.append(pa.array(np.arange(first, first + count, dtype=np.int32)))
        elif column.name in given and column.name not in ("_batch_id", "_snapshot_at"):
            values = given[column.name]
            columns.append(values if values.type == column.type else values.cast(column.type))
        else:
            columns.append(constants(column, count))
    if "_deleted" in given:
        place = schema.get_field_index("_deleted")
        columns[place] = pc.fill_null(columns[place], False)
    return pa.RecordBatch.from_arrays(columns, schema=schema)
