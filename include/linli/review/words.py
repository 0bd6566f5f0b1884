"""What a page says, in Chinese and in English: the sentences are in templates/words.yml."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from linli.figures import change_printed, figure_name, figure_printed, grain_named, mart_name

Language = Literal["zh", "en"]

TEMPLATES = Path(__file__).parent / "templates"
_NUMERALS = "零一二三四五六七八九十"


@cache
def _said() -> Mapping[str, Mapping[Language, str]]:
    text = (TEMPLATES / "words.yml").read_text(encoding="utf-8")
    said: Mapping[str, Mapping[Language, str]] = yaml.load(text, yaml.CSafeLoader)
    return said


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: Language

    def __call__(self, name: str, /, **given: object) -> str:
        """What is said under `name`, with `given` filled in."""
        return _said()[name][self.language].format(**given)

    def month(self, month: dt.date) -> str:
        """A month as it is spoken of in a sentence."""
        return f"{month.month} 月" if self.language == "zh" else f"{month:%B}"

    def numeral(self, number: int) -> str:
        """The number of a section, as far as sections go."""
        return _NUMERALS[number] if self.language == "zh" else str(number)

    def change(self, value: float, unit: str = "") -> str:
        """A change with its sign: up, down, or none."""
        return f"{'+' if value > 0 else '−' if value < 0 else '±'}{abs(value):,.{0 if float(value).is_integer() else 1}f}{unit}"

    def points(self, difference: float) -> str:
        """The difference of two rates in percentage points, without its sign."""
        return self("points", points=f"{abs(difference) * 100:.1f}")

    def mart(self, mart: str) -> str:
        """A mart by its name."""
        return mart_name(mart, self.language)

    def values(self, mart: str, column: str, old: str | None, new: str | None) -> tuple[str, str]:
        """A figure as a closed month holds it and as it was restated, as they are read."""
        if old is None or new is None:
            told = [self("missing") if value is None else figure_printed(mart, column, value) for value in (old, new)]
        else:
            told = list(change_printed(mart, column, old, new))
        given = [self(value) if value in ("true", "false") else read for value, read in zip((old, new), told, strict=True)]
        return given[0], given[1]

    def figure(self, mart: str, column: str) -> str:
        """A figure of a mart by its name; in English by its column."""
        return figure_name(mart, column) if self.language == "zh" else column

    def grain(self, mart: str, grain: str) -> str:
        """What tells a row of a mart from others of its place, likewise."""
        return grain_named(mart, grain) if self.language == "zh" else grain

    def cause(self, cause: str, records: int | None) -> str:
        """Causes of a restatement, joined by '+', and how many records are behind it, where that is told."""
        causes = self("joined").join(self(f"cause.{name}") for name in cause.split("+"))
        return causes if records is None else causes + self("cause.records", count=records)


def count(value: object) -> str:
    """A count as it is printed; a dash for none known."""
    return "—" if value is None else f"{value:,}"


def rate(value: float | None) -> str:
    """A rate in 0..1 as a percentage with one decimal; a dash for none."""
    return "—" if value is None else f"{value * 100:.1f}%"
