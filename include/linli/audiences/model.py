"""What leaves the team, as tables.yml declares it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

Audience = Literal["public", "station", "department"]
AUDIENCES: tuple[Audience, ...] = ("public", "station", "department")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Family(_Declared):
    """The rows of level `child` under one key of level `parent` add up to its row."""

    parent: str
    child: str


class By(_Declared):
    """A further column of a mart's grain: its label and the words of its values."""

    label: str
    names: dict[str, str] = {}


class Rate(_Declared):
    """A share of two counts of the table."""

    numerator: str
    denominator: str
    label: str


class ToldWith(_Declared):
    """Rows with `value` in a further column tell nothing where another table does not tell all these `counts` of the same place."""

    value: str
    table: str
    counts: list[str]


class Table(_Declared):
    """One table of the copies. `only` picks rows by other grain columns of the mart; `open_to` are the levels of each audience. What
    `shows` rates prints a rate where its denominator is at least `least`, and no count. Counts that are `known` may be worked out from
    what is told elsewhere: they protect nothing."""

    name: str
    label: str
    mart: str
    about: Literal["residents", "work"]
    shows: Literal["counts", "rates"] = "counts"
    least: int = 0
    by: dict[str, By] = {}
    only: dict[str, str] = {}
    open_to: dict[Audience, list[str]]
    counts: dict[str, str]
    sums: dict[str, list[str]] = {}
    known: list[str] = []
    told_with: ToldWith | None = None
    rates: dict[str, Rate] = {}

    @property
    def levels(self) -> list[str]:
        """Every level somebody sees."""
        return list(dict.fromkeys(level for levels in self.open_to.values() for level in levels))

    @model_validator(mode="after")
    def _only_own_counts(self) -> Table:
        named = [*self.known, *self.sums, *(part for parts in self.sums.values() for part in parts)]
        named += [name for rate in self.rates.values() for name in (rate.numerator, rate.denominator)]
        unknown = sorted(set(named) - set(self.counts))
        if unknown:
            raise ValueError(f"{self.name}: not among its counts: {', '.join(unknown)}")
        return self


class Count(_Declared):
    """One count of one table."""

    table: str
    count: str


class Across(_Declared):
    """At every level and key that both have, `whole` is at least so many `times` `part`."""

    whole: Count
    part: Count
    times: int = 1


class Declaration(_Declared):
    """tables.yml as a whole."""

    families: list[Family]
    across: list[Across] = []
    tables: list[Table]

    @model_validator(mode="after")
    def _only_counts_about_residents(self) -> Declaration:
        there = {(table.name, count) for table in self.tables if table.about == "residents" for count in table.counts}
        unknown = [f"{each.table}.{each.count}" for across in self.across for each in (across.whole, across.part)
                   if (each.table, each.count) not in there]  # fmt: skip
        if unknown:
            raise ValueError(f"across: no counts of tables about residents: {', '.join(unknown)}")
        return self


@cache
def declaration() -> Declaration:
    """What this version publishes to whom. Raises pydantic.ValidationError naming a key that is none."""
    return Declaration.model_validate(yaml.safe_load(Path(__file__).with_name("tables.yml").read_text(encoding="utf-8")))
