"""The only place where stages meet; the DAGs, the command line and the tests all call these functions."""

from linli.pipeline.declarations import stale_files, write_derived_files
from linli.pipeline.night import NightReport, backfill, night
from linli.pipeline.quarantined import quarantine_entries, quarantined_row
from linli.pipeline.report import ClosingTable, closing_table_of, latest_day, latest_version
from linli.pipeline.steps import (
    FeedRef,
    begin,
    build_run,
    catalog,
    configured_feeds,
    extract_feed,
    fail,
    feeds,
    finish,
    gate_run,
    publish_run,
    reconcilable_feeds,
    reconcile,
    reconcile_feed,
    register_of,
)

__all__ = [
    "ClosingTable",
    "FeedRef",
    "NightReport",
    "backfill",
    "begin",
    "build_run",
    "catalog",
    "closing_table_of",
    "configured_feeds",
    "extract_feed",
    "fail",
    "feeds",
    "finish",
    "gate_run",
    "latest_day",
    "latest_version",
    "night",
    "publish_run",
    "quarantine_entries",
    "quarantined_row",
    "reconcilable_feeds",
    "reconcile",
    "reconcile_feed",
    "register_of",
    "stale_files",
    "write_derived_files",
]
