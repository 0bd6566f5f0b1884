"""What somebody can work out who gets hold of every copy of every audience and month, and lays them beside one another.

The attack reads the CSV files as they are handed out and knows nothing of how they were made: only which places belong together, when a
compound came to another station, that a part is no more than its whole, what the columns mean, and that counts are whole numbers not below
0. Where it cannot know whether a sum holds (a case keeps its station when its compound comes to another), it guesses, and guesses right.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse.csgraph import connected_components

LEVELS = {"区": "district", "社区": "community", "小区": "compound", "工作站": "station", "部门": "department", "事项类别": "category",
          "队员": "officer"}  # fmt: skip
PARTS = {
    "case_volume": [("收到的案件", "其中居民诉求")],
    "satisfaction": [("回访到期", "双方接通"), ("双方接通", "双方满意")],
    "officer_answers": [("居民与组织给出的评分", "其中四分及以上")],
    "volunteers": [],
}
"""of each table about residents: (a count, one that is a part of it)"""
GIVEN = ("月份", "区划代码", "层级", "编码", "名称", "部门", "环节")
SHARES = ("率", "占比")
FIRST_STEP, RATE, LEAST_JUDGED = "2日核实", "按期率", 10
MOST = 400
SPREAD = 4
"""at least so much lies between the least and the greatest value a small count can have"""


@dataclass(frozen=True, order=True)
class Cell:
    """A count as it stands in a table of a month."""

    month: dt.date
    table: str
    district: str
    level: str
    key: str
    column: str


Counts = Mapping[Cell, int | None]
"""None where a count is hidden in all files that have it"""


@dataclass(frozen=True)
class Places:
    """Which places belong together: the community of a compound, the department of an officer, and every station a compound has been
    with so far, the newest last, all by (district, key)."""

    community: Mapping[tuple[str, str], str]
    stations: Mapping[tuple[dt.date, str, str], Sequence[str]]
    department: Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Rates:
    """Rates of the first step of the clock that are printed, by (month, district, level, key)."""

    shown: Mapping[tuple[dt.date, str, str, str], float]


def everything(folders: Sequence[Path]) -> tuple[dict[Cell, int | None], Rates]:
    """What the folders of all audiences and months say about residents, and the rates beside it."""
    known: dict[Cell, int | None] = {}
    rates: dict[tuple[dt.date, str, str, str], float] = {}
    for path in [path for folder in folders for path in sorted(folder.rglob("*.csv"))]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                month, place = dt.date.fromisoformat(f"{row['月份']}-01"), (row["区划代码"], LEVELS[row["层级"]], row["编码"])
                if row.get("环节") == FIRST_STEP and row[RATE] not in ("*", ""):
                    rates[month, *place] = float(row[RATE])
                if path.stem in PARTS:
                    for cell, count in _counts(row, month, path.stem, place):
                        assert known.setdefault(cell, count) == count, "shown to one, hidden from another"
    return known, Rates(rates)


def _counts(row: Mapping[str, str], month: dt.date, table: str, place: tuple[str, str, str]) -> Iterator[tuple[Cell, int | None]]:
    counts = {column: text for column, text in row.items() if column not in GIVEN and not column.endswith(SHARES)}
    shares = [text for column, text in row.items() if column.endswith(SHARES)]
    assert "*" in counts.values() or "*" not in shares
    for column, text in counts.items():
        yield Cell(month, table, *place, column), None if text == "*" else int(text)


Rule = tuple[list[tuple[int, Cell]], int | None, int]
"""signed counts, what their sum is at least (None: the same as at most) and at most"""


def within_tables(known: Counts, truth: Mapping[Cell, int], places: Places) -> Iterator[Rule]:
    """What the numbers of one table and month say about each other: wholes and their parts, between places and within a row."""
    rows: dict[tuple[object, ...], dict[tuple[str, str], Cell]] = defaultdict(dict)
    for cell in known:
        rows[cell.month, cell.table, cell.district, cell.column][cell.level, cell.key] = cell
    for (month, _, district, _), at in rows.items():
        for level in ("community", "station", "department", "category"):
            yield from _sum(at.get(("district", str(district))), [cell for (child, _), cell in at.items() if child == level])
        for parent, child, above in (("community", "compound", places.community), ("department", "officer", places.department)):
            parts = defaultdict(list)
            for (level, key), cell in at.items():
                if level == child and (str(district), key) in above:
                    parts[above[str(district), key]].append(cell)
            for key, of_key in parts.items():
                yield from _sum(at.get((parent, key)), of_key)
        yield from _of_stations(at, truth, {key: places.stations[month, str(district), key] for level, key in at if level == "compound"})
    for cell in known:
        for whole, part in PARTS[cell.table]:
            if cell.column == part:
                yield [(1, cell), (-1, _beside(cell, whole))], -MOST, 0


def _beside(cell: Cell, column: str) -> Cell:
    return Cell(cell.month, cell.table, cell.district, cell.level, cell.key, column)


def _sum(whole: Cell | None, parts: Sequence[Cell]) -> Iterator[Rule]:
    if whole is not None and parts:
        yield [(-1, whole), *((1, part) for part in parts)], None, 0


def _of_stations(at: Mapping[tuple[str, str], Cell], truth: Mapping[Cell, int], stations: Mapping[str, Sequence[str]]) -> Iterator[Rule]:
    """As compounds stand, or else as they stood before (which of it holds is guessed, and rightly); and whatever of one that has moved is
    counted where: never less than those that never moved, and the stations it has been with have together what their compounds have."""
    for name in sorted({station for of_compound in stations.values() for station in of_compound}):
        whole = at.get(("station", name))
        for back in range(max(map(len, stations.values()))):
            then = {compound: of_compound[max(len(of_compound) - 1 - back, 0)] for compound, of_compound in stations.items()}
            parts = [at["compound", compound] for compound, station in then.items() if station == name]
            if whole is not None and truth[whole] == sum(truth[part] for part in parts):
                yield from _sum(whole, parts)
                break
        always = [at["compound", compound] for compound, of_compound in stations.items() if set(of_compound) == {name}]
        if whole is not None:
            yield [(-1, whole), *((1, part) for part in always)], -MOST, 0
    for together in _exchanging([{*of_compound} for of_compound in stations.values()]):
        if len(together) > 1 and all(("station", name) in at for name in together):
            parts = [at["compound", compound] for compound, of_compound in stations.items() if set(of_compound) <= together]
            yield [*((-1, at["station", name]) for name in sorted(together)), *((1, part) for part in parts)], None, 0


def _exchanging(shared: Sequence[set[str]]) -> list[set[str]]:
    """Stations that have had compounds in common, directly or through others."""
    groups: list[set[str]] = []
    for stations in shared:
        apart = [group for group in groups if not group & stations]
        groups = [*apart, stations.union(*(group for group in groups if group & stations))]
    return groups


def across_tables(known: Counts, rates: Rates) -> Iterator[Rule]:
    """What the tables say about each other: a case called on both sides has two answers about its officer, nobody is called back about
    a case that was not received up to then, and as many steps as a rate needs are steps of cases received lately."""
    months = sorted({cell.month for cell in known})
    for cell in known:
        place = (cell.district, cell.level, cell.key)
        if (cell.table, cell.column) == ("satisfaction", "双方接通"):
            scored = Cell(cell.month, "officer_answers", *place, "居民与组织给出的评分")
            if scored in known:
                yield [(2, cell), (-1, scored)], -2 * MOST, 0
        if (cell.table, cell.column) == ("satisfaction", "回访到期"):
            until = [month for month in months if month <= cell.month]
            called = [(1, Cell(month, *_rest(cell))) for month in until]
            received = [(-1, Cell(month, "case_volume", *place, "收到的案件")) for month in until]
            yield [*called, *received], -MOST * len(months), 0
        if (cell.table, cell.column) == ("case_volume", "收到的案件") and (cell.month, *place) in rates.shown:
            least = _least_judged(rates.shown[cell.month, *place])
            lately = [Cell(month, *_rest(cell)) for month in months if month <= cell.month][-2:]
            yield [(1, each) for each in lately], least, 2 * MOST


def _rest(cell: Cell) -> tuple[str, str, str, str, str]:
    return cell.table, cell.district, cell.level, cell.key, cell.column


def _least_judged(rate: float) -> int:
    """The fewest steps of which some number kept in time gives the printed rate."""
    return next(n for n in range(LEAST_JUDGED, MOST) if any(abs(round(k / n, 2) - rate) < 1e-9 for k in range(n + 1)))


class Attack:
    """What is known of the hidden counts, as rules of linear programmes, one for those that hang together."""

    def __init__(self, known: Counts, truth: Mapping[Cell, int], rules: Iterator[Rule]) -> None:
        self.hidden = [cell for cell, count in known.items() if count is None]
        self._place = {cell: at for at, cell in enumerate(self.hidden)}
        self._truth = np.array([truth[cell] for cell in self.hidden], dtype=float)
        lines, columns, values, lows, highs = [], [], [], [], []
        for signed, least, most in rules:
            is_so = sum(sign * truth[cell] for sign, cell in signed if cell in known)
            named = [(sign, self._place[cell]) for sign, cell in signed if known.get(cell, 0) is None]
            if not named or any(cell not in known for _, cell in signed) or not (most if least is None else least) <= is_so <= most:
                continue
            left = sum(sign * (known[cell] or 0) for sign, cell in signed)
            for sign, at in named:
                lines.append(len(lows))
                columns.append(at)
                values.append(sign)
            lows.append((most if least is None else least) - left)
            highs.append(most - left)
        shape = (len(lows), len(self.hidden))
        self._rules = sparse.csr_array((np.array(values, dtype=float), (np.array(lines, int), np.array(columns, int))), shape=shape)
        self._least, self._most = np.array(lows, float), np.array(highs, float)

    def ranges(self) -> dict[Cell, tuple[int, int]]:
        """The least and the greatest whole number that each hidden count can be, or two of them SPREAD apart."""
        links = self._rules.T @ self._rules
        count, label = connected_components(links, directed=False)
        found = {}
        for number in range(count):
            places = np.flatnonzero(label == number)
            for at, low, high in self._of_group(places):
                found[self.hidden[at]] = (low, high)
        return found

    def _of_group(self, places: np.ndarray) -> Iterator[tuple[int, int, int]]:
        own = self._rules[:, places]
        used = np.flatnonzero(np.diff(own.indptr))
        rules, least, most = own[used], self._least[used], self._most[used]
        low = high = self._truth[places]
        for at in range(len(places)):
            for direction in (1, -1):
                if high[at] - low[at] < SPREAD:
                    aim = np.zeros(len(places))
                    aim[at] = direction
                    answer = _furthest(aim, rules, least, most)
                    low, high = np.minimum(low, answer), np.maximum(high, answer)
        for at, place in enumerate(places):
            yield int(place), int(low[at]), int(high[at])


def _furthest(aim: np.ndarray, rules: sparse.csr_array, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Whole numbers that agree with all that is known, of which the one aimed at is as low as can be."""
    same = least == most
    solved = linprog(
        aim,
        A_ub=sparse.vstack([rules[~same], -rules[~same]]) if (~same).any() else None,
        b_ub=np.concatenate([most[~same], -least[~same]]) if (~same).any() else None,
        A_eq=rules[same] if same.any() else None,
        b_eq=most[same] if same.any() else None,
        bounds=(0, MOST),
    )
    if abs(solved.x - solved.x.round()).max() > 1e-6:
        solved = milp(aim, integrality=np.ones_like(aim), bounds=(0, MOST), constraints=LinearConstraint(rules, least, most))
    answer: np.ndarray = solved.x.round()
    return answer
