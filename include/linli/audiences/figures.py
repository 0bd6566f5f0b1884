"""The figures of one closed month that leave the team: counts of tables.yml, and which of them are not shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np

from linli.audiences.model import Declaration, Family, Table
from linli.audiences.suppression import Flags, Known, Sum, hidden

Parents = Mapping[tuple[str, str, str], Mapping[str, str]]
"""(district_code, child level, parent level) to the parent's key by the child's"""

Before = Sequence[Parents]
"""what the parents were before each change that had come about by the end of a month, newest first"""

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
_Groups = dict[_Name, list[_Name]]
_Places = dict[_Name, dict[str, int]]
"""where the counts of a row are, by column"""


@dataclass
class _Cells:
    """The counts of one table and district, each in its place, and the sums between them."""

    counts: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    implied: list[bool] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)

    def add(self, count: int, rank: int, *, is_implied: bool = False, is_known: bool = False) -> int:
        self.counts.append(count)
        self.ranks.append(rank)
        self.implied.append(is_implied)
        self.known.append(is_known)
        self.most.append(count if is_known else _ANY)
        return len(self.counts) - 1

    def total(self, places: Sequence[int]) -> int:
        return sum(self.counts[place] for place in places)

    def add_sum(self, whole: int, parts: Sequence[int]) -> None:
        self.sums.append(Sum(whole, parts))

    def add_rest(self, whole: int, parts: Sequence[int], rank: int, *, is_within: bool = False) -> int | None:
        """What the parts leave of the whole, in its place; None where they are no parts of it. Of one row (`is_within`), none of the parts
        can be more than the whole can be."""
        left = self.counts[whole] - self.total(parts)
        if left < 0:
            return None
        rest = self.add(left, rank, is_implied=True)
        self.add_sum(whole, [*parts, rest])
        if is_within:
            for part in (*parts, rest):
                self.most[part] = min(self.most[part], self.most[whole])
        return rest

    def hidden(self, few: int) -> Flags:
        """Those not to be shown. Raises NotSolved."""
        counts, ranks, most = (np.array(each, dtype=np.int64) for each in (self.counts, self.ranks, self.most))
        implied, known = (np.array(each, dtype=np.bool_) for each in (self.implied, self.known))
        return hidden(counts, self.sums, ranks, implied, few=few, known=Known(known, most) if known.any() else None)


_ANY = 2**31
"""more than any count is"""


def read(figures: Path, tables: Sequence[Table], names: Names, parents: Parents) -> list[tuple[Table, list[Row]]]:
    """Each of the tables with its rows in the frozen figures of a month, at every level anybody sees, ordered; where there is none of a
    known key, one of zeros: that a row is there must not say that something is in it. No row of a district of which the mart has none: what
    was not loaded is not nothing."""
    with duckdb.connect() as con:
        return [(table, _rows(con, figures, table, names, parents)) for table in tables]


def _rows(con: duckdb.DuckDBPyConnection, figures: Path, table: Table, names: Names, parents: Parents) -> list[Row]:
    grain = ", ".join(f"regexp_extract(grain, '{name}=(\\S*)', 1)" for name in table.by) or "''"
    only = " and ".join(["true", *(f"regexp_matches(grain, '(^| ){name}={value}( |$)')" for name, value in table.only.items())])
    found = con.execute(
        f"select district_code, level, key, [{grain}] as by_values, map_from_entries(list((metric, value::bigint)))"
        f" from read_parquet($1) where mart = $2 and {only} and list_contains($3, level) and list_contains($4, metric)"
        " group by all order by all",
        [str(figures), table.mart, table.levels, list(table.counts)],
    ).fetchall()
    rows = {(district, level, key, tuple(by) if table.by else ()): counts for district, level, key, by, counts in found}
    loaded = {district for district, *_ in rows}
    for district, level, key in names:
        if level in table.levels and district in loaded:
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


def districts_of(figures: Path, table: Table) -> set[str]:
    """The districts of which figures of the table's mart are frozen."""
    with duckdb.connect() as con:
        found = con.execute("select distinct district_code from read_parquet($1) where mart = $2", [str(figures), table.mart]).fetchall()
    return {district for (district,) in found}


def told_with(rows: Sequence[Row], table: Table, others: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of a table, without the counts of those that another table, among the guarded `others`, would have to hide."""
    if table.told_with is None:
        return list(rows)
    shown = {
        (row.district_code, row.level, row.key)
        for row in others[table.told_with.table]
        if all(row.counts[count] is not None for count in table.told_with.counts)
    }
    return [
        replace(row, counts=dict.fromkeys(row.counts))
        if table.told_with.value in row.by and (row.district_code, row.level, row.key) not in shown
        else row
        for row in rows
    ]


def guarded(
    tables: Sequence[tuple[Table, Sequence[Row]]], declared: Declaration, parents: Parents, before: Before = (), *, few: int
) -> list[tuple[Table, list[Row]]]:
    """The tables with whatever must not be shown hidden: counts of fewer than `few` residents, and what would give them away. One about
    work is shown as it is. Raises NotSolved."""
    found = {table.name: list(rows) if table.about == "work" else [] for table, rows in tables}
    about_residents = [(table, rows) for table, rows in tables if table.about == "residents"]
    for district in sorted({row.district_code for _, rows in about_residents for row in rows}):
        of_district = [(table, [row for row in rows if row.district_code == district]) for table, rows in about_residents]
        for (table, _), rows in zip(about_residents, _guarded(of_district, declared, parents, before, few), strict=True):
            found[table.name] += rows
    return [(table, found[table.name]) for table, _ in tables]


def _guarded(
    tables: Sequence[tuple[Table, list[Row]]], declared: Declaration, parents: Parents, before: Before, few: int
) -> list[list[Row]]:
    cells = _Cells()
    depth = {level: rank for rank, level in enumerate(_depths(declared.families))}
    at: dict[str, _Places] = {}
    for table, rows in tables:
        places = [
            {name: cells.add(row.counts[name] or 0, depth[row.level], is_known=name in table.known) for name in table.counts}
            for row in rows
        ]
        for row, of_row in zip(rows, places, strict=True):
            of_row |= _within_rows(cells, table, row, of_row, depth)
        at[table.name] = {(row.level, row.key, row.by): of_row for row, of_row in zip(rows, places, strict=True)}
        for family in declared.families:
            states = [_groups(rows, table, family, of_then) for of_then in (parents, *before)]
            different = [state for n, state in enumerate(states) if state not in states[:n]]
            _between_levels(cells, at[table.name], different, depth[family.child])
    _between_tables(cells, at, declared, depth)
    hide = cells.hidden(few)
    return [
        [
            replace(row, counts={name: None if hide[of_row[name]] else count for name, count in row.counts.items()})
            for row, of_row in zip(rows, at[table.name].values(), strict=True)
        ]
        for table, rows in tables
    ]


def _within_rows(cells: _Cells, table: Table, row: Row, places: dict[str, int], depth: Mapping[str, int]) -> dict[str, int]:
    """Adds the sums of a row; what the parts leave of the whole is a figure as well, though nobody prints it. Where a count is no part of
    the whole (a complaint that was withdrawn before it was received), its place beside it tells nobody anything."""
    rests = {}
    for whole, parts in table.sums.items():
        rest = cells.add_rest(places[whole], [places[part] for part in parts], depth[row.level], is_within=True)
        if rest is not None:
            rests[f"rest of {whole}"] = rest
    return rests


def _groups(rows: Sequence[Row], table: Table, family: Family, parents: Parents) -> _Groups:
    """The rows under each row of the upper level."""
    groups: _Groups = {}
    for row in rows:
        parent = _parent(row, table, family, parents) if row.level == family.child else None
        if parent is not None:
            groups.setdefault((family.parent, parent, row.by), []).append((row.level, row.key, row.by))
    return groups


def _between_levels(cells: _Cells, at: _Places, states: Sequence[_Groups], rank: int) -> None:
    """Adds the sums between two levels, as places belong together now or as they did before: a case keeps its station, whatever its
    compound's is by now. A sum that does not hold tells nobody anything; but those that have always been there are no more than the whole,
    and places between which others have moved have together what all of theirs have."""
    for whole in dict.fromkeys(whole for state in states for whole in state if whole in at):
        of_states = [state.get(whole, []) for state in states]
        always = [part for part in of_states[0] if all(part in of_state for of_state in of_states)]
        for name, place in at[whole].items():
            sums = [[at[part][name] for part in of_state if name in at[part]] for of_state in of_states]
            true = next((parts for parts in sums if parts and cells.total(parts) == cells.counts[place]), None)
            fixed = [at[part][name] for part in always if name in at[part]]
            if true:
                cells.add_sum(place, true)
            elif len(states) > 1:
                cells.add_rest(place, fixed, rank)
    for wholes, parts in _moved_between(states):
        if all(whole in at for whole in wholes):
            for name in at[wholes[0]]:
                above, below = ([at[row][name] for row in rows if name in at[row]] for rows in (wholes, parts))
                if cells.total(above) == cells.total(below):
                    together = cells.add(cells.total(above), rank, is_implied=True)
                    cells.add_sum(together, above)
                    cells.add_sum(together, below)


def _moved_between(states: Sequence[_Groups]) -> Iterator[tuple[list[_Name], list[_Name]]]:
    """Rows of the upper level between which rows of the lower one have moved, and all of theirs."""
    under: dict[_Name, set[_Name]] = {}
    for state in states:
        for whole, parts in state.items():
            for part in parts:
                under.setdefault(part, set()).add(whole)
    linked = [set(wholes) for wholes in under.values() if len(wholes) > 1]
    while linked:
        together = linked.pop()
        while near := next((wholes for wholes in linked if wholes & together), None):
            linked.remove(near)
            together |= near
        yield sorted(together), [part for part, wholes in under.items() if wholes <= together]


def _between_tables(cells: _Cells, at: Mapping[str, _Places], declared: Declaration, depth: Mapping[str, int]) -> None:
    """Adds what the count of one table is part of in another."""
    for across in declared.across:
        parts = {(level, key): of_row[across.part.count] for (level, key, _), of_row in at[across.part.table].items()}
        for (level, key, _), of_row in at[across.whole.table].items():
            if (level, key) in parts:
                cells.add_rest(of_row[across.whole.count], [parts[level, key]] * across.times, depth[level])


def _parent(row: Row, table: Table, family: Family, parents: Parents) -> str | None:
    if family.parent == "district":
        return row.district_code
    if f"{family.parent}_code" in table.by:
        return row.by[list(table.by).index(f"{family.parent}_code")]
    return parents.get((row.district_code, family.child, family.parent), {}).get(row.key)


def _depths(families: Sequence[Family]) -> list[str]:
    """The levels, those that are made up of others first."""
    levels: list[str] = []
    for family in families:
        levels += [level for level in (family.parent, family.child) if level not in levels]
    return levels

