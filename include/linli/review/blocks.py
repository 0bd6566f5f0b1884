"""What a page is made of: blocks of texts, numbers and drawings without a format. Every writer of a format prints the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from linli.review.charts import Drawing
from linli.review.questions import Answer, Unit

Tone = Literal["", "strong", "bad", "dim"]


@dataclass(frozen=True)
class Span:
    """Words of one tone. `ask` names the question the number in them answers."""

    text: str
    tone: Tone = ""
    ask: str = ""


@dataclass(frozen=True)
class Tile:
    """A number with its name above, a remark below and, where there is more to say, a line below that."""

    label: str
    value: str
    remark: str
    ask: str
    tone: Tone = ""
    more: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `heat` and `bar` are in 0..1."""

    text: str
    tone: Tone = ""
    heat: float | None = None
    bar: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, how its cells stand, its share of the width."""

    label: str
    align: Literal["left", "right", "center"] = "right"
    width: float = 1.0


@dataclass(frozen=True)
class Table:
    """Rows of cells under their columns."""

    title: str
    note: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    ask: str
    kind: str = "table"


@dataclass(frozen=True)
class Chart:
    """A drawing. `said` is the same in words, for whoever cannot see it and for an office that edits it."""

    title: str
    note: str
    drawing: Drawing
    said: str
    ask: str
    kind: str = "chart"


@dataclass(frozen=True)
class Square:
    """The 2 × 2 of the two sides: (number, what it means, tone) by organisation and resident."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, str, Tone]]]]
    ask: str
    kind: str = "square"


@dataclass(frozen=True)
class Lines:
    """Numbered sentences."""

    title: str
    note: str
    lines: Sequence[Sequence[Span]]
    ask: str
    is_marked: bool = False
    kind: str = "lines"


Block = Table | Chart | Square | Lines


@dataclass(frozen=True)
class Page:
    """A page: its head, its conclusion, tiles, rows of one or two blocks, definitions; and the answers its numbers come from."""

    unit: Unit
    month: dt.date
    language: str
    title: str
    subtitle: str
    remarks: Sequence[str]
    conclusion: Sequence[Span]
    tiles: Sequence[Tile]
    rows: Sequence[Sequence[Block]]
    definitions: str
    as_of: dt.datetime
    answers: Mapping[str, Answer] = field(repr=False)


def marked(text: str, number: str, ask: str, tone: Tone = "strong") -> Iterator[Span]:
    """`text` around the number that stands where it has a null character."""
    before, _, after = text.partition("\0")
    yield from (span for span in (Span(before, ask=ask), Span(number, tone, ask), Span(after, ask=ask)) if span.text)
