"""What people are told. `watch_quality` runs after each publication: the quality page, the return slips, messages, and the release into
the analysts' database where there is one. `watch_clock` runs every hour, whether or not anything was published: it tells of a night that
failed, from 07:00 on of a load that is missing and of the cases due and overdue, delivers what waits, and writes the page of a night that
failed.

A failed night tells nobody itself: its callbacks would run where there is no data. What has been told is not told again, so both may run
at any time. Deliveries that fail wait in the spool and do not fail a run.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, PartitionedAssetTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from deployment import OUTAGES_ARE_RETRIED, TIMEZONE, WAREHOUSE, settings

START = pendulum.datetime(2026, 1, 1, tz=TIMEZONE)


@task(task_display_name="发送消息")
def send() -> dict[str, int]:
    from linli.pipeline import alerts

    return alerts.send_alerts(settings()).delivered.as_counts()


@task(task_display_name="数据质量日报")
def pages() -> str:
    """The quality page of the newest night, also of one that failed; nothing before the first one."""
    from linli import pipeline

    page = pipeline.newest_quality(settings())
    return page.name if page else ""


@task(task_display_name="退回单")
def slips() -> int:
    """Return slips of everything open."""
    from linli import pipeline

    return len(pipeline.write_slips(settings()).slips)


@task(task_display_name="供多人查询", **OUTAGES_ARE_RETRIED)
def serve() -> str:
    """The newest release into PostgreSQL; skipped where no database is configured."""
    from linli import pipeline

    deployed = settings()
    if not deployed.serving_url:
        raise AirflowSkipException("LINLI_SERVING_URL is not set")
    return pipeline.serve(deployed).version


@task(task_display_name="该载入而未载入")
def heartbeat() -> dict[str, int]:
    from linli.pipeline import alerts

    return alerts.heartbeat(settings()).delivered.as_counts()


@task(task_display_name="到期与逾期")
def morning() -> dict[str, int]:
    from linli.pipeline import alerts

    return alerts.morning(settings()).delivered.as_counts()


with DAG(
    "watch_quality",
    dag_display_name="告知（每次发布后）",
    schedule=PartitionedAssetTimetable(assets=WAREHOUSE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):
    pages()
    slips()
    send()
    serve()

with DAG(
    "watch_clock",
    dag_display_name="告知（每小时）",
    schedule=CronTriggerTimetable("0 * * * *", timezone=TIMEZONE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):
    heartbeat()
    morning()
    pages()
    send()
