"""A return slip as data: whose it is, its sheets, their bad rows, and what may be chosen in a cell."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from linli.contracts.model import RecordDecl
from linli.durable import name_of

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
NOBODY = "unknown"
"""names the slip of rows of which nobody is known to have submitted them"""


@dataclass(frozen=True)
class Fault:
    """One broken rule of a row: `columns` are the cells it is about, none when it is about the row or its whole batch."""

    rule: str
    message: str
    fix: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class BadRow:
    """A row as its submitter knows it: where it stands, and the text of each column as it landed."""

    place: str
    values: Mapping[str, str]
    faults: Sequence[Fault]


@dataclass(frozen=True)
class SlipSheet:
    """The bad rows of one record; of a sheet that can be handed back, those of one community and month.

    `month_on` is None for rows that can only be read: they are corrected in their system, or come again with their whole file. `choices`
    has, by column, the codes that may be filled in, each with its name.
    """

    record: RecordDecl
    rows: Sequence[BadRow]
    month_on: dt.date | None = None
    choices: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Slip:
    """Everything one submitter is to correct in what came from one source, as known on `day`.

    `submitter` is None where it is not known who it is; then `submitter_name` says so. That is empty for a place without a name.
    """

    source: str
    source_label: str
    submitter: str | None
    submitter_name: str
    day: dt.date
    sheets: Sequence[SlipSheet]
    is_returned: bool
    """whether it is filled in and handed back; else the rows are corrected in the system they came from"""
    stopped: int = 0
    """rows with nothing wrong of their own, in batches that stopped as a whole: on no sheet, since there is nothing to correct in them"""
    left_off: int = 0
    """rows beyond what a sheet has room for; they are on the next slip"""

    @property
    def row_count(self) -> int:
        """Rows on all sheets."""
        return sum(len(sheet.rows) for sheet in self.sheets)

    @property
    def whose(self) -> str:
        """The code and the name of its submitter, as far as known."""
        return " ".join(part for part in (self.submitter, self.submitter_name) if part)

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.source}-{name_of(self.submitter or NOBODY)}.xlsx"

    @property
    def number(self) -> str:
        """Names its contents: the day, and letters only after it, in which nobody reads a month or a code."""
        rows = [
            (s.record.full_name, str(s.month_on), [(r.place, sorted(r.values.items()), [f.rule for f in r.faults]) for r in s.rows])
            for s in self.sheets
        ]
        digest = hashlib.sha256(repr((self.source, self.submitter, rows)).encode()).digest()
        return f"{self.day:%Y%m%d}-{''.join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:6])}"
