"""Streams of record batches: declared types, read ahead in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator

import pyarrow as pa


def conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` in the order and types of `schema`."""
    columns = []
    for column in schema:
        values = batch.column(column.name)
        columns.append(values if values.type == column.type else values.cast(column.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def read_ahead(batches: Generator[pa.RecordBatch, None, None], waiting: int = 2) -> Generator[pa.RecordBatch, None, None]:
    """The same batches, produced in a thread while the reader works on the one before; the producer's error is raised here.

    Closing the iterator stops the producer after its current batch and waits for it.
    """
    handed: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(waiting)
    stop = threading.Event()

    def produce() -> None:
        last: BaseException | None = None
        try:
            for batch in batches:
                if stop.is_set():
                    return
                handed.put(batch)
        except BaseException as error:
            last = error
        finally:
            batches.close()
            handed.put(last)

    thread = threading.Thread(target=produce, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := handed.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        while thread.is_alive():
            try:
                handed.get(timeout=0.05)
            except queue.Empty:
                continue
        thread.join()
