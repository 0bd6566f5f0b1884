"""A gate that has imported Great Expectations (seconds) while its parent was doing something else, and waits to be called once.

Only a process that goes through a whole night gains by it: `make_ready` there, before the sources are read, and `gate_run` of the
steps is then carried out here, by the same function.
"""

from __future__ import annotations

import ctypes
import pickle
import signal
import socket
import subprocess
import sys
import traceback
from multiprocessing.connection import Connection

from linli.failures import Refusal
from linli.settings import Settings


class GateLost(RuntimeError):
    """The process of the gate has ended without an answer."""


class _Gate:
    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen([sys.executable, "-m", __name__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        theirs.close()
        self._calls = Connection(ours.detach())

    def run(self, settings: Settings, run_id: str) -> dict[str, int]:
        """What the gate returns; raises what it raises, or GateLost."""
        with self._calls as calls:
            try:
                calls.send((settings, run_id))
                answer: dict[str, int] | BaseException = calls.recv()
            except (EOFError, OSError):
                raise GateLost(f"the process of the gate ended with {self._process.wait()}") from None
        self._process.wait()
        if isinstance(answer, BaseException):
            raise answer
        return answer


_ready: list[_Gate] = []


def make_ready() -> None:
    """Starts a gate beside what this process is doing. It ends with this process."""
    if not _ready:
        _ready.append(_Gate())


def take() -> _Gate | None:
    """The gate that waits, if there is one."""
    return _ready.pop() if _ready else None


def _fit_to_travel(error: Exception) -> Exception:
    """The error itself, or what it says where it cannot be put together again on the other side."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _serve(handle: int) -> None:
    if sys.platform == "linux":
        # nobody would be there for the answer, and another night may begin (1 is PR_SET_PDEATHSIG)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    from linli import gate
    from linli.pipeline.steps import judge_run

    gate.make_ready()
    with Connection(handle) as calls:
        try:
            settings, run_id = calls.recv()
        except EOFError:
            return
        try:
            calls.send(judge_run(settings, run_id))
        except Exception as error:
            if not isinstance(error, Refusal):
                traceback.print_exc()
            calls.send(_fit_to_travel(error))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
