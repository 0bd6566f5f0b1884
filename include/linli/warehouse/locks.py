"""One process at a time, on this machine: writing the working file, and using the staged project with what dbt leaves beside it.

They are two, for a gate reads the working file (it shares the first lock, linli.gate.state) while dbt reads the models for the build
to come. Whoever needs both takes the working file first.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from linli.settings import Settings


@contextmanager
def only_writer(settings: Settings) -> Iterator[int]:
    """Waits for any other writer of the working file and for its readers; gives the open lock file, which a child process may hold
    on to."""
    with _locked(settings, ".writer.lock", fcntl.LOCK_EX) as lock:
        yield lock


@contextmanager
def only_user_of_the_project(settings: Settings, *, waits: bool = True) -> Iterator[int]:
    """Waits for whoever has dbt at work; gives the open lock file, which a child process may hold on to. Raises BlockingIOError when
    it does not wait."""
    with _locked(settings, ".project.lock", fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
        yield lock


@contextmanager
def _locked(settings: Settings, name: str, how: int) -> Iterator[int]:
    settings.warehouse.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.warehouse / name).open("a") as lock:
        fcntl.flock(lock, how)
        yield lock.fileno()
