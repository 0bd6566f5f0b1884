"""The figures of one closed month that leave the team: counts of tables.yml, and which of them are not shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np

from linli.audiences.model import Declaration, Family, Table
from linli.audiences.suppression import Sum, hidden

Parents = Mapping[tuple[str, str, str], Mapping[str, str]]
"""(district_code, child level, parent level) to the parent's key by the child's"""

Names = Mapping[tuple[str, str, str], str]
"""names by (district_code, level, key)"""


@dataclass(frozen=True)
class Row:
    """One row of a table: whose it is, and its counts by column; None where a count is hidden."""

    district_code: str
    level: str
    key: str
    by: tuple[str, ...]
    counts: dict[str, int | None]


_Name = tuple[str, str, tuple[str, ...]]
"""level, key and by of a row"""


@dataclass
class _Cells:
    """The counts of one table and district, each in its place, and the sums between them."""

    counts: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    implied: list[bool] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)

    def add(self, count: int, rank: int, *, is_implied: bool = False) -> int:
        self.counts.append(count)
        self.ranks.append(rank)
        self.implied.append(is_implied)
        return len(self.counts) - 1

    def add_sum(self, whole: int, parts: Sequence[int]) -> None:
        self.sums.append(Sum(whole, parts))


def read(figures: Path, table: Table, names: Names, parents: Parents) -> list[Row]:
    """The rows of `table` in the frozen figures of a month, at every level anybody sees, ordered; where there is none of a known key, one
    of zeros: that a row is there must not say that something is in it."""
    grain = ", ".join(f"regexp_extract(grain, '{name}=(\\S*)', 1)" for name in table.by) or "''"
    only = " and ".join(["true", *(f"regexp_matches(grain, '(^| ){name}={value}( |$)')" for name, value in table.only.items())])
    with duckdb.connect() as con:
        found = con.execute(
            f"select district_code, level, key, [{grain}] as by_values, map_from_entries(list((metric, value::bigint)))"
            f" from read_parquet($1) where mart = $2 and {only} and list_contains($3, level) and list_contains($4, metric)"
            " group by all order by all",
            [str(figures), table.mart, table.levels, list(table.counts)],
        ).fetchall()
    rows = {(district, level, key, tuple(by) if table.by else ()): counts for district, level, key, by, counts in found}
    for district, level, key in names:
        if level in table.levels:
            for by in _values_of(table, district, level, key, parents):
                rows.setdefault((district, level, key, by), {})
    return [Row(*of, {name: counts.get(name, 0) for name in table.counts}) for of, counts in sorted(rows.items())]


def _values_of(table: Table, district: str, level: str, key: str, parents: Parents) -> list[tuple[str, ...]]:
    """What stands in the further columns of the rows a key has in `table`: every value that has words, or the place it belongs to."""
    columns = []
    for name, by in table.by.items():
        parent = name.removesuffix("_code")
        own = key if level == parent else parents.get((district, level, parent), {}).get(key)
        columns.append(list(by.names) or ([own] if own else []))
    return list(itertools.product(*columns))


def guarded(rows: Sequence[Row], table: Table, declared: Declaration, parents: Parents, *, few: int) -> list[Row]:
    """The rows with whatever must not be shown hidden: counts of fewer than `few` residents, and what would give them away.
    A table about work is shown as it is. Raises NotSolved."""
    if table.about == "work":
        return list(rows)
    districts = itertools.groupby(rows, lambda row: row.district_code)
    return [row for _, of_district in districts for row in _guarded(list(of_district), table, declared, parents, few)]


def _guarded(rows: list[Row], table: Table, declared: Declaration, parents: Parents, few: int) -> list[Row]:
    cells = _Cells()
    depth = {level: rank for rank, level in enumerate(_depths(declared.families))}
    places = [{name: cells.add(row.counts[name] or 0, depth[row.level]) for name in table.counts} for row in rows]
    at = {(row.level, row.key, row.by): of_row for row, of_row in zip(rows, places, strict=True)}
    rests = [_within_rows(cells, table, row, of_row, depth) for row, of_row in zip(rows, places, strict=True)]
    for of_row, rest in zip(places, rests, strict=True):
        of_row |= rest
    for whole, parts in _between_rows(rows, table, declared.families, parents):
        below = [at[part] for part in parts]
        if whole in at and below:
            for name, place in at[whole].items():
                _add_if_true(cells, place, [each[name] for each in below if name in each])
    counts, ranks = (np.array(each, dtype=np.int64) for each in (cells.counts, cells.ranks))
    hide = hidden(counts, cells.sums, ranks, np.array(cells.implied, dtype=np.bool_), few=few)
    return [
        replace(row, counts={name: None if hide[of_row[name]] else count for name, count in row.counts.items()})
        for row, of_row in zip(rows, places, strict=True)
    ]


def _within_rows(cells: _Cells, table: Table, row: Row, places: dict[str, int], depth: Mapping[str, int]) -> dict[str, int]:
    """Adds the sums of a row; what the parts leave of the whole is a figure as well, though nobody prints it. Where a count is no part of
    the whole (a complaint that was withdrawn before it was received), its place beside it tells nobody anything."""
    rests = {}
    for whole, parts in table.sums.items():
        rest = (row.counts[whole] or 0) - sum(row.counts[part] or 0 for part in parts)
        if rest < 0:
            continue
        rests[f"rest of {whole}"] = cells.add(rest, depth[row.level], is_implied=True)
        cells.add_sum(places[whole], [*(places[part] for part in parts), rests[f"rest of {whole}"]])
    return rests


def _between_rows(
    rows: Sequence[Row], table: Table, families: Sequence[Family], parents: Parents
) -> Iterator[tuple[_Name, list[_Name]]]:
    """(row, rows that add up to it)."""
    for family in families:
        groups: dict[_Name, list[_Name]] = {}
        for row in rows:
            parent = _parent(row, table, family, parents) if row.level == family.child else None
            if parent is not None:
                groups.setdefault((family.parent, parent, row.by), []).append((row.level, row.key, row.by))
        yield from groups.items()


def _parent(row: Row, table: Table, family: Family, parents: Parents) -> str | None:
    if family.parent == "district":
        return row.district_code
    if f"{family.parent}_code" in table.by:
        return row.by[list(table.by).index(f"{family.parent}_code")]
    return parents.get((row.district_code, family.child, family.parent), {}).get(row.key)


def _add_if_true(cells: _Cells, whole: int, parts: list[int]) -> None:
    """A sum that does not hold (a case keeps its station, whatever its compound's is by now) tells nobody anything."""
    if cells.counts[whole] == sum(cells.counts[part] for part in parts):
        cells.add_sum(whole, parts)


def _depths(families: Sequence[Family]) -> list[str]:
    """The levels, those that are made up of others first."""
    levels: list[str] = []
    for family in families:
        levels += [level for level in (family.parent, family.child) if level not in levels]
    return levels

