"""Somebody gets hold of every copy of every audience and month and tries to work out what is hidden: nothing may come out."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli.audiences import Directory, copies_of, write_copies
from linli.audiences.model import declaration
from scenarios.audiences.attack import LEVELS, SPREAD, Attack, Places, across_tables, everything, within_tables

MONTHS = [dt.date(2026, month, 1) for month in (9, 10)]
DISTRICT = "340405"
DEPARTMENTS = ("fire", "housing", "public_security", "urban_management")
COUNTED = ("judged_count", "on_time_count")
MATURED = "回访到期"
Figure = tuple[dt.date, str, str, str, str, str]
"""month, level, key, mart, grain, metric"""


@dataclass
class District:
    """Invented places, and events each of which counts once at every level. A compound comes to another station between the months, and
    another one in the middle of the second; a case keeps the station it was reported to, and is followed up in its month or the next."""

    seed: int
    parents: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    stations: dict[tuple[dt.date, str, str], list[str]] = field(default_factory=dict)
    figures: dict[Figure, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        communities = [f"{DISTRICT}-C{number:02d}" for number in range(1, 5)]
        compounds = {f"{community}-X{number:02d}": community for community in communities for number in range(1, int(rng.integers(2, 4)))}
        officers = {f"E{n:03d}": DEPARTMENTS[n // 3] for n in range(12)}
        stations = {compound: f"{DISTRICT}-S{int(community[-2:]) // 2:02d}" for compound, community in compounds.items()}
        self.parents = {(DISTRICT, "compound", "community"): compounds, (DISTRICT, "officer", "department"): officers}
        self._name(communities, list(compounds), sorted(set(stations.values())))
        movers = rng.choice(list(compounds), 2, replace=False)
        for month in MONTHS:
            for mover in movers if month == MONTHS[1] else ():
                stations[mover] = str(rng.choice(sorted(set(stations.values()) - {stations[mover]})))
            for compound in compounds:
                before = self.stations.get((_month_before(month), DISTRICT, compound), [])
                self.stations[month, DISTRICT, compound] = before if before[-1:] == [stations[compound]] else [*before, stations[compound]]
            for compound, community in compounds.items():
                was_with = self.stations[month, DISTRICT, compound][-2:]
                for _ in range(rng.poisson(rng.choice([1, 4, 12]))):
                    officer = str(rng.choice(list(officers)))
                    station = str(rng.choice(was_with)) if (compound, month) == (movers[1], MONTHS[1]) else stations[compound]
                    at = {"district": DISTRICT, "community": community, "compound": compound, "station": station}
                    case = at | {"department": officers[officer], "category": str(rng.integers(1, 6)), "officer": officer}
                    self._report(month, case, rng)
                at = {"district": DISTRICT, "community": community, "compound": compound, "station": stations[compound]}
                for _ in range(int(rng.integers(3, 30))):
                    for count in ("earning_resident_count", "redeeming_resident_count"):
                        self._count(month, at, "mart_points", "resident_kind_code=all", ["on the books", count], rng)

    def _name(self, communities: list[str], compounds: list[str], stations: list[str]) -> None:
        officers = list(self.parents[DISTRICT, "officer", "department"])
        for level, keys in {
            "district": [DISTRICT], "community": communities, "compound": compounds, "station": stations,
            "department": DEPARTMENTS, "category": "12345", "officer": officers,
        }.items():  # fmt: skip
            self.names |= {(DISTRICT, level, key): f"{level}{key[-3:]}" for key in keys}

    def _report(self, month: dt.date, case: dict[str, str], rng: np.random.Generator) -> None:
        self._count(month, case, "mart_case_volume", "", ["received_count", "complaint_count"], rng)
        self._count(month, case, "mart_clock_257", "step=accept", ["judged_count", "on_time_count"], rng)
        followed_up = month if rng.random() < 0.7 else min((later for later in MONTHS if later > month), default=None)
        if followed_up:
            called = ["matured_count", "double_called_count", "double_satisfied_count"]
            reached = self._count(followed_up, case, "mart_two_callback_satisfaction", "", called, rng)
            for _ in range(2 if reached > 1 else int(rng.integers(0, 2))):
                grain = f"period=month department_code={case['department']}"
                self._count(followed_up, case, "mart_score", grain, ["officer_score_count", "officer_high_count"], rng)

    def _count(self, month: dt.date, at: dict[str, str], mart: str, grain: str, chain: list[str], rng: np.random.Generator) -> int:
        """One event: it is counted as the first of the chain, perhaps as the second too, and so on; returns as how many."""
        reached = 1
        while reached < len(chain) and rng.random() < 0.7:
            reached += 1
        for level, key in at.items():
            for number, metric in enumerate(chain):
                self.figures[month, level, key, mart, grain, metric] += number < reached
        return reached

    def total(self, month: dt.date, mart: str, level: str, key: str, metric: str) -> int:
        return sum(
            value for (*place, _, name), value in self.figures.items() if (*place, name) == (month, level, key, mart, metric)
        )

    def write(self, folder: Path) -> list[Path]:
        """The folders of the months; the files in them are all anybody gets."""
        folders = []
        for month in MONTHS:
            rows = [
                {"month": month, "mart": mart, "district_code": DISTRICT, "level": level, "key": key, "grain": grain, "metric": metric,
                 "value": str(value)}
                for (of, level, key, mart, grain, metric), value in self.figures.items()
                if of == month
            ]  # fmt: skip
            pq.write_table(pa.Table.from_pylist(rows), folder / f"{month}.parquet")
            copies = write_copies(folder / f"{month}.parquet", folder / "copies" / f"{month:%Y-%m}", month, self.directory(month), few=5)
            assert copies_of(copies.folder, month) == copies
            folders.append(copies.folder)
        return folders

    def directory(self, month: dt.date) -> Directory:
        """The reference data as of the end of a month."""
        of_month = {compound: stations for (of, _, compound), stations in self.stations.items() if of == month}
        states = [
            {key: stations[-1 - min(back, len(stations) - 1)] for key, stations in of_month.items()}
            for back in range(max(map(len, of_month.values())))
        ]
        now, *before = (self.parents | {(DISTRICT, "compound", "station"): state} for state in states)
        return Directory(now, self.names, before)

    def places(self) -> Places:
        community, department = self.parents[DISTRICT, "compound", "community"], self.parents[DISTRICT, "officer", "department"]
        return Places(
            {(DISTRICT, key): parent for key, parent in community.items()},
            self.stations,
            {(DISTRICT, key): parent for key, parent in department.items()},
        )


def _month_before(month: dt.date) -> dt.date:
    return (month - dt.timedelta(days=1)).replace(day=1)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_hidden_is_recovered(seed: int, tmp_path: Path) -> None:
    district = District(seed)
    folders = district.write(tmp_path)
    known, rates = everything(folders)
    marts = {table.name: (table.mart, {label: name for name, label in table.counts.items()}) for table in declaration().tables}
    truth = {
        cell: district.total(cell.month, mart, cell.level, cell.key, metrics[cell.column])
        for cell in known
        for mart, metrics in [marts[cell.table]]
    }
    assert {cell: count for cell, count in known.items() if count is not None}.items() <= truth.items()
    small = {cell for cell, count in truth.items() if 0 < count < 5}
    assert len(small) > 60 and not [cell for cell in small if known[cell] is not None]

    of_one_table = Attack(known, truth, within_tables(known, truth, district.places())).ranges()
    assert [(cell, truth[cell], found) for cell, found in of_one_table.items() if found[0] == found[1]] == []
    assert [(cell, truth[cell], of_one_table[cell]) for cell in small if of_one_table[cell][1] - of_one_table[cell][0] < SPREAD] == []

    together = [*within_tables(known, truth, district.places()), *across_tables(known, rates)]
    of_all = Attack(known, truth, iter(together)).ranges()
    assert [(cell, truth[cell], found) for cell, found in of_all.items() if found[0] == found[1]] == []
    # what is only known between tables and months narrows some, and none to a single value
    narrow = [cell for cell in small if of_all[cell][1] - of_all[cell][0] < SPREAD]
    assert len(narrow) < len(small) / 10

    # case counts and backlogs sometimes tell how many have matured; then as much stays open as there was to know
    told = {cell: truth[cell] if cell.column == MATURED else count for cell, count in known.items()}
    of_matured = Attack(told, truth, within_tables(told, truth, district.places())).ranges()
    of_satisfaction = [cell for cell in of_matured if cell.table == "satisfaction"]
    left = {cell: min(SPREAD if cell in small else 1, truth[replace(cell, column=MATURED)]) for cell in of_satisfaction}
    assert left and [(cell, of_matured[cell]) for cell, least in left.items() if of_matured[cell][1] - of_matured[cell][0] < least] == []
    check_clock(district, folders)


def check_clock(district: District, folders: list[Path]) -> None:
    """Of the clock there are rates, and those of ten steps and more."""
    for month, folder in zip(MONTHS, folders, strict=True):
        for path in folder.rglob("clock.csv"):
            with path.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    judged, in_time = (district.total(month, "mart_clock_257", LEVELS[row["层级"]], row["编码"], name) for name in COUNTED)
                    asked_of = judged if row["环节"] == "2日核实" else 0
                    assert list(row) == ["月份", "区划代码", "层级", "编码", "名称", "环节", "按期率"]
                    assert row["按期率"] == (str(round(in_time / judged, 2)) if asked_of >= 10 else "*")
