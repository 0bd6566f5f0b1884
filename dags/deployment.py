"""What every DAG of this deployment shares: its settings (environment first, then Airflow connections), the day, the retries."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule
from connections import from_connection

if TYPE_CHECKING:
    from linli.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
TIMEZONE = "Asia/Shanghai"
WAREHOUSE_POOL = os.environ.get("LINLI_WAREHOUSE_POOL", "default_pool")
WAREHOUSE = Asset(name="warehouse", uri="x-linli://warehouse/published")
SOURCES: dict[str, str] = {
    path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))["label"]
    for path in sorted((PROJECT / "expectations").glob("*/_source.yml"))
}
"""the declared sources and what they are called"""

OUTAGES_ARE_RETRIED = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception="linli.failures.SourceUnavailable",
                action=RetryAction.RETRY,
                retry_delay=timedelta(seconds=float(os.environ.get("LINLI_RETRY_SECONDS", "300"))),
                reason="the source may come back",
            ),
            RetryRule(exception="builtins.Exception", action=RetryAction.FAIL, reason="trying again changes nothing"),
        ]
    ),
}


def settings() -> Settings:
    """The deployment's settings as the environment and the Airflow connections give them."""
    from linli.settings import Settings

    given: dict[str, str] = {"LINLI_PROJECT": str(PROJECT)}
    for source in SOURCES:
        given |= from_connection(source)
    return Settings.load({**os.environ, **given})


def day_of(context: dict[str, Any]) -> date:
    """The day a run is for: its partition, else `day` of its conf. Raises ValueError when neither is given."""
    run = context["dag_run"]
    text = run.partition_key or (run.conf or {}).get("day")
    if not text:
        raise ValueError('没有给出要载入的日期：请按日期分区运行，或在配置中写 {"day": "2026-10-31"}')
    return date.fromisoformat(text)


def is_republishing(context: dict[str, Any]) -> bool:
    """Whether the conf of a run lets it take the publication back to an earlier day."""
    return (context["dag_run"].conf or {}).get("republish") is True


def month_of(context: dict[str, Any]) -> date:
    """The first day of the month a run closes: its partition, else `month` of its conf. Raises ValueError when neither is given."""
    run = context["dag_run"]
    text = run.partition_key or (run.conf or {}).get("month")
    if not text:
        raise ValueError('没有给出要结账的月份：请按月份分区运行，或在配置中写 {"month": "2026-10"}')
    return date.fromisoformat(f"{text}-01")
