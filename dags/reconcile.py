"""Reconciliation: key snapshots every night, row hashes every Sunday. What it lands, the next night gates and builds."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronPartitionTimetable, TriggerRule, get_current_context, task
from deployment import OUTAGES_ARE_RETRIED, TIMEZONE, day_of, settings

with DAG(
    "reconcile",
    dag_display_name="与来源核对",
    schedule=CronPartitionTimetable("0 1 * * *", timezone=TIMEZONE, run_offset=-1, key_format="%Y-%m-%d"),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):

    @task(task_display_name="列出各路数据")
    def feeds() -> list[list[str]]:
        from linli import pipeline

        return [[ref.source, ref.feed] for ref in pipeline.reconcilable_feeds(settings())]

    @task(task_display_name="开始")
    def begin(**context: object) -> str:
        from linli import pipeline

        return pipeline.begin(settings(), day_of(context), kind="reconcile").run_id

    @task(task_display_name="核对", map_index_template="{{ feed_name }}", **OUTAGES_ARE_RETRIED)
    def compare(night_id: str, feed: list[str], **context: object) -> dict[str, int]:
        from linli import pipeline

        get_current_context()["feed_name"] = ".".join(feed)
        with_hashes = day_of(context).isoweekday() == 7
        return pipeline.reconcile_feed(settings(), night_id, pipeline.FeedRef(*feed), with_hashes=with_hashes)

    @task(task_display_name="结束", trigger_rule=TriggerRule.ALL_DONE)
    def finish(night_id: str) -> str:
        from linli import pipeline

        return pipeline.finish(settings(), night_id)

    night_id = begin()
    compare.partial(night_id=night_id).expand(feed=feeds()) >> finish(night_id)
