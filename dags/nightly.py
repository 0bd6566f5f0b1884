"""The nightly DAG: every declared feed of every source, the gate, the build, the publication. Keyed by day, 02:00 Shanghai."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronPartitionTimetable, Metadata, TriggerRule, get_current_context, task, task_group
from deployment import OUTAGES_ARE_RETRIED, SOURCES, TIMEZONE, WAREHOUSE, WAREHOUSE_POOL, day_of, is_republishing, settings

with DAG(
    "nightly",
    dag_display_name="夜间载入",
    schedule=CronPartitionTimetable("0 2 * * *", timezone=TIMEZONE, run_offset=-1, key_format="%Y-%m-%d"),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):

    @task(task_display_name="开始")
    def begin(**context: object) -> str:
        from linli import pipeline

        return pipeline.begin(settings(), day_of(context), republish=is_republishing(context)).run_id

    @task(task_display_name="列出各路数据")
    def feeds(source: str) -> list[str]:
        from linli import pipeline

        return [ref.feed for ref in pipeline.configured_feeds(settings()) if ref.source == source]

    @task(task_display_name="抽取落地", map_index_template="{{ feed_name }}", **OUTAGES_ARE_RETRIED)
    def extract(night_id: str, source: str, feed: str) -> int:
        from linli import pipeline

        get_current_context()["feed_name"] = feed
        return pipeline.extract_feed(settings(), night_id, pipeline.FeedRef(source, feed)).landed

    @task(task_display_name="把关", trigger_rule=TriggerRule.ALL_DONE)
    def gate(night_id: str) -> dict[str, int]:
        from linli import pipeline

        return pipeline.gate_run(settings(), night_id)

    @task(task_display_name="建模", pool=WAREHOUSE_POOL)
    def build(night_id: str) -> dict[str, int]:
        from linli import pipeline

        return pipeline.build_run(settings(), night_id)

    @task(task_display_name="审核发布", pool=WAREHOUSE_POOL, outlets=[WAREHOUSE])
    def publish(night_id: str):  # type: ignore[no-untyped-def]
        from linli import pipeline

        release = pipeline.publish_run(settings(), night_id)
        yield Metadata(WAREHOUSE, {"version": release.version, "content_hash": release.content_hash})

    @task(task_display_name="结束", trigger_rule=TriggerRule.ALL_DONE)
    def finish(night_id: str) -> str:
        """Fails the run when a step failed or a configured source could not be loaded."""
        from linli import pipeline

        return pipeline.finish(settings(), night_id)

    night_id = begin()
    gated = gate(night_id)
    for name, label in SOURCES.items():

        @task_group(group_id=name, group_display_name=label)
        def source_group(source: str) -> None:
            extract.partial(night_id=night_id, source=source).expand(feed=feeds(source)) >> gated

        night_id >> source_group(name)
    gated >> build(night_id) >> publish(night_id) >> finish(night_id)
