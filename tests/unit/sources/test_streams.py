"""Reading ahead: the same batches in the same order, errors where they happened, and an end whatever the reader does."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pyarrow as pa
import pytest

from linli.sources.streams import ReadAhead

BATCHES = [pa.RecordBatch.from_pydict({"n": [number]}) for number in range(10)]


class Producer:
    """Ten batches, or an error after some; says whether it was closed and how many it has given."""

    def __init__(self, error_after: int | None = None) -> None:
        self.given, self.is_closed, self.error_after = 0, False, error_after

    def __call__(self) -> Generator[pa.RecordBatch, None, None]:
        try:
            for batch in BATCHES:
                if self.given == self.error_after:
                    raise OSError("cut off")
                self.given += 1
                yield batch
        finally:
            self.is_closed = True


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def started(producer: Producer) -> ReadAhead:
    ahead = ReadAhead(producer())
    ahead.start()
    return ahead


def test_everything_comes_once_and_in_order() -> None:
    producer = Producer()
    ahead = started(producer)
    assert list(ahead) == BATCHES and list(ahead) == []
    ahead.close()
    assert producer.is_closed


def test_it_begins_before_it_is_asked_and_does_not_run_away() -> None:
    producer = Producer()
    ahead = started(producer)
    for _ in range(500):
        if producer.given == 3:
            break
        threading.Event().wait(0.01)
    assert producer.given == 3, "two wait, and the third is in the hand"
    ahead.close()
    assert producer.is_closed and producer.given < len(BATCHES)


def test_an_error_comes_after_what_was_read_before_it() -> None:
    ahead, found = started(Producer(error_after=4)), []
    with pytest.raises(OSError, match="cut off"):
        for batch in ahead:
            found.append(batch)
    assert found == BATCHES[:4] and list(ahead) == []
    ahead.close()


def test_closed_early_or_never_started_the_producer_ends() -> None:
    producer = Producer()
    ahead = started(producer)
    assert next(iter(ahead)) == BATCHES[0]
    ahead.close()
    assert producer.is_closed
    with pytest.raises(ValueError, match="closed"):
        list(ahead)
    ReadAhead(Producer()()).close()
