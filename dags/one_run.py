"""Runs one DAG to its end in this process, without scheduler or server: `python dags/one_run.py nightly`.

What the run needs comes as a line of JSON on standard input, {"environment": {…}, "conf": {…}}, so that Airflow can start beside
what prepares it. Exits with 1 when the run has failed, and does nothing when the input ends before a line.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from airflow import settings
from airflow.api_fastapi.execution_api import versions
from airflow.api_fastapi.execution_api.routes import execution_api_router
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.state import DagRunState
from cadwyn import HeadVersion, Version, VersionBundle
from cadwyn.route_generation import _DELETED_ROUTE_TAG

from linli import pipeline


def speak_the_newest_version() -> None:
    """The process speaks to itself: the routes of older versions of Airflow's API take as long to make as many tasks to run."""
    versions.bundle = VersionBundle(HeadVersion(), Version(versions.bundle.versions[0].value))
    execution_api_router.routes[:] = [r for r in execution_api_router.routes if _DELETED_ROUTE_TAG not in getattr(r, "tags", ())]


def main(name: str) -> int:
    pipeline.make_gate_ready()
    settings.initialize()
    dag = DagBag(Path(__file__).with_name(f"{name}.py")).dags[name]
    speak_the_newest_version()
    line = sys.stdin.readline()
    if not line:
        return 0
    order = json.loads(line)
    os.environ.update(order["environment"])
    return int(dag.test(run_conf=order["conf"]).state == DagRunState.FAILED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
