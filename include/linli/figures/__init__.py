"""What marts, their columns and the values in their grain are called, for whoever reads a figure by its column: marts.yml, names.yml and
values.yml have the words, in Chinese; marts are named in English as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

_EVERY = "every"
_OTHER_MONTHS = {"last_year": "（去年同月）", "previous_month": "（上月）"}
_BOUNDS = {"low": "下限", "high": "上限"}
_DERIVED = re.compile(
    r"(?P<of>\w+)_(?P<month>last_year|previous_month)|(?P<bounded>\w+)_(?P<bound>low|high)|is_small_sample_of_(?P<few>\w+)"
)
_GRAIN = re.compile(r"\b(\w+)=(\S*)")
_SHARES = ("_rate", "_low", "_high")
_NO_SHARES = frozenset({"mart_campaign_effect"})
"""whose rates are cases a compound and month, and ratios of them"""
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_WHOLE = re.compile(r"-?\d+")
_DIGITS = 12
"""of a double in closed months"""


def figure_name(mart: str, column: str) -> str:
    """The Chinese name of a column of a mart; the column itself where it has none."""
    return _name(mart, column) or column


def mart_name(mart: str, language: Literal["zh", "en"] = "zh") -> str:
    """The name of a mart; the mart itself where it has none."""
    return _words("marts").get(mart, {}).get(language, mart)


def value_names(column: str) -> Mapping[str, str]:
    """The Chinese names of the project's own codes in a column of a grain."""
    return _words("values").get(column, {})


def grain_named(mart: str, grain: str) -> str:
    """The grain of a row as closed months write it, 'step=accept', in words: '环节=2日核实'."""
    return _GRAIN.sub(lambda part: f"{figure_name(mart, part[1])}={value_names(part[1]).get(part[2], part[2])}", grain)


def figure_printed(mart: str, column: str, value: str) -> str:
    """A figure as closed months write it, as it is read: rates and their bounds as percentages with one decimal, other fractions to four
    digits, yes and no in Chinese."""
    return _printed(mart, column, value, 0)


def change_printed(mart: str, column: str, old: str, new: str) -> tuple[str, str]:
    """Two values of a figure as they are read, with as many more digits as it takes to tell them apart."""
    for more in range(_DIGITS):
        printed = _printed(mart, column, old, more), _printed(mart, column, new, more)
        if printed[0] != printed[1]:
            return printed
    return old, new


def _printed(mart: str, column: str, value: str, more: int) -> str:
    """A figure with `more` digits than usual."""
    if value in ("true", "false"):
        return "是" if value == "true" else "否"
    if not _NUMBER.fullmatch(value):
        return value
    if column.endswith(_SHARES) and mart not in _NO_SHARES:
        return f"{Decimal(value) * 100:.{1 + more}f}%"
    return value if _WHOLE.fullmatch(value) else _to_digits(Decimal(value), 4 + more)


def _to_digits(number: Decimal, digits: int) -> str:
    """A fraction to so many digits that count, at least all before the point, and none behind it that says nothing."""
    places = max(0, digits - 1 - number.adjusted()) if number else 0
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _name(mart: str, column: str) -> str | None:
    said = _words("names")
    if name := said.get(mart, {}).get(column) or said[_EVERY].get(column):
        return name
    derived = _DERIVED.fullmatch(column)
    if derived is None:
        return None
    if derived["month"]:
        of = _name(mart, derived["of"])
        return of and of + _OTHER_MONTHS[derived["month"]]
    rate = _name(mart, f"{derived['bounded'] or derived['few']}_rate")
    return rate and rate + (_BOUNDS[derived["bound"]] if derived["bound"] else "样本少")


@cache
def _words(of: str) -> Mapping[str, Mapping[str, str]]:
    text = Path(__file__).with_name(f"{of}.yml").read_text(encoding="utf-8")
    said: Mapping[str, Mapping[str, str]] = yaml.load(text, yaml.CSafeLoader)
    return said
