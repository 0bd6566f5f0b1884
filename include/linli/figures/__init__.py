"""What the columns of the marts are called in Chinese, for whoever reads a figure by its column: names.yml has the words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

_EVERY = "every"
_OTHER_MONTHS = {"last_year": "（去年同月）", "previous_month": "（上月）"}
_BOUNDS = {"low": "下限", "high": "上限"}
_DERIVED = re.compile(
    r"(?P<of>\w+)_(?P<month>last_year|previous_month)|(?P<bounded>\w+)_(?P<bound>low|high)|is_small_sample_of_(?P<few>\w+)"
)
_COLUMN = re.compile(r"\b(\w+)=")


def figure_name(mart: str, column: str) -> str:
    """The Chinese name of a column of a mart; the column itself where it has none."""
    return _name(mart, column) or column


def grain_named(mart: str, grain: str) -> str:
    """The grain of a row as closed months write it, 'step=accept', with its columns by their names."""
    return _COLUMN.sub(lambda column: f"{figure_name(mart, column[1])}=", grain)


def _name(mart: str, column: str) -> str | None:
    said = _names()
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
def _names() -> Mapping[str, Mapping[str, str]]:
    text = Path(__file__).with_name("names.yml").read_text(encoding="utf-8")
    names: Mapping[str, Mapping[str, str]] = yaml.load(text, yaml.CSafeLoader)
    return names
