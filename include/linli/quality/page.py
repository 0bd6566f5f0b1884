"""The quality page of a day: tables, a trend and a strip of days, as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from linli import fonts

_FONT = "font-of-the-page"
_BAR, _GAP, _HEIGHT = 18, 4, 90


@dataclass(frozen=True)
class Cell:
    """A text of a table; tone is good, bad, doubtful, dim or empty."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page: columns as (label, align), what is said when it has no row, a note below its title."""

    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Cell]]
    empty: str
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """One day of a trend; `value` is None where there was no night."""

    day: dt.date
    value: float | None
    said: str


@dataclass(frozen=True)
class Trend:
    """One figure over the days shown, drawn as bars from 0."""

    title: str
    bars: Sequence[Bar]
    note: str = ""

    @property
    def width(self) -> int:
        return len(self.bars) * (_BAR + _GAP)

    @property
    def height(self) -> int:
        return _HEIGHT

    def drawn(self) -> list[tuple[int, float, int, float, str]]:
        """x, y, width and height of the bar of every night, and what it says."""
        most = max((bar.value or 0 for bar in self.bars), default=0) or 1
        heights = [round(_HEIGHT * (bar.value or 0) / most, 1) for bar in self.bars]
        return [
            (at * (_BAR + _GAP), round(_HEIGHT - height, 1), _BAR, height, bar.said)
            for at, (bar, height) in enumerate(zip(self.bars, heights, strict=True))
            if bar.value is not None
        ]


@dataclass(frozen=True)
class Strip:
    """What became of something on each of the days shown: (tone, what it says) a day."""

    label: str
    days: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """Everything on the page of a day, in words; nothing is computed after this."""

    day: dt.date
    subtitle: str
    remarks: Sequence[str]
    conclusion: Sequence[Cell]
    tiles: Sequence[tuple[str, Cell, str]]
    tables: Sequence[Table]
    trends: Sequence[Trend]
    days: Sequence[dt.date]
    strips: Sequence[Strip]
    definitions: str = ""
    missing: Sequence[str] = field(default_factory=tuple)


@cache
def _environment() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(page: Page) -> bytes:
    """The page as an HTML file with the characters of the font it needs. Every text is escaped. Raises FontMissing."""
    text = _environment().get_template("quality.html").render(page=page, font=_FONT)
    font = base64.b64encode(fonts.subset(frozenset(text))).decode()
    # the style comes before any text of the data
    return text.replace(_FONT, font, 1).encode()


def contents(days: Sequence[tuple[dt.date, str, str]]) -> bytes:
    """The list of the pages there are: day, file and what it says in a line, newest first."""
    return _environment().get_template("contents.html").render(days=days).encode()
