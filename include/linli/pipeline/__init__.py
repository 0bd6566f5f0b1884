"""The only place where stages meet; the DAGs, the command line and the tests all call these functions."""

from linli.pipeline.admission import check_addresses, check_not_before_newest, check_origin, check_over
from linli.pipeline.beside import make_ready as make_gate_ready
from linli.pipeline.copies import copies
from linli.pipeline.declarations import stale_files, write_derived_files
from linli.pipeline.deployment import (
    FeedRef,
    catalog,
    code_version,
    configured_feeds,
    feeds,
    is_of_demo,
    newest_day,
    reconcilable_feeds,
    register_of,
)
from linli.pipeline.months import check_closable, check_next, close_as_answered, close_month, rebuild, restate_all, restate_month
from linli.pipeline.night import NightReport, backfill, night
from linli.pipeline.proposals import chosen_campaign, proposal
from linli.pipeline.quality import newest_quality, quality
from linli.pipeline.quarantined import quarantine_entries, quarantined_row, rule_words
from linli.pipeline.reconciliation import reconcile, reconcile_feed
from linli.pipeline.report import ClosingTable, closing_table_of, failed_since, latest_day, latest_version
from linli.pipeline.reviews import review
from linli.pipeline.serving import serve
from linli.pipeline.slips import WrittenSlips, write_slips
from linli.pipeline.steps import begin, build_run, extract_feed, fail, finish, gate_run, publish_run
from linli.pipeline.waivers import dismiss, today, unwaive, waive, waived_entries, waivers

__all__ = [
    "ClosingTable",
    "FeedRef",
    "NightReport",
    "WrittenSlips",
    "backfill",
    "begin",
    "build_run",
    "catalog",
    "check_addresses",
    "check_closable",
    "check_next",
    "check_not_before_newest",
    "check_origin",
    "check_over",
    "chosen_campaign",
    "close_as_answered",
    "close_month",
    "closing_table_of",
    "code_version",
    "configured_feeds",
    "copies",
    "dismiss",
    "extract_feed",
    "fail",
    "failed_since",
    "feeds",
    "finish",
    "gate_run",
    "is_of_demo",
    "latest_day",
    "latest_version",
    "make_gate_ready",
    "newest_day",
    "newest_quality",
    "night",
    "proposal",
    "publish_run",
    "quality",
    "quarantine_entries",
    "quarantined_row",
    "rebuild",
    "reconcilable_feeds",
    "reconcile",
    "reconcile_feed",
    "register_of",
    "restate_all",
    "restate_month",
    "review",
    "rule_words",
    "serve",
    "stale_files",
    "today",
    "unwaive",
    "waive",
    "waived_entries",
    "waivers",
    "write_derived_files",
    "write_slips",
]
