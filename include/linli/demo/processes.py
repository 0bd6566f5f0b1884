"""Server processes that outlive the command that starts them, ended only by their own pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path


def free_port() -> int:
    """A TCP port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def spawn(command: list[str], log: Path) -> int:
    """Start a process in a session of its own, its output in `log`; returns its pid."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=log.parent)
    # It is meant to outlive us; its end is looked for in `is_running`, not by this object.
    process.returncode = 0
    return process.pid


def is_running(pid: int, name: str) -> bool:
    """Whether the process is there and is the one meant: a pid may have been given to another since."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # It runs as another user, which none of ours that we signal ourselves does.
        return False
    described = Path(f"/proc/{pid}/cmdline")
    if described.exists():
        return name in described.read_bytes().decode(errors="replace")
    listed = subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)
    return name in listed.stdout


def terminate(pid: int, name: str, *, sign: signal.Signals = signal.SIGTERM, seconds: float = 15) -> None:
    """End the process by `sign`, after `seconds` by SIGKILL; does nothing when it is not running."""
    for attempt in (sign, signal.SIGKILL):
        if not is_running(pid, name):
            return
        os.kill(pid, attempt)
        end = time.monotonic() + seconds
        while is_running(pid, name) and time.monotonic() < end:
            time.sleep(0.05)
