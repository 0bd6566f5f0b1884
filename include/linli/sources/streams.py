"""Streams of record batches: declared types, read ahead in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator

import pyarrow as pa


def conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` in the order and types of `schema`."""
    columns = []
    for column in schema:
        values = batch.column(column.name)
        columns.append(values if values.type == column.type else values.cast(column.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class ReadAhead:
    """The same batches once more, produced in a thread from `start` on, `waiting` of them at most before they are asked for.

    The producer's error is raised where its batch would have come. `close` stops the producer after its current batch and waits for it.
    """

    def __init__(self, batches: Generator[pa.RecordBatch, None, None], waiting: int = 2) -> None:
        self._batches = batches
        self._handed: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(waiting)
        self._stop = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._produce, name="read-ahead", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _produce(self) -> None:
        last: BaseException | None = None
        try:
            for batch in self._batches:
                if self._stop.is_set():
                    return
                self._handed.put(batch)
        except BaseException as error:
            last = error
        finally:
            self._batches.close()
            self._handed.put(last)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while not self._is_over:
            if self._stop.is_set():
                raise ValueError("reading ahead has been closed")
            item = self._handed.get()
            self._is_over = item is None or isinstance(item, BaseException)
            if isinstance(item, BaseException):
                raise item
            if item is not None:
                yield item

    def close(self) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._handed.get(timeout=0.05)
            except queue.Empty:
                continue
        # of a thread that has never begun
        self._batches.close()
