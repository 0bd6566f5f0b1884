"""An invented district with its copies, and what an attacker can make of them.

The attack reads the CSV files as they are handed out and knows nothing of how they were made: only which places belong together, that a
part is no more than its whole, and that counts are whole numbers not below 0.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.optimize import LinearConstraint, linprog, milp

from linli.audiences import Directory, copies_of, write_copies

OCTOBER = dt.date(2026, 10, 1)
DISTRICT = "340405"
DEPARTMENTS = ("fire", "housing", "public_security", "urban_management")
PARTS = {
    "case_volume": [("收到的案件", "其中居民诉求")],
    "satisfaction": [("回访到期", "双方接通"), ("双方接通", "双方满意")],
    "officer_answers": [("居民与组织给出的评分", "其中四分及以上")],
    "volunteers": [],
}
LEVELS = {"区": "district", "社区": "community", "小区": "compound", "工作站": "station", "部门": "department", "事项类别": "category",
          "队员": "officer"}  # fmt: skip
SHARES = ("率", "占比")
MOST = 400
COUNTED = ("judged_count", "on_time_count")
GIVEN = ("月份", "区划代码", "层级", "编码", "名称", "部门", "环节")


@dataclass
class District:
    """Invented places, and events each of which counts once at every level."""

    seed: int
    parents: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    figures: dict[tuple[str, str, str, str, str], int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        communities = [f"{DISTRICT}-C{number:02d}" for number in range(1, 5)]
        compounds = {f"{community}-X{number:02d}": community for community in communities for number in range(1, int(rng.integers(2, 4)))}
        stations = {compound: f"{DISTRICT}-S{int(community[-2:]) // 2:02d}" for compound, community in compounds.items()}
        self.parents = {
            (DISTRICT, "compound", "community"): compounds,
            (DISTRICT, "compound", "station"): stations,
            (DISTRICT, "officer", "department"): {f"E{n:03d}": DEPARTMENTS[n // 3] for n in range(12)},
        }
        for level, keys in {
            "district": [DISTRICT], "community": communities, "compound": compounds, "station": set(stations.values()),
            "department": DEPARTMENTS, "category": "12345", "officer": [f"E{n:03d}" for n in range(12)],
        }.items():  # fmt: skip
            self.names |= {(DISTRICT, level, key): f"{level}{key[-3:]}" for key in keys}
        for compound, community in compounds.items():
            at = {"district": DISTRICT, "community": community, "compound": compound, "station": stations[compound]}
            for _ in range(rng.poisson(rng.choice([1, 4, 12]))):
                officer = int(rng.integers(0, 12))
                case = at | {"department": DEPARTMENTS[officer // 3], "category": str(rng.integers(1, 6)), "officer": f"E{officer:03d}"}
                self._count(case, "mart_case_volume", "", ["received_count", "complaint_count"], rng)
                self._count(case, "mart_clock_257", "step=accept", ["judged_count", "on_time_count"], rng)
                called = ["matured_count", "double_called_count", "double_satisfied_count"]
                self._count(case, "mart_two_callback_satisfaction", "", called, rng)
                grain = f"period=month department_code={case['department']}"
                self._count(case, "mart_score", grain, ["officer_score_count", "officer_high_count"], rng)
            for _ in range(int(rng.integers(3, 30))):
                for count in ("earning_resident_count", "redeeming_resident_count"):
                    self._count(at, "mart_points", "resident_kind_code=all", ["on the books", count], rng)

    def _count(self, at: dict[str, str], mart: str, grain: str, chain: list[str], rng: np.random.Generator) -> None:
        """One event: it is counted as the first of the chain, perhaps as the second too, and so on."""
        reached = 1
        while reached < len(chain) and rng.random() < 0.7:
            reached += 1
        self._add(at, mart, grain, chain, reached)
        if mart == "mart_two_callback_satisfaction":
            # who is called on both sides in time is followed up in time
            self._add(at, "mart_clock_257", "step=follow_up", ["judged_count", "on_time_count"], reached)

    def _add(self, at: dict[str, str], mart: str, grain: str, chain: list[str], reached: int) -> None:
        for level, key in at.items():
            for number, metric in enumerate(chain):
                self.figures[level, key, mart, grain, metric] += number < reached

    def total(self, mart: str, level: str, key: str, metric: str, grain: str = "") -> int:
        wanted = (level, key, mart, metric)
        return sum(value for (*place, of, name), value in self.figures.items() if (*place, name) == wanted and grain in of)

    def write(self, folder: Path) -> list[Path]:
        rows = [
            {"month": OCTOBER, "mart": mart, "district_code": DISTRICT, "level": level, "key": key, "grain": grain, "metric": metric,
             "value": str(value)}
            for (level, key, mart, grain, metric), value in self.figures.items()
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows), folder / "figures.parquet")
        copies = write_copies(folder / "figures.parquet", folder / "copies", OCTOBER, self.directory, few=5)
        assert copies_of(copies.folder, OCTOBER) == copies
        return sorted(path for path in copies.folder.iterdir() if path.is_dir())

    @property
    def directory(self) -> Directory:
        return Directory(self.parents, self.names)


Cell = tuple[str, str, str]
"""level, key, column"""


def everything(folders: list[Path], table: str) -> dict[Cell, int | None]:
    """What the files say when they are laid beside one another; None where a count is hidden in all that have it."""
    found: dict[Cell, int | None] = {}
    for path in [folder / f"{table}.csv" for folder in folders if (folder / f"{table}.csv").exists()]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                counts = {column: text for column, text in row.items() if column not in GIVEN and not column.endswith(SHARES)}
                shares = [text for column, text in row.items() if column.endswith(SHARES)]
                assert "*" in counts.values() or "*" not in shares
                for column, text in counts.items():
                    cell, count = (LEVELS[row["层级"]], row["编码"], column), None if text == "*" else int(text)
                    assert found.setdefault(cell, count) == count, "shown to one, hidden from another"
    return found


def families(district: District, known: dict[Cell, int | None]) -> Iterator[tuple[Cell, list[Cell]]]:
    """(whole, parts) as anybody can know them: places that belong together."""
    of_district = [
        ("district", child, dict.fromkeys({key for level, key, _ in known if level == child}, DISTRICT))
        for child in ("community", "station", "department", "category")
    ]
    of_place = [(parent, "compound", district.parents[DISTRICT, "compound", parent]) for parent in ("community", "station")]
    of_department = [("department", "officer", {f"E{n:03d}": DEPARTMENTS[n // 3] for n in range(12)})]
    columns = sorted({column for _, _, column in known})
    for parent, child, above in [*of_district, *of_place, *of_department]:
        for key in sorted(set(above.values())):
            for column in columns:
                parts = [(child, each, column) for each in sorted(above) if above[each] == key and (child, each, column) in known]
                if parts and (parent, key, column) in known:
                    yield (parent, key, column), parts


class Attack:
    """What is known of the hidden counts, as rules of a linear programme."""

    def __init__(self, known: dict[Cell, int | None]) -> None:
        self.known = known
        self.place = {cell: at for at, cell in enumerate(cell for cell, count in known.items() if count is None)}
        nothing = np.zeros(len(self.place))
        self.equal, self.equals = [nothing], [0]
        self.less: list[np.ndarray] = [nothing]
        self.limits: list[float] = [0]

    def rule(self, signed: list[tuple[int, Cell]]) -> tuple[np.ndarray, int]:
        """Coefficients of the hidden counts, and what the shown ones leave for them."""
        row, left = np.zeros(len(self.place)), 0
        for sign, cell in signed:
            if cell in self.place:
                row[self.place[cell]] += sign
            else:
                left -= sign * (self.known[cell] or 0)
        return row, left

    def adds_up(self, whole: Cell, parts: list[Cell]) -> None:
        row, left = self.rule([(-1, whole), *((1, part) for part in parts)])
        assert row.any() or left == 0
        self.equal.append(row)
        self.equals.append(left)

    def is_no_more(self, part: Cell, whole: Cell) -> None:
        row, left = self.rule([(1, part), (-1, whole)])
        self.less.append(row)
        self.limits.append(left)

    def is_between(self, cell: Cell, low: float, high: float) -> None:
        row, _ = self.rule([(1, cell)])
        if row.any():
            self.less += [row, -row]
            self.limits += [high, -low]

    def ends(self, cell: Cell) -> list[int]:
        """The least and the greatest whole number the hidden count can be."""
        found = []
        for direction in (1, -1):
            aim = np.zeros(len(self.place))
            aim[self.place[cell]] = direction
            solved = linprog(aim, self.less, self.limits, self.equal, self.equals, bounds=(0, MOST))
            if abs(solved.x - solved.x.round()).max() > 1e-6:
                rules = [LinearConstraint(self.equal, self.equals, self.equals), LinearConstraint(self.less, -np.inf, self.limits)]
                solved = milp(aim, integrality=np.ones_like(aim), bounds=(0, MOST), constraints=rules)
            found.append(round(direction * solved.fun))
        return found


def given_away(attack: Attack, district: District, truth: dict[Cell, int]) -> list[tuple[Cell, int, int, int]]:
    """The hidden counts of the satisfaction table that are left fewer than five values where they are small, or a single one: with their
    true value and its ends. Where fewer than four have matured, there are no five: then every value up to those is left."""
    for whole, parts in families(district, attack.known):
        attack.adds_up(whole, parts)
    for level, key, column in attack.known:
        for part in (part for whole, part in PARTS["satisfaction"] if whole == column):
            attack.is_no_more((level, key, part), (level, key, column))
    found = []
    for cell in attack.place:
        low, high = attack.ends(cell)
        assert low <= truth[cell] <= high
        least = min(4 if 0 < truth[cell] < 5 else 1, truth[*cell[:2], "回访到期"])
        if high - low < least:
            found.append((cell, truth[cell], low, high))
    return found


def follow_up_rates(folders: list[Path]) -> dict[Cell, float]:
    """The rates of the seven days in the copies, by the count of those called on both sides at the place."""
    found = {}
    for folder in folders:
        with (folder / "clock.csv").open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row["环节"] == "7日回访" and row["按期率"] != "*":
                    found[LEVELS[row["层级"]], row["编码"], "双方接通"] = float(row["按期率"])
    return found
