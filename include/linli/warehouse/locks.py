"""One process at a time, on this machine: writing the working file, and using the staged project with what dbt leaves beside it.

They are two, for a gate reads the working file (it shares the first lock, linli.gate.state) while dbt reads the models for the build
to come. Whoever needs both takes the working file first.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from linli.locks import locked
from linli.settings import Settings


def only_writer(settings: Settings) -> AbstractContextManager[int]:
    """Waits for any other writer of the working file and for its readers; gives the open lock file, which a child process may hold
    on to."""
    return locked(settings.writer_lock)


def only_user_of_the_project(settings: Settings, *, waits: bool = True) -> AbstractContextManager[int]:
    """Waits for whoever has dbt at work; gives the open lock file, which a child process may hold on to. Raises BlockingIOError when
    it does not wait."""
    return locked(settings.warehouse / ".project.lock", waits=waits)
