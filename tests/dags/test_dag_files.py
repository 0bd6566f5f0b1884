"""The DAG files: they load, name their days, and bring in nothing heavy while they are parsed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linli.pipeline.proposals import FILLED_IN

PROJECT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "duckdb", "dbt", "great_expectations", "pyarrow", "adbc_driver_manager")
TEXT = "{{ 7*7 }} {% for x in y %} {# x #} ${7*7}"
"""what is no text to the templates of Airflow"""
PROBE = """
import json, logging, os, sys
logging.disable(logging.CRITICAL)
sys.path.insert(0, "dags")
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
bag = DagBag("dags")
loaded = sorted({m.split(".")[0] for m in set(sys.modules) - before})
from linli.failures import SourceContractBroken, SourceUnavailable
def decisions(policy):
    for error in (SourceUnavailable("down"), SourceContractBroken("changed"), ValueError("bug")):
        decision = policy.evaluate(error, try_number=1, max_tries=3)
        yield type(error).__name__, [decision.action.value, decision.retry_delay and decision.retry_delay.total_seconds()]
def shown(dag):
    yield dag.dag_display_name
    yield from (t.task_display_name for t in dag.tasks)
    yield from (group.group_display_name for name, group in dag.task_group.get_task_group_dict().items() if name)
class Answered:
    def xcom_pull(self, task_ids):
        return {"subject": os.environ["TEXT"], "body": os.environ["TEXT"]}
review = bag.dags["monthly_review"]
approve = review.get_task("approve")
print(json.dumps({
    "asked": [approve.render_template(getattr(approve, n), {"ti": Answered()}, review.get_template_env()) for n in ("subject", "body")],
    "errors": list(bag.import_errors),
    "loaded": loaded,
    "after": {
        f"{name}.{t.task_id}": dict(decisions(t.retry_policy)) for name, dag in bag.dags.items() for t in dag.tasks if t.retry_policy
    },
    "dags": {
        name: {
            "tasks": {
                t.task_id: {"down": sorted(t.downstream_task_ids), "rule": t.trigger_rule.value, "retries": t.retries}
                for t in dag.tasks
            },
            "shown": [*shown(dag)],
            "timetable": type(dag.timetable).__name__,
            "catchup": dag.catchup,
            "active": dag.max_active_runs,
        }
        for name, dag in bag.dags.items()
    },
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    env = {"PATH": "", "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    env |= {"LINLI_RETRY_SECONDS": "7", "TEXT": TEXT}
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_they_load(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == []
    assert sorted(parsed["dags"]) == ["monthly_review", "nightly", "reconcile", "watch_clock", "watch_quality"]


def test_whoever_opens_the_interface_reads_chinese(parsed: dict[str, Any]) -> None:
    shown = [name for dag in parsed["dags"].values() for name in dag["shown"]]
    assert len(shown) > 30 and [name for name in shown if not re.search(r"[\u4e00-\u9fff]", name)] == []


def test_parsing_brings_in_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert not set(HEAVY) & set(parsed["loaded"])


def test_nights_are_keyed_by_day_and_never_overlap(parsed: dict[str, Any]) -> None:
    for name, dag in parsed["dags"].items():
        assert name == "watch_clock" or dag["timetable"] == "PartitionedCronTimetable" or "Partition" in dag["timetable"]
        assert dag["active"] == 1 and dag["catchup"] is False


def test_alerts_are_sent_after_each_publication_and_every_hour_whatever_became_of_the_night(parsed: dict[str, Any]) -> None:
    after, hourly = parsed["dags"]["watch_quality"], parsed["dags"]["watch_clock"]
    assert after["timetable"] == "PartitionedAssetTimetable" and sorted(after["tasks"]) == ["pages", "send", "serve", "slips"]
    # a run by the clock waits for no asset, so a night that publishes nothing is told of all the same
    assert hourly["timetable"] == "CronTriggerTimetable" and sorted(hourly["tasks"]) == ["heartbeat", "morning", "pages", "send"]
    # each by itself: one that fails stops no other, and fails the run
    assert not [task["down"] for dag in (after, hourly) for task in dag["tasks"].values() if task["down"]]


def test_the_form_of_the_review_is_filled_in_with_the_first_proposal() -> None:
    assert f'Param("{FILLED_IN}", ' in (PROJECT / "dags" / "monthly_review.py").read_text(encoding="utf-8")


def test_a_name_in_the_question_is_no_template(parsed: dict[str, Any]) -> None:
    assert parsed["asked"] == [TEXT, TEXT]


def test_every_declared_source_has_its_group_and_none_stops_the_gate(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["nightly"]["tasks"]
    for source in (p.parent.name for p in (PROJECT / "expectations").glob("*/_source.yml")):
        assert tasks[f"{source}.extract"]["down"] == ["gate"]
        assert tasks[f"{source}.extract"]["retries"] > 0
    assert tasks["gate"]["rule"] == "all_done"


def test_bad_data_is_not_retried(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["nightly"]["tasks"]
    assert [tasks[name]["retries"] for name in ("gate", "build", "publish")] == [0, 0, 0]
    assert tasks["gate"]["down"] == ["build"] and tasks["build"]["down"] == ["publish"]


def test_an_outage_is_tried_again_and_nothing_else(parsed: dict[str, Any]) -> None:
    """As Airflow's own policy decides, on every task that speaks to a source or to the analysts' database."""
    decided = {"SourceUnavailable": ["retry", 7.0], "SourceContractBroken": ["fail", None], "ValueError": ["fail", None]}
    sources = {path.parent.name for path in (PROJECT / "expectations").glob("*/_source.yml")}
    extracting = {f"nightly.{source}.extract" for source in sources}
    assert parsed["after"] == dict.fromkeys({"reconcile.compare", "watch_quality.serve", *extracting}, decided)
