"""One batch as a Parquet file: written aside, checked, flushed to disk. Nothing here knows of the register."""

from __future__ import annotations

import datetime as dt
import json
import queue
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linli.durable import sync
from linli.failures import SourceContractBroken

FOOTER_KEY = b"linli"
ROWS_PER_GROUP = 122_880
"""DuckDB's own row group size: its readers then work on whole groups"""

SMALL_ROWS = 10_000
"""below this neither a dictionary nor a thread earns what it costs"""

_SAMPLE_ROWS = 20_000
_EARLIEST, _LATEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


class LandingError(SourceContractBroken):
    """A batch that may not land: it is not whole, or not what it says. Messages hold names and counts only."""


def write(folder: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch], footer: dict[str, Any]) -> tuple[Path, int]:
    """Writes `batches` to a new file in `folder` and flushes it; returns its path and its rows.

    `footer` is put into the file's metadata under 'linli', with `rows` added. Encoding and compression run in a thread beside the
    producer of the batches. Nothing is left behind on an error.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{uuid.uuid4().hex}.parquet"
    try:
        with _memory_kept():
            rows = _write(path, schema, batches, footer)
        _check(path, schema, rows)
        sync(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, rows


def read_footer(path: Path) -> dict[str, Any] | None:
    """What a batch file says of itself, or None when it is no whole batch file."""
    try:
        metadata = pq.read_metadata(path)
        said = json.loads((metadata.metadata or {})[FOOTER_KEY])
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return None
    return said if isinstance(said, dict) and said.get("rows") == metadata.num_rows else None


def _write(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch], footer: dict[str, Any]) -> int:
    groups = _grouped(batches, schema)
    first = next(groups, schema.empty_table())
    rows: int = first.num_rows
    is_small = rows < SMALL_ROWS
    integers = [f.name for f in schema if pa.types.is_timestamp(f.type) or pa.types.is_int64(f.type) or pa.types.is_int32(f.type)]
    with (
        path.open("xb") as sink,
        pq.ParquetWriter(
            sink,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=False if is_small else [name for name in _repetitive(first) if name not in integers],
            column_encoding=None if is_small else dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
            write_statistics=[field.name for field in schema if not _is_text(field.type)],
            data_page_size=1 << 20,
        ) as writer,
    ):
        if is_small:
            writer.write_table(first)
        else:
            with _Beside(writer) as beside:
                beside.write(first)
                for group in groups:
                    rows += group.num_rows
                    beside.write(group)
        writer.add_key_value_metadata({FOOTER_KEY.decode(): json.dumps({**footer, "rows": rows}, ensure_ascii=False, sort_keys=True)})
    return rows


@contextmanager
def _memory_kept() -> Iterator[None]:
    """Arrow's memory comes from the C library meanwhile, which keeps what one batch has freed for the next.

    Arrow's own allocator gives it back to the system, which clears every page again.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _is_text(kind: pa.DataType) -> bool:
    """Whether values are texts or lists of them: the least and the greatest help no reader, and finding them takes long."""
    return bool(pa.types.is_string(kind) or pa.types.is_list(kind))


def _grouped(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= ROWS_PER_GROUP:
            yield pa.Table.from_batches(waiting, schema)
            waiting, count = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def _repetitive(table: pa.Table) -> list[str]:
    """Columns of which a sample holds few distinct values, so a dictionary saves time and room; lists by their items."""
    sample = table.slice(0, _SAMPLE_ROWS)
    few = max(64, sample.num_rows // 4)
    found = []
    for field in table.schema:
        if pa.types.is_list(field.type):
            found.append(f"{field.name}.list.element")
        elif pc.count_distinct(sample.column(field.name)).as_py() <= few:
            found.append(field.name)
    return found


class _Beside:
    """Hands tables to the writer in a thread, one waiting at most; the writer's error is raised where the tables come from."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._tables: queue.Queue[pa.Table | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="parquet", daemon=True)

    def __enter__(self) -> _Beside:
        self._thread.start()
        return self

    def write(self, table: pa.Table) -> None:
        if self._error:
            raise self._error
        self._tables.put(table)

    def _run(self) -> None:
        while (table := self._tables.get()) is not None:
            if self._error is None and table.num_rows:
                try:
                    self._writer.write_table(table, row_group_size=table.num_rows)
                except BaseException as error:
                    self._error = error

    def __exit__(self, *problem: object) -> None:
        self._tables.put(None)
        self._thread.join()
        if self._error and problem[0] is None:
            raise self._error


def _check(path: Path, schema: pa.Schema, rows: int) -> None:
    """The footer must say the rows that were written and no instant outside 1900..2200 (a driver's wrapped infinity, a wrong unit)."""
    metadata = pq.read_metadata(path)
    if metadata.num_rows != rows:
        raise LandingError(f"写入 {rows} 行，文件中却有 {metadata.num_rows} 行")
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    low, high = ((edge - epoch) // dt.timedelta(microseconds=1) for edge in (_EARLIEST, _LATEST))
    places = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    for field in schema:
        if pa.types.is_timestamp(field.type):
            for group in range(metadata.num_row_groups):
                known = metadata.row_group(group).column(places[field.name]).statistics
                if known is not None and known.has_min_max and not (low <= known.min_raw and known.max_raw <= high):
                    raise LandingError(f"列 {field.name} 的时间超出 {_EARLIEST.year}–{_LATEST.year} 年")
