"""Runs dbt as a subprocess of this environment and reads its results."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from linli.failures import Refusal
from linli.settings import Settings
from linli.warehouse.project import StagedProject

# Imports dbt, reads the models, then waits for its one order: the larger part of a small build. dbt's own results come only with
# the whole manifest, written out twice, which costs a night several seconds: the few words needed of each node are written here.
# What dbt has kept of an earlier reading says where the seeds lay then: in a home that was moved or copied they lie here.
# On Linux dbt ends with whoever started it (1 is PR_SET_PDEATHSIG): nobody would read the results of one left alone. The lock it
# is started with is held while it reads the models, the open files that come with the order until dbt ends.
_DBT = """
import ctypes, gc, json, os, signal, socket, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
start = json.loads(sys.argv[1])
os.chdir(start["folder"])
os.environ.update(start["environment"])
import pandas
import dbt.adapters.duckdb
from dbt.cli.main import dbtRunner
manifest = dbtRunner().invoke(["parse", "--no-write-json", *start["places"]]).result
for node in manifest.nodes.values() if manifest else ():
    if node.resource_type == "seed":
        node.root_path = start["folder"]
gc.freeze()
if start["lock"] is not None:
    os.close(start["lock"])
with socket.socket(fileno=start["orders"]) as orders:
    order, held, _, _ = socket.recv_fds(orders, 1 << 20, 8)
if not order:
    sys.exit(0)
order = json.loads(order)
runner = dbtRunner() if order["command"][0] == "parse" else dbtRunner(manifest=manifest)
done = runner.invoke([*order["command"], *start["places"]])
nodes = getattr(done.result, "results", [])
said = []
for n in nodes:
    message = n.message if n.node.resource_type == "operation" else ""
    said.append([n.node.unique_id, str(n.status), n.execution_time, message, getattr(n, "failures", None) or 0])
if done.exception is not None:
    said.append(["operation.linli." + type(done.exception).__name__, "error", 0, "", 0])
with open(order["results"], "w", encoding="utf-8") as file:
    json.dump(said, file)
sys.exit(0 if done.success else 1)
"""
# How macros/checks.sql says which generic tests have failed.
_CHECKS_FAILED = re.compile(r"checks failed: (.*)")
_SHOWN_FAILURES = 5


class BuildFailed(Refusal):
    """A model or a test has failed; the message names them, the log has the rest. Nothing of the build is published."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one node of the build; `found` are the rows a test has found."""

    name: str
    kind: str
    status: str
    seconds: float
    message: str = ""
    found: int = 0

    @property
    def broken(self) -> list[str]:
        """What a node that has failed has found broken: itself, or the tests it asked for others."""
        found = _CHECKS_FAILED.search(self.message)
        return found[1].split() if found else [self.name]


def dbt_build(
    project: StagedProject,
    settings: Settings,
    work_file: Path,
    *,
    full_refresh: bool,
    idle: Sequence[str],
    locks: Sequence[int],
    told: Callable[[Sequence[NodeResult]], None],
) -> list[NodeResult]:
    """`dbt build` on a working file. It leaves out unit tests, which are about code, exposures, which say who reads what, and generic
    tests, which it asks of what it has built in one query at its end; a night also reference tables, which only a full refresh
    can change, and the models named in `idle`. dbt holds the open files `locks` as well: should we die, the working file
    stays locked until it has ended too. `told` is told what became of the nodes, also when the build has failed. Raises BuildFailed."""
    choice = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure", "--exclude", "test_type:generic"]
    choice += ["--full-refresh"] if full_refresh else ["tag:reference", *idle]
    returned, results = _run(project, settings, work_file, ["build", "--no-write-json", *choice], pass_fds=locks)
    told(results)
    failed = [result for result in results if result.status in ("error", "fail")]
    # the rules of single models first: tests of several fail because of them
    broken = [name for result in sorted(failed, key=lambda result: result.kind != "operation") for name in result.broken]
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


def document(project: StagedProject, settings: Settings) -> Path:
    """Writes dbt's documentation of the models and of what the working file holds as one HTML file; returns where. Raises BuildFailed."""
    returned, _ = _run(project, settings, settings.work_file, ["docs", "generate", "--static"])
    written = project.target / "static_index.html"
    if returned or not written.exists():
        where = (project.logs / "dbt.log").relative_to(settings.home)
        raise BuildFailed(f"dbt 没有写出模型文档（返回 {returned}）；详见 LINLI_HOME 下的 {where}")
    return written


def _run(
    project: StagedProject, settings: Settings, work_file: Path, command: Sequence[str], *, pass_fds: Sequence[int] = ()
) -> tuple[int, list[NodeResult]]:
    said = project.target.parent / "results.json"
    said.unlink(missing_ok=True)
    place = _place(project)
    place.unlink(missing_ok=True)
    place.symlink_to(work_file.parent)
    order = {"command": list(command), "results": str(said)}
    return _take(project, settings).run(json.dumps(order), pass_fds), _results(said)


class _Dbt:
    """A process that imports dbt and reads the models of a staged project, and then waits for its one order."""

    def __init__(self, project: StagedProject, settings: Settings, lock: int | None = None) -> None:
        self.reads = (project, settings)
        self._orders, theirs = socket.socketpair()
        start = {
            "folder": str(project.folder),
            "environment": _environment(settings, project),
            "places": _places(project),
            "orders": theirs.fileno(),
            "lock": lock,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DBT, json.dumps(start)],
            pass_fds=[theirs.fileno(), *([] if lock is None else [lock])],
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


def start_dbt(project: StagedProject, settings: Settings, lock: int) -> None:
    """Starts dbt beside what this process is doing; the next build of the same project finds it waiting. It ends with this process,
    and holds the open file `lock` while it reads the models."""
    if not _ready:
        _ready.append(_Dbt(project, settings, lock))


def _take(project: StagedProject, settings: Settings) -> _Dbt:
    while _ready:
        waiting = _ready.pop()
        if waiting.reads == (project, settings) and waiting.is_waiting():
            return waiting
    return _Dbt(project, settings)


def _places(project: StagedProject) -> list[str]:
    return [
        "--project-dir", str(project.folder), "--profiles-dir", str(project.folder),
        "--target-path", str(project.target), "--log-path", str(project.logs),
        "--no-version-check", "--no-use-colors", "--log-level", "warn", "--log-level-file", "info",
    ]  # fmt: skip


def _place(project: StagedProject) -> Path:
    """A link to the folder of the working file: dbt parses everything anew when its profile changes, and the path it is given, seen
    from the project, is the same for any file and home."""
    return project.target.parent / "place"


def _environment(settings: Settings, project: StagedProject) -> dict[str, str]:
    return {
        "LINLI_WORK_FILE": os.path.relpath(_place(project) / settings.work_file.name, project.folder),
        "LINLI_THREADS": str(settings.threads),
        "LINLI_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def _results(path: Path) -> list[NodeResult]:
    if not path.exists():
        return []
    found = []
    for unique_id, status, seconds, message, rows in json.loads(path.read_text(encoding="utf-8")):
        kind, _, *names = unique_id.split(".")
        # a unit test is named after its model, then by its own name; a data test by its name, then a hash
        found.append(NodeResult(names[-1] if kind == "unit_test" else names[0], kind, status, float(seconds), message, rows))
    return found
