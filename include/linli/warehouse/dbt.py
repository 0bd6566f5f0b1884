"""Runs dbt as a subprocess of this environment and reads its results."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from linli.failures import Refusal
from linli.settings import Settings
from linli.warehouse.project import StagedProject

# dbt's own results come only with the whole manifest, written out twice, which costs a night several seconds: the few words
# needed of each node are written here. On Linux dbt ends with whoever started it (1 is PR_SET_PDEATHSIG): nobody would read the
# results of one left alone. The open files that come with the order are held until dbt ends.
_DBT = """
import ctypes, json, os, signal, socket, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
from dbt.cli.main import dbtRunner
import dbt.adapters.duckdb
with socket.socket(fileno=int(sys.argv[1])) as orders:
    order, held, _, _ = socket.recv_fds(orders, 1 << 20, 8)
if not order:
    sys.exit(0)
order = json.loads(order)
os.chdir(order["folder"])
os.environ.update(order["environment"])
done = dbtRunner().invoke(order["command"])
nodes = getattr(done.result, "results", [])
with open(order["results"], "w", encoding="utf-8") as file:
    json.dump([[node.node.unique_id, str(node.status), node.execution_time] for node in nodes], file)
sys.exit(0 if done.success else 1)
"""
_SHOWN_FAILURES = 5


class BuildFailed(Refusal):
    """A model or a test has failed; the message names them, the log has the rest. Nothing of the build is published."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one node of the build."""

    name: str
    kind: str
    status: str
    seconds: float


def dbt_build(
    project: StagedProject, settings: Settings, work_file: Path, *, full_refresh: bool, idle: Sequence[str], lock: int
) -> list[NodeResult]:
    """`dbt build` on a working file. A night leaves out unit tests, which are about code, exposures, which say who reads what,
    reference tables, which only a full refresh can change, and the models named in `idle` with their tests. dbt holds the open
    file `lock` as well: should we die, the working file stays locked until it has ended too. Raises BuildFailed."""
    choice = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"]
    choice += ["--full-refresh"] if full_refresh else ["--exclude", "tag:reference", *idle]
    returned, results = _run(project, settings, work_file, ["build", "--no-write-json", *choice], pass_fds=(lock,))
    broken = [result.name for result in results if result.status in ("error", "fail")]
    if returned or not results:
        named = "、".join(broken[:_SHOWN_FAILURES]) + (f" 等 {len(broken)} 个" if broken[_SHOWN_FAILURES:] else "")
        where = (project.logs / "dbt.log").relative_to(settings.home)
        raise BuildFailed(f"建模失败（dbt 返回 {returned}）：{named or '没有运行任何模型'}；详见 LINLI_HOME 下的 {where}")
    return results


def describe(project: StagedProject, settings: Settings) -> None:
    """Writes dbt's manifests into the target folder: manifest.json and semantic_manifest.json. Raises BuildFailed."""
    returned, _ = _run(project, settings, settings.work_file, ["parse"])
    if returned:
        where = (project.logs / "dbt.log").relative_to(settings.home)
        raise BuildFailed(f"dbt 读不了模型（返回 {returned}）；详见 LINLI_HOME 下的 {where}")


def _run(
    project: StagedProject, settings: Settings, work_file: Path, command: Sequence[str], *, pass_fds: Sequence[int] = ()
) -> tuple[int, list[NodeResult]]:
    said = project.target.parent / "results.json"
    said.unlink(missing_ok=True)
    # dbt parses everything anew when its profile changes: the path it is given, seen from the project, is the same for any file and home
    place = project.target.parent / "place"
    place.unlink(missing_ok=True)
    place.symlink_to(work_file.parent)
    dbt = _take()
    order = {
        "folder": str(project.folder),
        "environment": _environment(settings, Path(os.path.relpath(place, project.folder)) / work_file.name),
        "command": [*command, *_places(project)],
        "results": str(said),
    }
    return dbt.run(json.dumps(order), pass_fds), _results(said)


class _Dbt:
    """A process that has imported dbt, the larger part of a small build, and waits for its one order."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DBT, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()

    def is_waiting(self) -> bool:
        return self._process.poll() is None

    def run(self, order: str, held: Sequence[int]) -> int:
        """Gives the order and waits; returns dbt's exit code."""
        with self._orders as orders:
            socket.send_fds(orders, [order.encode()], list(held))
        return self._process.wait()


_ready: list[_Dbt] = []


def make_ready() -> None:
    """Starts dbt beside what this process is doing; the next build finds it imported. It ends with this process."""
    if not _ready:
        _ready.append(_Dbt())


def _take() -> _Dbt:
    while _ready:
        waiting = _ready.pop()
        if waiting.is_waiting():
            return waiting
    return _Dbt()


def _places(project: StagedProject) -> list[str]:
    return [
        "--project-dir", str(project.folder), "--profiles-dir", str(project.folder),
        "--target-path", str(project.target), "--log-path", str(project.logs),
        "--no-version-check", "--no-use-colors", "--log-level", "warn", "--log-level-file", "info",
    ]  # fmt: skip


def _environment(settings: Settings, work_file: Path) -> dict[str, str]:
    return {
        "LINLI_WORK_FILE": str(work_file),
        "LINLI_THREADS": str(settings.threads),
        "LINLI_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def _results(path: Path) -> list[NodeResult]:
    if not path.exists():
        return []
    found = []
    for unique_id, status, seconds in json.loads(path.read_text(encoding="utf-8")):
        kind, _, *names = unique_id.split(".")
        # a unit test is named after its model, then by its own name; a data test by its name, then a hash
        found.append(NodeResult(names[-1] if kind == "unit_test" else names[0], kind, status, float(seconds)))
    return found
