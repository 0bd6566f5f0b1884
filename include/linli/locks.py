"""Locks between the processes of one machine. The kernel frees them when their holder dies; whoever waits for one that lives says so."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAID_AFTER_SECONDS = 5.0

log = logging.getLogger(__name__)


@contextmanager
def locked(path: Path, *, shared: bool = False, waits: bool = True) -> Iterator[int]:
    """Holds the lock file `path`, alone or among those who share it; gives the open file, which a child process may hold on to.

    Raises BlockingIOError when somebody else holds it and it does not wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(handle, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, waits)
        yield handle
    finally:
        os.close(handle)


def _take(handle: int, path: Path, how: int, waits: bool) -> None:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        if not waits:
            raise
        words = "正在等待另一个 linli 进程用完 %s（同一夜里并行的也算）；它若已停住不动，查出它（fuser -v %s）并结束它即可"
        said = threading.Timer(SAID_AFTER_SECONDS, log.warning, (words, path.name, path))
        said.daemon = True
        said.start()
        try:
            fcntl.flock(handle, how)
        finally:
            said.cancel()
