"""What a spreadsheet would take for more than a text."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def inert(cell: T) -> T | str:
    """A cell of a CSV file as it can be opened: a text that would begin a formula, full-width forms too, gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_A_FORMULA) else cell
