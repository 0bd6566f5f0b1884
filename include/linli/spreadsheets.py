"""What a spreadsheet would take for more than a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import TextIO, TypeVar

T = TypeVar("T")

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\N{MINUS SIGN}")
_ENDS_A_CELL = ("\t", "\r", "\n")
_UNSEEN = ("C", "Z")
"""categories of Unicode: control, format and unassigned characters, and every kind of space"""


def inert(cell: T) -> T | str:
    """A cell of a CSV file as it can be opened: a text that would begin a formula gets an apostrophe before it. So does one whose formula
    comes after blanks and invisible characters or is written in full-width or small forms."""
    if not isinstance(cell, str):
        return cell
    first = next((at for at, sign in enumerate(cell) if unicodedata.category(sign)[0] not in _UNSEEN), len(cell))
    is_live = unicodedata.normalize("NFKC", cell[first : first + 1]).startswith(_BEGINS_A_FORMULA) or cell.startswith(_ENDS_A_CELL)
    return f"'{cell}" if is_live else cell


def write_csv(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """Appends rows to a CSV file, texts inert and in quotes: some programs end a cell at semicolons and tabs as well, but not in quotes.
    Nothing stands for null, two quotes for an empty text."""
    for row in rows:
        # a line that is quite empty is no row to many readers
        file.write((",".join(map(_written, row)) or '""') + "\r\n")


def _written(cell: object) -> str:
    if isinstance(cell, Number):
        return str(cell)
    quoted = str(inert(cell)).replace('"', '""')
    return "" if cell is None else f'"{quoted}"'
