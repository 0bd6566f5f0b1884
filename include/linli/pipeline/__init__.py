"""The only place where stages meet; the DAGs, the command line and the tests all call these functions."""

from linli.contracts import DeclarationError
from linli.failures import SourceContractBroken, SourceUnavailable
from linli.pipeline.declarations import stale_files, write_derived_files
from linli.pipeline.embedded import AirflowFailed
from linli.pipeline.night import NightReport, backfill, night
from linli.pipeline.quarantined import quarantine_entries, quarantined_row
from linli.pipeline.report import ClosingTable, closing_table_of, latest_day
from linli.pipeline.steps import (
    FeedRef,
    NightIncomplete,
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
from linli.publication import AuditFailed, NothingPublished
from linli.register import RegisterError
from linli.settings import SettingsError

REFUSALS = (
    AirflowFailed,
    AuditFailed,
    DeclarationError,
    NightIncomplete,
    NothingPublished,
    RegisterError,
    SettingsError,
    SourceContractBroken,
    SourceUnavailable,
)
"""Errors that say what, where and how to mend it; the command line prints them without a traceback."""

__all__ = [
    "REFUSALS",
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
