"""Month close: when every day of a month has been published, a person approves the figures and chooses next month's campaign;
then the month is frozen, and its review pack and the copies for those outside the team are written. Before they are asked, the
months closed before are compared with what is known by now, and the question says what of them has been restated. By hand: conf
{"month": "2026-10"}."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, MonthWindow, Param, PartitionedAssetTimetable, RollupMapper, StartOfMonthMapper, TriggerRule, task
from deployment import TIMEZONE, WAREHOUSE, WAREHOUSE_POOL, month_of, settings

DAYS_OF_A_MONTH = RollupMapper(upstream_mapper=StartOfMonthMapper(timezone=TIMEZONE, input_format="%Y-%m-%d"), window=MonthWindow())

CHOICES = "建议的序号（1、2、3；分区选择如 340405=1；340406=0），或一句话；0 为不开展"

with DAG(
    "monthly_review",
    dag_display_name="月度回头看",
    schedule=PartitionedAssetTimetable(assets=WAREHOUSE, default_partition_mapper=DAYS_OF_A_MONTH),
    start_date=pendulum.datetime(2026, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    tags=["linli"],
    doc_md=__doc__,
):

    @task(task_display_name="核对已结账的月", pool=WAREHOUSE_POOL)
    def restate(**context: object) -> dict[str, int]:
        from linli import pipeline

        pipeline.check_closable(settings(), month_of(context))
        found = pipeline.restate_all(settings(), before=month_of(context))
        return {each.closing.name: each.figures for each in found}

    @task(task_display_name="拟结账提案", trigger_rule=TriggerRule.ALL_DONE)
    def propose(**context: object) -> dict[str, Any]:
        """What the approver is shown, also where a month closed before could not be looked at again."""
        from dataclasses import asdict

        from linli import pipeline

        pipeline.check_closable(settings(), month_of(context))
        return asdict(pipeline.proposal(settings(), month_of(context)))

    proposal = propose()
    approval = ApprovalOperator(
        task_id="approve",
        task_display_name="批准结账",
        subject="{{ ti.xcom_pull(task_ids='propose')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='propose')['body'] }}",
        params={"campaign": Param("1", type="string", title="下月专项整治", description=CHOICES)},
    )

    @task(task_display_name="结账", pool=WAREHOUSE_POOL)
    def close(question: dict[str, Any], answer: dict[str, Any], **context: object) -> str:
        """A month closed by hand meanwhile stays as it was closed."""
        from linli import pipeline

        approved_by = (answer.get("responded_by_user") or {}).get("name") or ""
        campaign = (answer.get("params_input") or {}).get("campaign") or ""
        return pipeline.close_as_answered(
            settings(),
            month_of(context),
            question["campaigns"],
            approved_by=approved_by,
            campaign=campaign,
            asked_at=question["asked_at"],
        )

    @task(task_display_name="月度复盘")
    def review(**context: object) -> str:
        """The pack of the month, closed and with what was restated."""
        from linli import pipeline

        return pipeline.review(settings(), month_of(context)).checksum

    @task(task_display_name="对外副本")
    def copies(**context: object) -> int:
        """What leaves the team of the month."""
        from linli import pipeline

        return sum(each.audiences for each in pipeline.copies(settings(), month_of(context)))

    restate() >> proposal >> approval
    close(proposal, approval.output) >> [review(), copies()]
