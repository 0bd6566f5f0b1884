"""Closed months: the figures of a month frozen as they stood, and what later knowledge would make of them."""

from linli.closing.figures import FactRows, Mart, read_month
from linli.closing.frozen import (
    AlreadyClosed,
    Closing,
    NotClosed,
    NothingToClose,
    check_open,
    chosen_campaigns,
    close,
    closed_months,
    closing_of,
    directory_of,
    folder_of,
    out_of_order,
)
from linli.closing.restatement import Restated, published_tables, restate, restated_since, restatements

__all__ = [
    "AlreadyClosed",
    "Closing",
    "FactRows",
    "Mart",
    "NotClosed",
    "NothingToClose",
    "Restated",
    "check_open",
    "chosen_campaigns",
    "close",
    "closed_months",
    "closing_of",
    "directory_of",
    "folder_of",
    "out_of_order",
    "published_tables",
    "read_month",
    "restate",
    "restated_since",
    "restatements",
]
