"""What people are told. `watch_quality` runs after each publication. `watch_clock` runs every hour, whether or not anything was published:
it tells of a night that failed, from 07:00 on of a load that is missing and of the cases due and overdue, and delivers what waits.

A failed night tells nobody itself: its callbacks would run where there is no data. What has been told is not told again, so both may run
at any time. Deliveries that fail wait in the spool and do not fail a run.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, PartitionedAssetTimetable, TriggerRule, task
from deployment import TIMEZONE, WAREHOUSE, settings

START = pendulum.datetime(2026, 1, 1, tz=TIMEZONE)


def _delivered(sent: object) -> dict[str, int]:
    from dataclasses import asdict

    return asdict(sent.delivered)  # type: ignore[attr-defined, no-any-return]


@task(trigger_rule=TriggerRule.ALL_DONE)
def send() -> dict[str, int]:
    from linli.pipeline import alerts

    return _delivered(alerts.send_alerts(settings()))


@task(trigger_rule=TriggerRule.ALL_DONE)
def heartbeat() -> dict[str, int]:
    from linli.pipeline import alerts

    return _delivered(alerts.heartbeat(settings()))


@task(trigger_rule=TriggerRule.ALL_DONE)
def morning() -> dict[str, int]:
    from linli.pipeline import alerts

    return _delivered(alerts.morning(settings()))


with DAG(
    "watch_quality",
    schedule=PartitionedAssetTimetable(assets=WAREHOUSE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):
    send()

with DAG(
    "watch_clock",
    schedule=CronTriggerTimetable("0 * * * *", timezone=TIMEZONE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):
    heartbeat() >> morning() >> send()
