"""`python mortal.py BOUNDARY NTH HOW night --day …`: the command line, ended at the NTH time it comes to a boundary.

The product knows nothing of this: the functions at the boundaries are wrapped here, in the child process. HOW is `group`
(SIGKILL to the whole process group, as when a machine goes down), `alone` (SIGKILL to this process only, as the kernel does when
memory runs out: children live on) or `stop` (SIGSTOP: a process that will wake up late).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BOUNDARIES: dict[str, tuple[str, str, str]] = {
    "written aside": ("linli.landing.batches", "write", "after"),
    "batch linked": ("linli.landing.batches", "_link", "after"),
    "reading linked, not registered": ("linli.register", "Register.add_batches", "before"),
    "reading registered": ("linli.register", "Register.add_batches", "after"),
    "file not yet noted": ("linli.register.files", "Files.add", "before"),
    "file noted": ("linli.register.files", "Files.add", "after"),
    "verdict file written": ("linli.gate.stage", "write_verdict", "after"),
    "record judged, not registered": ("linli.register", "Register.add_decisions", "before"),
    "record judged": ("linli.register", "Register.add_decisions", "after"),
    "before the build": ("linli.pipeline.night", "build_run", "before"),
    "landing views prepared": ("linli.warehouse.landed", "prepare", "after"),
    "in the middle of dbt": ("linli.warehouse.build", "dbt_build", "during"),
    "dbt done, build not noted": ("linli.warehouse.landed", "note_finished", "before"),
    "build noted": ("linli.warehouse.landed", "note_finished", "after"),
    "after the build": ("linli.pipeline.night", "build_run", "after"),
    "exported": ("linli.publication.release", "export", "after"),
    "named, not switched": ("linli.publication.release", "_switch", "before"),
    "switched, not registered": ("linli.publication.release", "_switch", "after"),
    "publication noted, not committed": ("linli.register", "Register.note_publication", "after"),
    "before old releases go": ("linli.publication.release", "_prune", "before"),
    "published, run not ended": ("linli.pipeline.night", "finish", "before"),
}
"""name -> module, function or method, and when: before it, after it, or during (dbt has finished its first models)"""

MODELS_FIRST = 6


def strike(how: str) -> None:
    if how == "group":
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)


def _strike_during(how: str, log: Path) -> None:
    """Strikes once dbt has told of some models that are done."""
    start = log.stat().st_size if log.exists() else 0
    while True:
        if log.exists():
            with log.open("rb") as file:
                file.seek(start)
                if file.read().count(b" OK ") >= MODELS_FIRST:
                    strike(how)
        time.sleep(0.02)


def arm(boundary: str, nth: int, how: str) -> None:
    """Wraps the function of a boundary so that this process ends there."""
    module_name, dotted, when = BOUNDARIES[boundary]
    owner: Any = importlib.import_module(module_name)
    *path, name = dotted.split(".")
    for part in path:
        owner = getattr(owner, part)
    inner: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def mortal(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "during":
            log = Path(os.environ["LINLI_HOME"]) / "dbt" / "logs" / "dbt.log"
            threading.Thread(target=_strike_during, args=(how, log), daemon=True).start()
        elif calls == nth and when == "before":
            strike(how)
        result = inner(*args, **kwargs)
        if calls == nth and when == "after":
            strike(how)
        return result

    setattr(owner, name, mortal)


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    sys.argv[1:] = sys.argv[4:]
    from linli.cli import app

    app()
