"""Random, valid, adversarial districts: everything a case can go through, at the moments that hurt.

A world knows every version of every row with the time it was written (the source's cursor), and when it was deleted, so
the same world can be loaded in one go (`loaded`) or night by night (`changed` and `deleted`), as of any instant.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from .lives import CALENDAR_OVERRIDES, DEPARTMENTS, Life, Row, Versions, moment, reported_on, whistles
from .reference import local_day

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "dbt_project" / "seeds"
CODE_LISTS = ("departments", "channels", "phases", "step_kinds", "whistle_levels", "enforcement_items")
CHANNELS = ("居民来电", "队员直诉", "网格上报", "巡查发现", "议事会", "随手拍", "12345热线")
PHASES = ("未诉先办", "应诉即办", "结诉复办")


class Books:
    """Every version of every row of some records, with the time it was written."""

    KEYS: ClassVar[Mapping[str, str]]
    """full name of the record -> the column that tells one row from another"""
    CURSORS: ClassVar[Mapping[str, str]]

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[Row, Versions]]] = {name: [] for name in self.KEYS}
        """record -> (columns as first written, later versions) of every row"""

    def loaded(self, as_of: dt.datetime) -> dict[str, list[Row]]:
        """Every row as it stands at `as_of`: what has been written before it, newest version."""
        return self.changed(None, as_of)

    def changed(self, start: dt.datetime | None, end: dt.datetime) -> dict[str, list[Row]]:
        """The rows written last in [start, end), as they stand at `end`: what one window of a nightly load reads."""
        found: dict[str, list[Row]] = {}
        for record, rows in self.versions.items():
            found[record] = []
            for first, versions in rows:
                known = [(at, columns) for at, columns in versions if at < end]
                if known and known[-1][1] is not None and (start is None or known[-1][0] >= start):
                    row = dict(first)
                    for _, columns in known:
                        row.update(columns or {})
                    row[self.CURSORS[record]] = known[-1][0]
                    found[record].append(row)
        return found

    def deleted(self, loaded_to: dt.datetime, end: dt.datetime) -> dict[str, list[Row]]:
        """The keys of rows there at `loaded_to` and gone at `end`: what the reconciliation of keys finds."""
        return {
            record: [
                {self.KEYS[record]: first[self.KEYS[record]]}
                for first, versions in rows
                if versions[0][0] < loaded_to <= versions[-1][0] < end and versions[-1][1] is None
            ]
            for record, rows in self.versions.items()
        }


@dataclass
class World(Books):
    """One invented district: its places, its officers, and every version of the rows of its case system."""

    KEYS: ClassVar = {
        "case_system.cases": "case_no", "case_system.case_steps": "step_id", "case_system.whistles": "whistle_id",
        "case_system.callbacks": "callback_id",
    }  # fmt: skip
    CURSORS: ClassVar = {name: "created_at" if name == "case_system.case_steps" else "updated_at" for name in KEYS}

    seed: int
    district_code: str
    communities: list[Row] = field(default_factory=list)
    compounds: list[Row] = field(default_factory=list)
    coverage: list[Row] = field(default_factory=list)
    """which station covered which compound from when to when; a compound without a row is covered by its own"""
    stations: list[Row] = field(default_factory=list)
    officers: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()


def _delete(rng: random.Random, found: World) -> None:
    """Some rows vanish at the source: a case with all that belongs to it, a callback or a whistle alone."""
    gone: dict[str, dt.datetime] = {}
    for record, rows in found.versions.items():
        for first, versions in rows:
            at = gone.get(first["case_no"])
            alone = record != "case_system.case_steps" and rng.random() < 0.01
            if at is None and alone:
                at = versions[-1][0] + dt.timedelta(hours=rng.uniform(1, 2000))
                if record == "case_system.cases":
                    gone[first["case_no"]] = at
            versions[:] = [version for version in versions if not _is_moved_to(version, gone)]
            if at is not None:
                versions[:] = [version for version in versions if version[0] < at]
                versions.append((at, None))


def _is_moved_to(version: tuple[dt.datetime, Row | None], gone: Mapping[str, dt.datetime]) -> bool:
    """Whether the version files its row under a case that is no longer there."""
    at, columns = version
    case_no = (columns or {}).get("case_no", "")
    return case_no in gone and gone[case_no] <= at


def world(seed: int, cases: int = 5000, district_code: str | None = None) -> World:
    """The world of `seed`: its own district with `cases` cases, the same every time."""
    rng = random.Random(seed)
    found = World(seed, district_code or f"{410_000 + seed:06d}")
    _places(rng, found)
    item_codes = items()
    ids = dict.fromkeys(("case_steps", "whistles", "callbacks"), seed * 10000000)
    before: Life | None = None
    for number in range(1, cases + 1):
        case = _case(rng, found, number, item_codes)
        life = Life(rng, case, ids, before)
        life.live()
        created = case["created_at"]
        changes = [(max(at, created), change) for at, change in life.changes]
        if rng.random() < 0.08:
            again = created + dt.timedelta(hours=rng.uniform(0.1, 1000))
            changes.append((again, _correction(rng, found, item_codes, case)))
        changes.sort(key=lambda change: change[0])
        found.versions["case_system.cases"].append((case, [(created, {}), *changes]))
        found.versions["case_system.case_steps"] += [(step, [(step["created_at"], {})]) for step in life.steps]
        found.versions["case_system.callbacks"] += life.callbacks
        found.versions["case_system.whistles"] += whistles(rng, case, before, ids)
        life.before, before = None, life
    _delete(rng, found)
    return found


def items() -> list[str]:
    """The codes of the enforcement list."""
    return _column("enforcement_items", "item_code")


def _column(seed_file: str, column: str) -> list[str]:
    with (SEEDS / f"{seed_file}.csv").open(encoding="utf-8", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def _places(rng: random.Random, found: World) -> None:
    code = found.district_code
    for c in range(1, rng.randint(2, 4) + 1):
        community, station = f"{code}-C{c:02d}", f"{code}-S{c:02d}"
        found.communities.append({"community_code": community, "community_name": f"第{c}社区", "district_code": code})
        found.stations.append({"station_code": station, "station_name": f"第{c}工作站", "community_code": community, "district_code": code})
        for x in range(1, rng.randint(1, 3) + 1):
            found.compounds.append(
                {"compound_code": f"{community}-X{x:02d}", "compound_name": f"{c}区{x}号院", "community_code": community,
                 "station_code": station, "district_code": code, "household_count": rng.randint(200, 900)}
            )  # fmt: skip
    for compound in found.compounds:
        _cover(rng, found, compound)
    for number in range(1, rng.randint(4, 8) + 1):
        officer = {"officer_no": f"E{number:03d}", "officer_name": f"队员{number}", "district_code": code,
                   "department_code": rng.choice(_column("departments", "department_code"))}  # fmt: skip
        first, second = (rng.choice(found.stations)["station_code"] for _ in range(2))
        moved = number % 3 == 0 and first != second
        found.officers.append({**officer, "station_code": first, "from_on": "2025-01-01", "to_on": "2026-03-31" if moved else ""})
        if moved:
            found.officers.append({**officer, "station_code": second, "from_on": "2026-04-01", "to_on": ""})


def _cover(rng: random.Random, found: World, compound: Row) -> None:
    """Stations take turns in covering the compound, with or without a day between them, or none is written down."""
    first, second = rng.choice(found.stations)["station_code"], compound["station_code"]
    one, two = ("2015-01-01", "2026-04-30", "2026-05-01", ""), ("2026-02-15", "2026-06-15", "2026-07-01", "2026-12-31")
    days = rng.choice(((), ("2015-01-01", ""), one, two))
    for station, from_on, to_on in zip((first, second), days[::2], days[1::2], strict=False):
        found.coverage.append({"compound_code": compound["compound_code"], "station_code": station, "from_on": from_on, "to_on": to_on})


def _where(rng: random.Random, found: World) -> Row:
    compound = rng.choice(found.compounds)
    station = rng.choice((None, None, compound["station_code"], compound["station_code"], rng.choice(found.stations)["station_code"]))
    return {"compound_code": compound["compound_code"], "station_code": station}


def _officer(rng: random.Random, found: World) -> str | None:
    return None if rng.random() < 0.12 else str(rng.choice(found.officers)["officer_no"])


def _case(rng: random.Random, found: World, number: int, items: Sequence[str]) -> Row:
    reported_at = moment(rng, reported_on(rng))
    return {
        "case_no": f"{found.district_code}-{local_day(reported_at).year}-{number:06d}",
        "district_code": found.district_code,
        **_where(rng, found),
        "channel": rng.choice(CHANNELS),
        "phase": rng.choice(PHASES),
        "item_code": rng.choice(items),
        "title": "小区事项",
        "description": None,
        "reporter_name": None,
        "reporter_phone": None,
        "reporter_id_no": None,
        "reporter_address": None,
        "lead_department": None if rng.random() < 0.06 else rng.choice(DEPARTMENTS),
        "assisting_departments": rng.choice((None, [], rng.sample(DEPARTMENTS, 2))),
        "officer_no": _officer(rng, found),
        "on_scene": rng.random() < 0.3,
        "status": "待受理",
        "duplicate_of": None,
        "reported_at": reported_at,
        "created_at": reported_at + dt.timedelta(minutes=rng.choice((0, 0, 5, 60, 1500))),
    }


def _correction(rng: random.Random, found: World, items: Sequence[str], case: Row) -> Row:
    """Something about a case put right after the fact: its figures move to another key."""
    return rng.choice(
        (
            _where(rng, found),
            {"officer_no": _officer(rng, found)},
            {"lead_department": rng.choice((None, *DEPARTMENTS))},
            {"item_code": rng.choice(items), "channel": rng.choice(CHANNELS)},
            {"reported_at": case["reported_at"] - dt.timedelta(days=rng.choice((1, 12, 35)))},
        )
    )


def reference(worlds: Iterable[World], folder: Path, overrides: Mapping[dt.date, bool] = CALENDAR_OVERRIDES) -> None:
    """Writes the seed files of a deployment that has these districts, with the project's own code lists."""
    folder.mkdir(parents=True, exist_ok=True)
    worlds = list(worlds)
    for name in CODE_LISTS:
        shutil.copyfile(SEEDS / f"{name}.csv", folder / f"{name}.csv")
    write_seed(folder, "districts", (
        {"district_code": w.district_code, "district_name": f"第{w.seed}区", "city_name": "某市", "province_name": "某省"}
        for w in worlds
    ))  # fmt: skip
    for name in ("communities", "compounds", "stations", "officers"):
        write_seed(folder, name, (row for w in worlds for row in getattr(w, name)))
    write_seed(folder, "compound_stations", (row for w in worlds for row in w.coverage))
    write_seed(folder, "rota", (
        {"district_code": w.district_code, "month_on": "2026-01-01", "department_code": "fire"} for w in worlds
    ))  # fmt: skip
    write_seed(folder, "agreements", (
        {"agreement_no": f"{w.district_code}-XY001", "department_code": "fire", "post_name": "社区先锋岗", "signed_on": "2025-12-01",
         "compound_code": w.compounds[0]["compound_code"], "ended_on": ""}
        for w in worlds
    ))  # fmt: skip
    write_seed(
        folder,
        "calendar_overrides",
        ({"calendar_on": day.isoformat(), "is_workday": str(works).lower(), "reason": "演练"} for day, works in overrides.items()),
    )


def write_seed(folder: Path, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """A seed file with the header of the project's own."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
