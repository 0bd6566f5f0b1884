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
from typing import Any

from .oracle import SHANGHAI, Reference, Suspension, due_on, local_day

Row = dict[str, Any]
Versions = list[tuple[dt.datetime, Row | None]]
"""(cursor, columns written then) in order of time; None instead of columns for a row deleted"""

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "dbt_project" / "seeds"
KEYS = {"cases": "case_no", "case_steps": "step_id", "whistles": "whistle_id", "callbacks": "callback_id"}
CURSORS = {"cases": "updated_at", "case_steps": "created_at", "whistles": "updated_at", "callbacks": "updated_at"}

FIRST_DAY, LAST_DAY = dt.date(2025, 11, 1), dt.date(2027, 1, 20)
CODE_LISTS = ("departments", "channels", "phases", "step_kinds", "whistle_levels", "enforcement_items")
CALENDAR_OVERRIDES = {
    dt.date(2026, 7, 18): True,  # a Saturday on duty against floods …
    dt.date(2026, 7, 20): False,  # … and the Monday given back for it
    dt.date(2027, 1, 4): False,  # two days of a year whose calendar is not published
    dt.date(2027, 1, 9): True,
}
HOT_DAYS = tuple(
    first + dt.timedelta(days=i)
    for first, last in (
        (dt.date(2025, 12, 23), dt.date(2026, 1, 6)),
        (dt.date(2026, 2, 5), dt.date(2026, 3, 2)),
        (dt.date(2026, 4, 28), dt.date(2026, 5, 11)),
        (dt.date(2026, 7, 10), dt.date(2026, 7, 22)),
        (dt.date(2026, 9, 17), dt.date(2026, 10, 12)),
        (dt.date(2026, 12, 14), dt.date(2027, 1, 8)),
    )
    for i in range((last - first).days + 1)
)
DEPARTMENTS = ("城管", "公安", "住建", "消防", "市场监管", "自规")
CHANNELS = ("居民来电", "队员直诉", "网格上报", "巡查发现", "议事会", "随手拍", "12345热线")
PHASES = ("未诉先办", "应诉即办", "结诉复办")
WHISTLES = ("宣传", "应急", "执法", "攻坚")
UNREACHED = ("无人接听", "拒访", "空号错号")
ENDINGS = {"作废": "已作废", "撤诉": "已撤诉", "判重": "重复件"}
STATUS_AFTER = {"受理核实": "处置中", "办结反馈": "已办结", "挂起": "已挂起", "恢复": "处置中", "重办": "处置中"}
_CALENDAR = Reference({}, {}, {}, {}, {}, CALENDAR_OVERRIDES)


@dataclass
class World:
    """One invented district: its places, its officers, and every version of its rows."""

    seed: int
    district_code: str
    communities: list[Row] = field(default_factory=list)
    compounds: list[Row] = field(default_factory=list)
    stations: list[Row] = field(default_factory=list)
    officers: list[Row] = field(default_factory=list)
    versions: dict[str, list[tuple[Row, Versions]]] = field(default_factory=lambda: {name: [] for name in KEYS})
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
                    row[CURSORS[record]] = known[-1][0]
                    found[record].append(row)
        return found

    def deleted(self, loaded_to: dt.datetime, end: dt.datetime) -> dict[str, list[Row]]:
        """The keys of rows there at `loaded_to` and gone at `end`: what the reconciliation of keys finds."""
        return {
            record: [
                {KEYS[record]: first[KEYS[record]]}
                for first, versions in rows
                if versions[0][0] < loaded_to <= versions[-1][0] < end and versions[-1][1] is None
            ]
            for record, rows in self.versions.items()
        }


def moment(rng: random.Random, day: dt.date) -> dt.datetime:
    """A moment of that local day, often one of its edges."""
    midnight = dt.datetime.combine(day, dt.time(), tzinfo=SHANGHAI)
    draw = rng.random()
    if draw < 0.07:
        return midnight
    if draw < 0.14:
        return midnight + dt.timedelta(days=1) - dt.timedelta(microseconds=1)
    if draw < 0.17:
        return midnight + dt.timedelta(hours=8)
    hour = rng.uniform(17.5, 23.99) if draw < 0.35 else rng.uniform(0.01, 17.5)
    return midnight + dt.timedelta(microseconds=int(hour * 3_600_000_000))


def reported_on(rng: random.Random) -> dt.date:
    """A day of the two years, leaning to holidays, Fridays and the ends of months."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(HOT_DAYS)
    day = FIRST_DAY + dt.timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days + 1))
    if draw < 0.55:
        return day - dt.timedelta(days=(day.weekday() - 4) % 7)
    if draw < 0.65:
        return day.replace(day=1) - dt.timedelta(days=rng.choice((0, 1, 1, 2)))
    return day


class _Life:
    """One case from its report on, written down step by step; time only goes forward."""

    def __init__(self, rng: random.Random, case: Row, ids: dict[str, int], before: _Life | None) -> None:
        self.rng, self.case, self.ids, self.before = rng, case, ids, before
        self.case_no = case["case_no"]
        self.now: dt.datetime = case["reported_at"]
        self.written: dt.datetime = self.now
        self.round_no = 0
        self.day_0 = local_day(self.now)
        self.suspensions: list[Suspension] = []
        self.resolutions: list[dt.datetime] = []
        self.steps: list[Row] = []
        self.callbacks: list[tuple[Row, Versions]] = []
        self.changes: list[tuple[dt.datetime, Row]] = []
        self.steps_left = rng.choice((1, 2, 3, 4, 5, 6, 9)) if rng.random() < 0.1 and before is not None else 1000

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def next_id(self, name: str) -> int:
        self.ids[name] += 1
        return self.ids[name]

    @property
    def is_over(self) -> bool:
        return self.steps_left <= 0

    @property
    def first_round_resolved(self) -> dt.datetime | None:
        """The moment of the resolution of round 1."""
        resolved = [s["stepped_at"] for s in self.steps if s["step"] == "办结反馈" and s["round_no"] == 1]
        return resolved[-1] if resolved else None

    @property
    def is_suspended(self) -> bool:
        return bool(self.suspensions) and self.suspensions[-1].end is None

    def delay(self) -> dt.timedelta:
        """How long it takes until something is written down."""
        longest = self.rng.choice((0, 1, 20, 20, 20, 90, 600, 3000))
        return dt.timedelta(seconds=self.rng.uniform(0, longest * 60))

    def aim(self, n: int) -> None:
        """Goes on to the nth working day of the round, or a little further when that is behind."""
        day = due_on(self.day_0, n, self.suspensions, _CALENDAR)
        if day is None:
            day = local_day(self.now) + dt.timedelta(days=self.rng.randrange(0, 9))
        at = moment(self.rng, day)
        if at <= self.now:
            at = self.now + dt.timedelta(seconds=0 if self.chance(0.04) else self.rng.randrange(1, 40_000))
        self.now = at

    def wait(self, days: int) -> None:
        """Goes on by so many calendar days."""
        at = moment(self.rng, local_day(self.now) + dt.timedelta(days=days))
        self.now = at if at > self.now else self.now + dt.timedelta(seconds=self.rng.randrange(1, 4_000))

    def step(self, kind: str) -> None:
        """Writes the step down, unless the case has ended."""
        if self.is_over:
            return
        self.written = max(self.written, self.now + self.delay())
        row = {
            "step_id": self.next_id("case_steps"),
            "case_no": self.case_no,
            "round_no": self.round_no,
            "step": kind,
            "stepped_at": self.now,
            "officer_no": self.case["officer_no"],
            "reason": "等待法律意见" if kind == "挂起" else None,
            "created_at": self.written,
        }
        self.steps.append(row)
        if kind == "挂起":
            self.suspensions.append(Suspension(local_day(self.now)))
        elif kind in ("恢复", "办结反馈") and self.is_suspended:
            self.suspensions[-1].end = local_day(self.now)
        if kind in STATUS_AFTER and self.chance(0.9):
            self.changes.append((self.written, {"status": STATUS_AFTER[kind]}))
        if kind == "办结反馈":
            self.resolutions.append(self.now)
        self.steps_left -= 1
        if self.is_over:
            self.end()

    def end(self) -> None:
        """Ends the case as withdrawn, invalid or duplicate: by its step, by its status, or by both."""
        kind, status = self.rng.choice(tuple(ENDINGS.items()))
        by = self.rng.choice(("step", "status", "both", "both"))
        self.wait(self.rng.randrange(0, 6))
        if by != "status":
            self.written = max(self.written, self.now + self.delay())
            self.steps.append(
                {**self.steps[-1], "step_id": self.next_id("case_steps"), "step": kind, "stepped_at": self.now,
                 "reason": "重复反映" if kind == "判重" else "经核实", "created_at": self.written}
            )  # fmt: skip
        if by != "step":
            change: Row = {"status": status}
            if kind == "判重":
                assert self.before is not None
                change["duplicate_of"] = self.before.case_no
            self.changes.append((max(self.written, self.now), change))
            if by == "status" and self.chance(0.25):
                again = max(self.written, self.now) + dt.timedelta(hours=self.rng.uniform(1, 900))
                self.changes.append((again, {"status": "处置中", "duplicate_of": None}))

    def suspend(self) -> None:
        """One suspension; it may stay open."""
        if self.is_suspended:
            return
        self.step("挂起")
        if not self.resolutions and self.chance(0.1):
            self.wait(self.rng.choice((0, 1, 2)))
            self.step("受理核实")
        if not self.chance(0.15):
            self.wait(self.rng.choice((0, 0, 1, 2, 3, 7, 12, 30)))
            self.step("恢复")

    def live(self) -> None:
        """All the rounds of the case."""
        for round_no in range(1, self.rng.choice((1, 1, 1, 1, 1, 2, 2, 3, 4)) + 1):
            if round_no > 1:
                if not self.resolutions or self.is_over:
                    return
                self.wait(self.rng.choice((0, 1, 3, 10, 30)))
            self.round_no, self.day_0 = round_no, local_day(self.now)
            self.suspensions, self.resolutions = [], []
            self.step("上报" if round_no == 1 else "重办")
            self.work()
            if self.resolutions and not self.is_over:
                self.call_back()

    def work(self) -> None:
        """One round up to its last resolution."""
        if self.chance(0.06):
            self.aim(self.rng.choice((0, 1, 2, 2)))
            self.suspend()
        if self.chance(0.06):
            return
        if not self.chance(0.03):
            self.aim(self.rng.choice((0, 0, 1, 1, 2, 2, 2, 2, 3, 5)))
            self.step("受理核实")
        if self.chance(0.06):
            self.aim(self.rng.choice((1, 2, 3)))
            self.step("受理核实")
        for _ in range(self.rng.choice((0,) * 13 + (1,) * 5 + (2, 3))):
            self.aim(self.rng.choice((1, 2, 3, 4, 5, 5, 6)))
            self.suspend()
        if self.chance(0.07):
            return
        self.aim(self.rng.choice((1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 8, 11)))
        self.step("办结反馈")
        if self.chance(0.1):
            self.aim(self.rng.choice((5, 6, 7, 7, 8)))
            self.suspend()
        if self.chance(0.12):
            self.aim(self.rng.choice((5, 5, 6, 7, 7, 9)))
            self.step("办结反馈")

    def call_back(self) -> None:
        """The attempts of a round, some judging an earlier resolution than its last one."""
        likes = self.chance(0.7)
        wanted = self.rng.choice((("组织", "居民"),) * 8 + (("组织",), ("居民",), ()))
        for side in wanted:
            for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3, 4))):
                self.attempt(side, likes if self.chance(0.8) else not likes)

    def attempt(self, side: str, likes: bool) -> None:
        """One attempt, with a correction now and then."""
        last = self.callbacks[-1][0] if self.callbacks else None
        base = self.resolutions[0] if self.chance(0.15) else self.resolutions[-1]
        due = due_on(self.day_0, self.rng.choice((5, 6, 7, 7, 7, 8, 10)), self.suspensions, _CALENDAR)
        if last is not None and last["round_no"] == self.round_no and self.chance(0.06):
            called_at = last["called_at"]
        elif self.chance(0.04):
            called_at = base
        elif due is not None and self.chance(0.6):
            called_at = max(base, moment(self.rng, due))
        else:
            called_at = max(base, moment(self.rng, local_day(base) + dt.timedelta(days=self.rng.choice((0, 1, 2, 4, 9, 25)))))
        fixed = {
            "callback_id": self.next_id("callbacks"),
            "case_no": self.case_no,
            "round_no": self.round_no,
            "side": side,
            "respondent_role": "居民" if side == "居民" else self.rng.choice(("社区书记", "小区书记", "网格员")),
            "called_at": called_at,
            "comment": None,
            "called_by": None,
        }
        written = max(self.written, called_at + self.delay())
        versions: Versions = [(written, self.outcome(likes))]
        if self.chance(0.06):
            again = written + dt.timedelta(hours=self.rng.uniform(0.1, 900))
            versions.append((again, self.callback_correction(called_at, again)))
        self.callbacks.append((fixed, versions))

    def callback_correction(self, called_at: dt.datetime, written: dt.datetime) -> Row:
        """What is put right about an attempt: its outcome, its time, or the case it had been filed under by mistake."""
        if self.chance(0.3) and self.before is not None:
            resolved_at = self.before.first_round_resolved
            if resolved_at is not None and resolved_at <= called_at and self.before.written <= written:
                return {"case_no": self.before.case_no, "round_no": 1}
        late = called_at - self.resolutions[-1]
        if self.chance(0.3) and late > dt.timedelta():
            return {"called_at": self.resolutions[-1] + late / 2}
        return self.outcome(self.chance(0.5))

    def outcome(self, likes: bool) -> Row:
        """What came of an attempt."""
        if not self.chance(0.68):
            return {"outcome": self.rng.choice(UNREACHED), "solved": None, "department_score": None, "officer_score": None}
        solved, scores = likes, (self.rng.choice((4, 5)), self.rng.choice((4, 4, 5)))
        if not likes:
            solved = self.chance(0.5)
            scores = (self.rng.choice((1, 3, 4)), self.rng.choice((2, 3, 3, 5))) if solved else (self.rng.randint(1, 5), 4)
        return {"outcome": "接通", "solved": solved, "department_score": scores[0], "officer_score": scores[1]}


def _whistles(rng: random.Random, case: Row, before: _Life | None, ids: dict[str, int]) -> list[tuple[Row, Versions]]:
    """The whistles of a case, rising in level, each answered and arrived at later or never."""
    levels = sorted(rng.choice(range(4)) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))))
    at, found = case["reported_at"], []
    for level in levels:
        at = at + dt.timedelta(minutes=rng.choice((0, 5, 60, 3000, 20_000)))
        ids["whistles"] += 1
        first = {
            "whistle_id": ids["whistles"],
            "case_no": case["case_no"],
            "level": WHISTLES[level],
            "blown_by": rng.choice(("社区", "网格", "小区支部")),
            "blown_at": at,
            "departments_called": rng.sample(DEPARTMENTS, rng.randint(1, 3)),
            "answered_at": None,
            "arrived_at": None,
        }
        written = at + dt.timedelta(minutes=rng.choice((0, 1, 700)))
        versions: Versions = [(written, {})]
        if rng.random() < 0.8:
            answered = at + dt.timedelta(minutes=rng.choice((0, 2, 9)))
            arrived = at + dt.timedelta(minutes=rng.choice((15, 40)))
            versions.append((max(written, arrived), {"answered_at": answered, "arrived_at": arrived}))
        again = versions[-1][0] + dt.timedelta(hours=rng.uniform(1, 900))
        if rng.random() < 0.05 and before is not None and before.case["created_at"] <= again:
            versions.append((again, {"case_no": before.case_no}))
        found.append((first, versions))
    return found


def _delete(rng: random.Random, found: World) -> None:
    """Some rows vanish at the source: a case with all that belongs to it, a callback or a whistle alone."""
    gone: dict[str, dt.datetime] = {}
    for record, rows in found.versions.items():
        for first, versions in rows:
            at = gone.get(first["case_no"])
            alone = record != "case_steps" and rng.random() < 0.01
            if at is None and alone:
                at = versions[-1][0] + dt.timedelta(hours=rng.uniform(1, 2000))
                if record == "cases":
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
    items = _column("enforcement_items", "item_code")
    ids = dict.fromkeys(("case_steps", "whistles", "callbacks"), seed * 10000000)
    before: _Life | None = None
    for number in range(1, cases + 1):
        case = _case(rng, found, number, items)
        life = _Life(rng, case, ids, before)
        life.live()
        created = case["created_at"]
        changes = [(max(at, created), change) for at, change in life.changes]
        if rng.random() < 0.08:
            again = created + dt.timedelta(hours=rng.uniform(0.1, 1000))
            changes.append((again, _correction(rng, found, items, case)))
        changes.sort(key=lambda change: change[0])
        found.versions["cases"].append((case, [(created, {}), *changes]))
        found.versions["case_steps"] += [(step, [(step["created_at"], {})]) for step in life.steps]
        found.versions["callbacks"] += life.callbacks
        found.versions["whistles"] += _whistles(rng, case, before, ids)
        life.before, before = None, life
    _delete(rng, found)
    return found


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
    for number in range(1, rng.randint(4, 8) + 1):
        officer = {"officer_no": f"E{number:03d}", "officer_name": f"队员{number}", "district_code": code,
                   "department_code": rng.choice(_column("departments", "department_code"))}  # fmt: skip
        first, second = (rng.choice(found.stations)["station_code"] for _ in range(2))
        moved = number % 3 == 0 and first != second
        found.officers.append({**officer, "station_code": first, "from_on": "2025-01-01", "to_on": "2026-03-31" if moved else ""})
        if moved:
            found.officers.append({**officer, "station_code": second, "from_on": "2026-04-01", "to_on": ""})


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


def reference(worlds: Iterable[World], folder: Path) -> None:
    """Writes the seed files of a deployment that has these districts, with the project's own code lists."""
    folder.mkdir(parents=True, exist_ok=True)
    worlds = list(worlds)
    for name in CODE_LISTS:
        shutil.copyfile(SEEDS / f"{name}.csv", folder / f"{name}.csv")
    _write(folder, "districts", (
        {"district_code": w.district_code, "district_name": f"第{w.seed}区", "city_name": "某市", "province_name": "某省"}
        for w in worlds
    ))  # fmt: skip
    for name in ("communities", "compounds", "stations", "officers"):
        _write(folder, name, (row for w in worlds for row in getattr(w, name)))
    _write(folder, "rota", (
        {"district_code": w.district_code, "month_on": "2026-01-01", "department_code": "fire"} for w in worlds
    ))  # fmt: skip
    _write(folder, "agreements", (
        {"agreement_no": f"{w.district_code}-XY001", "department_code": "fire", "post_name": "社区先锋岗", "signed_on": "2025-12-01",
         "compound_code": w.compounds[0]["compound_code"], "ended_on": ""}
        for w in worlds
    ))  # fmt: skip
    _write(folder, "calendar_overrides", (
        {"calendar_on": day.isoformat(), "is_workday": str(works).lower(), "reason": "演练"} for day, works in CALENDAR_OVERRIDES.items()
    ))  # fmt: skip


def _write(folder: Path, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
