"""The marts as they were approved: the figures of closed months, frozen at the close, in the columns of the marts they come from.

What is approved is kept as rows of one figure each (closed.figure). A question about a district that names a mart reads from there the
months of which figures of the mart and district were frozen, and all others from the mart: a district may have joined after a close, and
a mart may be younger than one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

MARTS = (
    "mart_case_volume", "mart_clock_257", "mart_two_callback_satisfaction", "mart_callback_agreement", "mart_backlog", "mart_stage_blame",
    "mart_patrol", "mart_frequent_problem", "mart_monthly_review",
)  # fmt: skip
"""marts whose figures a page tells as approved"""
_PLACE = ("month", "district_code", "level", "key")
_GRAINS: Mapping[str, str] = {"mart_clock_257": "step", "mart_backlog": "age_code", "mart_frequent_problem": "item_code"}
"""what else tells the rows of a mart apart"""
_FIGURES: Mapping[str, str] = {
    # what another mart counts as well is frozen there only, and not where it counts nothing
    "mart_frequent_problem": "(select month, mart, district_code, level, key, grain, metric, value from closed.figure union all"
    " select month, 'mart_frequent_problem', district_code, 'district', district_code, 'item_code=' || key, metric, value"
    " from closed.figure where mart = 'mart_case_volume' and level = 'item' and metric = 'case_count' union all"
    " select month, mart, district_code, level, key, grain, 'case_count', '0'"
    " from closed.figure where mart = 'mart_frequent_problem' and level = 'district')",
}


@dataclass(frozen=True)
class Approved:
    """What was frozen of a district in the thirteen months up to one, by mart; and the columns of the marts."""

    district_code: str
    month: dt.date
    frozen: Mapping[str, frozenset[dt.date]]
    columns: Mapping[str, Mapping[str, str]]

    @property
    def is_closed(self) -> bool:
        """Whether the month is closed for the district."""
        return any(self.month in months for months in self.frozen.values())

    def holds(self, marts: Iterable[str]) -> bool:
        """Whether the figures of all these marts were approved in the month."""
        return all(self.month in self.frozen.get(mart, ()) for mart in marts)

    def as_approved(self, question: str, first: dt.date) -> dict[str, str]:
        """The marts by their names as subqueries with the columns that the text of a question names, of the months since `first`."""
        return as_they_are() | {mart: self._approved(mart, question, first) for mart in MARTS if self._months(mart, first)}

    def _months(self, mart: str, first: dt.date) -> str:
        """The months since `first` of which the mart is frozen, as a list in SQL."""
        return ", ".join(f"date '{month}'" for month in sorted(self.frozen.get(mart, ())) if month >= first)

    def _approved(self, mart: str, question: str, first: dt.date) -> str:
        named = set(re.findall(r"\w+", question))
        grain = _GRAINS.get(mart)
        told = [*_PLACE, *([grain] if grain else [])]
        figures = [column for column in self.columns.get(mart, ()) if column in named and column not in told]
        frozen = [
            *_PLACE,
            *([f"regexp_extract(grain, '{grain}=(.*)', 1) as {grain}"] if grain else []),
            *(f"max(case when metric = '{each}' then cast(value as {self.columns[mart][each]}) end) as {each}" for each in figures),
        ]
        months = self._months(mart, first)
        district = "district_code = '" + self.district_code.replace("'", "''") + "'"
        return (
            f"(select {', '.join(frozen)} from {_FIGURES.get(mart, 'closed.figure')}"
            f" where mart = '{mart}' and {district} and month in ({months}) group by all"
            f" union all select {', '.join([*told, *figures])} from mart.{mart}"
            f" where {district} and month between date '{first}' and date '{self.month}' and month not in ({months}))"
        )


def as_they_are() -> dict[str, str]:
    """The marts by their names, as a query may name them."""
    return {mart: f"mart.{mart}" for mart in MARTS}


def approved_marts(con: duckdb.DuckDBPyConnection, district_code: str, month: dt.date) -> Approved:
    """What is approved of a district in `month` and the twelve before it. `con` is a connection to the published file."""
    columns: dict[str, dict[str, str]] = {}
    for mart, column, kind in con.execute(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'mart'"
        " and list_contains($marts, table_name) order by table_name, ordinal_position",
        {"marts": list(MARTS)},
    ).fetchall():
        columns.setdefault(mart, {})[column] = kind
    frozen = con.execute(
        "select mart, list(distinct month) from closed.figure"
        " where district_code = $district and month between $first and $month group by mart",
        {"district": district_code, "month": month, "first": month.replace(year=month.year - 1)},
    ).fetchall()
    return Approved(district_code, month, {mart: frozenset(months) for mart, months in frozen}, columns)
