"""dbt imported once for all builds of a test process: importing it takes longer than building a handful of rows.

A process that has imported dbt waits; for each build it forks, and its child runs the very program that a build outside the tests starts.
What every child would come to again is done before the first fork: the classes that dbt puts together when it first reads models, and
the models' and macros' templates, compiled, which are kept by their text. Events for debugging, which no log takes, are not put together.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from linli.warehouse import dbt

_WAITING = """
import ctypes, gc, json, os, signal, socket, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
# those that wait for a build end by themselves
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
import agate, jinja2, pandas
import dbt.adapters.duckdb
from dbt.cli.main import dbtRunner
from dbt.clients.jinja import get_template
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager

def told_of(manager, event, level=None, **more):
    if (level or event.level_tag()) != EventLevel.DEBUG:
        fire(manager, event, level, **more)

fire, EventManager.fire_event = EventManager.fire_event, told_of

def compiled(environment, text, *more, **named):
    if more or named:
        return compile_text(environment, text, *more, **named)
    key = (type(environment), text)
    if key not in templates:
        templates[key] = compile_text(environment, text)
    return templates[key]

templates = {}
compile_text, jinja2.Environment.compile = jinja2.Environment.compile, compiled

def read(start):
    # what begins here and outlives it, the tracker of shared resources, has nothing to tell of a process that ends with its last build
    here, environment, errors = os.getcwd(), dict(os.environ), os.dup(2)
    os.dup2(1, 2)
    os.chdir(start["folder"])
    os.environ.update(start["environment"])
    manifest = dbtRunner().invoke(["parse", "--no-write-json", *start["places"]]).result
    os.dup2(errors, 2)
    os.close(errors)
    os.chdir(here)
    os.environ.clear()
    os.environ.update(environment)
    for each in (*manifest.nodes.values(), *manifest.macros.values()) if manifest else ():
        get_template(getattr(each, "macro_sql", None) or getattr(each, "raw_code", ""), {})
    gc.collect()
    gc.freeze()

program = compile(sys.argv[2], "<dbt>", "exec")
asked = socket.socket(fileno=int(sys.argv[1]))
has_read = False
while True:
    # start, orders, lock or nothing, and where to say how it ended
    message, handed, _, _ = socket.recv_fds(asked, 1 << 20, 3)
    if not message:
        break
    start = json.loads(message)
    start["orders"], told = handed[0], handed[-1]
    start["lock"] = handed[1] if len(handed) == 3 else None
    if not has_read:
        read(start)
        has_read = True
    if os.fork():
        for handle in handed:
            os.close(handle)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ended = os.fork()
    if ended:
        for handle in handed[:-1]:
            os.close(handle)
        asked.close()
        _, status = os.waitpid(ended, 0)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    asked.close()
    os.close(told)
    sys.argv = ["dbt", json.dumps(start)]
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    code = 1
    try:
        exec(program, {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        os._exit(code)
os._exit(0)
"""


class Started:
    """One run of dbt, as much of a process as whoever started it looks at."""

    def __init__(self, told: int) -> None:
        self._told = told
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None while it runs."""
        if self.returncode is None:
            os.set_blocking(self._told, False)
            try:
                self._take(os.read(self._told, 16))
            except BlockingIOError:
                return None
        return self.returncode

    def wait(self) -> int:
        """How it ended."""
        if self.returncode is None:
            os.set_blocking(self._told, True)
            self._take(os.read(self._told, 16))
        assert self.returncode is not None
        return self.returncode

    def _take(self, said: bytes) -> None:
        os.close(self._told)
        self.returncode = int(said or b"-9")


class AtHand:
    """The process that has imported dbt."""

    def __init__(self) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _WAITING, str(theirs.fileno()), dbt._DBT],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(self, given: dict[str, object]) -> Started:
        """dbt for a project, as `_Dbt` describes it: its program waits for its order at `orders` and holds `lock` while it reads."""
        told, theirs = os.pipe()
        handles = [given["orders"], *([] if given["lock"] is None else [given["lock"]]), theirs]
        socket.send_fds(self._asks, [json.dumps(given).encode()], [int(str(handle)) for handle in handles])
        os.close(theirs)
        return Started(told)

    def close(self) -> None:
        self._asks.close()
        self._process.wait()
