"""One writer of the warehouse at a time: of the working file, the staged project and what dbt leaves beside it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from linli.settings import Settings


@contextmanager
def only_writer(settings: Settings, *, waits: bool = True) -> Iterator[int]:
    """Waits for any other writer; gives the open lock file, which a child process may hold on to. Raises BlockingIOError when there
    is another writer and it does not wait."""
    settings.warehouse.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.warehouse / ".writer.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock.fileno()
