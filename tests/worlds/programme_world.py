"""What else happens in a random district: patrols, snap reports, disputes, returns of the communities, points.

Valid submissions only, at the moments that hurt: edges of months, stations that change, versions that take back what the
one before said, returns sent again, two of them in one instant, matters of meetings held long ago or nowhere.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import ClassVar

from .lives import DEPARTMENTS, FIRST_DAY, LAST_DAY, Row, Versions, moment
from .reference import local_day
from .world import Books, World, items

CHECKLISTS = ("安全隐患", "环境卫生", "违规经营")
CHILDREN = {"patrol_participants": "participants", "patrol_checklists": "checklists", "patrol_findings": "findings"}
EARNED, REDEEMED = ("调解", "议事", "隐患上报", "随手拍"), ("兑换实物", "兑换代办", "兑换活动")
MEETING_NUMBERS = ("H01", "H02", "H03", "H04", "H05")


@dataclass
class Return:
    """A file of a community and month, its rows by record, as received."""

    community_code: str
    month_on: dt.date
    file_sha: str
    received_at: dt.datetime
    rows: dict[str, list[Row]]


@dataclass
class Programme(Books):
    """What a district's patrol app, points ledger and inbox hold."""

    KEYS: ClassVar = {
        "patrol_app.patrols": "patrol_id", "patrol_app.snaps": "snap_id", "patrol_app.disputes": "dispute_id",
        "points_ledger.residents": "resident_no", "points_ledger.ledger_entries": "entry_id",
    }  # fmt: skip
    CURSORS: ClassVar = {name: "created_at" if name.endswith("entries") else "updated_at" for name in KEYS}

    world: World
    returns: list[Return] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def changed(self, start: dt.datetime | None, end: dt.datetime) -> dict[str, list[Row]]:
        """As for any books, with the lists of a patrol as rows of their own."""
        found = super().changed(start, end)
        for record, of_patrol in CHILDREN.items():
            found[f"patrol_app.{record}"] = [
                {"patrol_id": patrol["patrol_id"], "updated_at": patrol["updated_at"], **row}
                for patrol in found["patrol_app.patrols"]
                for row in patrol[of_patrol]
            ]
        return found

    def received(self, start: dt.datetime | None, end: dt.datetime) -> list[Return]:
        """The files received in [start, end)."""
        return [one for one in self.returns if one.received_at < end and (start is None or one.received_at >= start)]

    def filed(self, as_of: dt.datetime) -> dict[str, list[Row]]:
        """Every row of every file received before as_of."""
        found: dict[str, list[Row]] = {"returns": [], "meetings": [], "matters": []}
        for one in self.received(None, as_of):
            for record, rows in one.rows.items():
                found[record] += rows
        return found


def programme(world: World) -> Programme:
    """The programme of that district, the same every time."""
    rng = random.Random(f"programme of {world.seed}")
    found = Programme(world)
    _Patrols(rng, found).write()
    _Returns(rng, found).write()
    _Points(rng, found).write()
    return found


def _later(rng: random.Random, at: dt.datetime) -> dt.datetime:
    return at + dt.timedelta(seconds=rng.choice((0, 1, 600, 40_000, 300_000)) * rng.random())


def _months() -> list[dt.date]:
    return [dt.date(FIRST_DAY.year + m // 12, m % 12 + 1, 1) for m in range(FIRST_DAY.month - 1, FIRST_DAY.month + 14)]


def _day_of(rng: random.Random, month: dt.date) -> dt.date:
    """A day of the month, leaning to its ends."""
    length = ((month + dt.timedelta(days=31)).replace(day=1) - month).days
    return month + dt.timedelta(days=rng.choice((0, length - 1, rng.randrange(length), rng.randrange(length))))


class _Patrols:
    """The patrol app."""

    def __init__(self, rng: random.Random, found: Programme) -> None:
        self.rng, self.found, self.world = rng, found, found.world
        self.items = items()
        self.case_nos = [case["case_no"] for case, _ in self.world.versions["case_system.cases"]]
        self.ids = 0

    def next_id(self, letter: str) -> str:
        self.ids += 1
        return f"{self.world.district_code}-{letter}{self.ids:06d}"

    def write(self) -> None:
        rng = self.rng
        # some districts go on patrol months after their first snap report
        first = rng.choice((FIRST_DAY, FIRST_DAY, dt.date(2026, 2, 1)))
        for month in _months():
            for compound in self.world.compounds:
                for _ in range(rng.choice((0, 1, 2, 2, 2, 2, 3, 4)) if month >= first else 0):
                    self.patrol(month, compound, "联勤")
                for _ in range(rng.choice((0, 0, 1, 2)) if month >= first else 0):
                    self.patrol(month, compound, "志愿")
                for _ in range(rng.choice((0, 0, 1, 3)) if month >= dt.date(2025, 12, 1) else 0):
                    self.snap(_day_of(rng, month), compound)
                for _ in range(rng.choice((0, 0, 0, 1)) if month >= dt.date(2025, 12, 1) else 0):
                    self.dispute(_day_of(rng, month), compound)

    def add(self, record: str, first: Row, versions: Versions) -> None:
        if self.rng.random() < 0.03:
            versions.append((versions[-1][0] + dt.timedelta(hours=self.rng.uniform(0.1, 900)), None))
        self.found.versions[f"patrol_app.{record}"].append((first, versions))

    def patrol(self, month: dt.date, compound: Row, kind: str) -> None:
        first = {"patrol_id": self.next_id("P"), "district_code": self.world.district_code}
        versions: Versions = []
        while not versions or self.rng.random() < 0.2:
            told = self.told(month, compound, kind)
            written = _later(self.rng, max([told["started_at"], told["ended_at"] or told["started_at"], *(at for at, _ in versions)]))
            for finding in told["findings"]:
                if finding["disposition"] == "当场解决" or self.rng.random() < 0.3:
                    finding["fixed_at"] = finding["found_at"] + (written - finding["found_at"]) * self.rng.random()
            if versions and told["findings"] and versions[-1][1] and versions[-1][1]["findings"]:
                # a finding keeps its number when the patrol is corrected
                told["findings"][0]["finding_id"] = versions[-1][1]["findings"][0]["finding_id"]
            versions.append((written, told))
            # what a correction says anew
            kind = self.rng.choice((kind, kind, kind, "联勤", "志愿"))
            compound = self.rng.choice((compound, compound, self.rng.choice(self.world.compounds)))
        self.add("patrols", first, versions)

    def told(self, month: dt.date, compound: Row, kind: str) -> Row:
        rng = self.rng
        started_at = moment(rng, _day_of(rng, month))
        ended_at = None if rng.random() < 0.1 else started_at + dt.timedelta(minutes=rng.choice((0, 30, 90)))
        return {
            "kind": kind,
            "compound_code": compound["compound_code"],
            "duty": rng.choice(("事前预警", "事中劝导", "事后监督")) if kind == "志愿" else None,
            "started_at": started_at,
            "ended_at": ended_at,
            "participants": [{"participant_no": no, **self.participant()} for no in range(1, rng.choice((0, 2, 3, 4, 4, 5, 7)) + 1)],
            "checklists": [
                {"kind": name, "completed": rng.random() < 0.96, "items_checked": 5, "problems": 0}
                for name in CHECKLISTS
                if rng.random() < 0.96
            ],
            "findings": [self.finding(started_at, ended_at) for _ in range(rng.choice((0, 0, 1, 2)))],
        }

    def participant(self) -> Row:
        rng = self.rng
        role = rng.choice(("队员", "队员", "队员", "队员", "志愿者", "物业", "网格员"))
        department = rng.choice(DEPARTMENTS[:4])
        return {
            "role": role,
            "officer_no": rng.choice(self.world.officers)["officer_no"] if role == "队员" else None,
            "department": department if role == "队员" or rng.random() < 0.2 else None,
            "volunteer_no": f"V{rng.randrange(9):04d}" if role == "志愿者" else None,
        }

    def finding(self, started_at: dt.datetime, ended_at: dt.datetime | None) -> Row:
        rng = self.rng
        disposition = rng.choice(("当场解决", "提交共议", "转办立案"))
        return {
            "finding_id": self.next_id("F"),
            "checklist": rng.choice(CHECKLISTS),
            "item_code": rng.choice(self.items),
            "severity": rng.choice(("一般", "较重", "紧急")),
            "disposition": disposition,
            "case_no": self.case_no() if disposition == "转办立案" or rng.random() < 0.1 else None,
            "found_at": started_at + ((ended_at or started_at) - started_at) * rng.random(),
            "fixed_at": None,
        }

    def case_no(self) -> str:
        """A case of the district, now and then one that nobody has heard of."""
        return str(self.rng.choice(self.case_nos)) if self.rng.random() < 0.9 else f"{self.world.district_code}-2026-999999"

    def snap(self, day: dt.date, compound: Row) -> None:
        taken_at = moment(self.rng, day)
        versions: Versions = [(_later(self.rng, taken_at), {"status": self.rng.choice(("采纳", "不采纳", "转办"))})]
        if self.rng.random() < 0.2:
            versions.append((_later(self.rng, versions[0][0]), {"status": self.rng.choice(("采纳", "不采纳", "转办"))}))
        first = {
            "snap_id": self.next_id("S"), "district_code": self.world.district_code, "compound_code": compound["compound_code"],
            "resident_no": f"{self.world.district_code}-R{self.ids % 50:05d}", "item_code": self.rng.choice(self.items),
            "taken_at": taken_at, "case_no": None,
        }  # fmt: skip
        self.add("snaps", first, versions)

    def dispute(self, day: dt.date, compound: Row) -> None:
        raised_at = moment(self.rng, day)
        versions: Versions = [(_later(self.rng, raised_at), {"defused_at": None})]
        if self.rng.random() < 0.8:
            defused_at = moment(self.rng, day + dt.timedelta(days=self.rng.choice((0, 1, 20))))
            defused_at = max(defused_at, raised_at)
            versions.append((max(versions[0][0], _later(self.rng, defused_at)), {"defused_at": defused_at}))
        first = {
            "dispute_id": self.next_id("D"), "district_code": self.world.district_code, "compound_code": compound["compound_code"],
            "volunteer_no": "V0001", "officer_no": None, "topic": "邻里噪声", "raised_at": raised_at,
        }  # fmt: skip
        self.add("disputes", first, versions)


class _Returns:
    """The inbox."""

    def __init__(self, rng: random.Random, found: Programme) -> None:
        self.rng, self.found, self.world = rng, found, found.world
        self.items = items()

    def write(self) -> None:
        for community in self.world.communities:
            code = community["community_code"]
            for month in _months():
                if self.rng.random() < 0.85:
                    self.submit(code, month)

    def submit(self, code: str, month: dt.date) -> None:
        """The return of a month, sent again now and then, as a rule with more of it done."""
        rng = self.rng
        received_at = moment(rng, month + dt.timedelta(days=rng.choice((9, 20, 31, 33, 45))))
        meetings, matters = self.meetings(code, month, received_at), self.matters(code, month, received_at)
        for number in range(1, rng.choice((1, 1, 1, 2, 2, 3)) + 1):
            # not every file has every sheet, and some say that there was nothing
            rows = {"meetings": meetings, "matters": matters}
            for name in rows:
                if rng.random() < 0.08:
                    rows[name] = []
            sheets = {"会议": rows["meetings"], "议题": rows["matters"]}
            stated = [(sheet, its) for sheet, its in sheets.items() if rng.random() < 0.93]
            self.found.returns.append(self.file(code, month, number, received_at, stated))
            if rng.random() < 0.8:
                received_at = moment(rng, local_day(received_at) + dt.timedelta(days=rng.choice((1, 2, 30))))
            draw = rng.random()
            if draw < 0.5:
                meetings = self.meetings(code, month, received_at)
            if draw > 0.3:
                matters = self.matters(code, month, received_at)

    def file(self, code: str, month: dt.date, number: int, received_at: dt.datetime, sheets: list[tuple[str, list[Row]]]) -> Return:
        sha = f"{self.rng.getrandbits(256):064x}"
        stamps = {"community_code": code, "month_on": month, "file_sha": sha}
        of_file: dict[str, list[Row]] = {"returns": [], "meetings": [], "matters": []}
        for sheet, rows in sheets:
            of_file["returns"].append(
                {**stamps, "sheet": sheet, "file_label": f"{code} {month:%Y-%m}", "district_code": self.world.district_code,
                 "received_at": received_at, "row_count": len(rows), "is_complete": True, "problem": None}
            )  # fmt: skip
            of_file["meetings" if sheet == "会议" else "matters"] = [{**stamps, **row} for row in rows]
        return Return(code, month, sha, received_at, of_file)

    def compound(self, code: str) -> str:
        return str(self.rng.choice([c["compound_code"] for c in self.world.compounds if c["community_code"] == code]))

    def meetings(self, code: str, month: dt.date, received_at: dt.datetime) -> list[Row]:
        found = []
        for number in self.rng.sample(MEETING_NUMBERS, self.rng.choice((0, 2, 3, 4))):
            met_on = _day_of(self.rng, month)
            if met_on <= local_day(received_at):
                found.append(
                    {"meeting_no": number, "meeting_type": self.rng.choice(("党建联席会议", "三方议事会", "片区会商", "会谈")),
                     "compound_code": self.compound(code), "met_on": met_on, "started_time": "14:30", "host_unit": "社区",
                     "departments": self.rng.choice((None, [], ["城管", "消防"])), "officer_nos": None,
                     "resident_count": self.rng.choice((None, 0, 12)), "has_enforcement": self.rng.random() < 0.5}
                )  # fmt: skip
        return found

    def matters(self, code: str, month: dt.date, received_at: dt.datetime) -> list[Row]:
        rng, found = self.rng, []
        # now and then every row names a meeting nobody has heard of, and the whole sheet is held
        numbers = ("H98",) if rng.random() < 0.05 else (*MEETING_NUMBERS, "H99")
        for number in range(1, rng.choice((0, 2, 4, 6, 9)) + 1):
            heard_on = self.until(received_at, month + dt.timedelta(days=rng.randrange(-10, 40)), 0.75)
            later = dt.timedelta(days=rng.choice((0, 1, 7, 26, 27, 28, 29, 30, 31, 60)))
            solved_on = self.until(received_at, (heard_on or month) + later, 0.6)
            found.append(
                {"matter_no": f"M{number:02d}", "meeting_no": rng.choice(numbers), "compound_code": self.compound(code),
                 "item_code": None if rng.random() < 0.1 else rng.choice(self.items), "content": "楼道堆物",
                 "raised_by": rng.choice((None, "居民", "社区", "物业", "部门")), "heard_on": heard_on,
                 "department": rng.choice((None, *DEPARTMENTS)), "solved_on": solved_on,
                 "case_no": rng.choice((None, None, f"{self.world.district_code}-2026-000001"))}
            )  # fmt: skip
        return found

    def until(self, received_at: dt.datetime, day: dt.date, share: float) -> dt.date | None:
        """The day, unless it was still to come when the file was sent."""
        return day if day <= local_day(received_at) and self.rng.random() < share else None


class _Points:
    """The points ledger."""

    def __init__(self, rng: random.Random, found: Programme) -> None:
        self.rng, self.found, self.world = rng, found, found.world
        self.entry_id = found.world.seed * 10_000_000
        self.acts = 0

    def write(self) -> None:
        for compound in self.world.compounds:
            for _ in range(self.rng.choice((0, 3, 5, 12))):
                self.resident(compound)

    def resident(self, compound: Row) -> None:
        rng, residents = self.rng, self.found.versions["points_ledger.residents"]
        joined_on = FIRST_DAY + dt.timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
        first = {
            "resident_no": f"{self.world.district_code}-R{len(residents):05d}", "district_code": self.world.district_code,
            "household_no": None if len(residents) % 4 == 0 else f"H{len(residents) // 5}",
            "name": None, "phone": None, "birth_year": rng.choice((None, 1950, 2012)),
            "is_lead": rng.random() < 0.2, "brought_by": rng.choice((None, *(row["resident_no"] for row, _ in residents[-3:]))),
        }  # fmt: skip
        at = moment(rng, joined_on)
        told = {"compound_code": compound["compound_code"], "kind": rng.choice(("退休党员", "学生", "其他")), "joined_on": joined_on}
        versions: Versions = [(_later(rng, at), told)]
        if rng.random() < 0.2:
            elsewhere = rng.choice(self.world.compounds)["compound_code"]
            change = rng.choice(({"compound_code": elsewhere}, {"kind": "其他"}, {"joined_on": joined_on - dt.timedelta(days=33)}))
            versions.append((versions[0][0] + dt.timedelta(hours=rng.uniform(1, 4000)), change))
        residents.append((first, versions))
        if rng.random() < 0.85:
            self.account(first["resident_no"], max(at, versions[0][0]))
        elif rng.random() < 0.3:
            versions.append((versions[-1][0] + dt.timedelta(hours=rng.uniform(1, 4000)), None))

    def account(self, resident_no: str, at: dt.datetime) -> None:
        """The entries of a resident; what is redeemed is covered by what had been written down before."""
        rng, written, cover = self.rng, at, 0
        earned: list[Row] = []
        redeemed: list[Row] = []
        for _ in range(rng.choice((1, 2, 4, 8, 14))):
            at = at if rng.random() < 0.05 else max(at, moment(rng, local_day(at) + dt.timedelta(days=rng.choice((0, 1, 5, 20, 60)))))
            # written months later, and not spent
            is_forgotten = rng.random() < 0.08
            written = max(written, _later(rng, at))
            draw = rng.random()
            if draw < 0.55 or is_forgotten or not earned:
                row = self.entry(resident_no, rng.choice(EARNED), rng.randrange(1, 9), at)
                if rng.random() < 0.7:
                    self.acts += 1
                    row |= {"reference_kind": rng.choice(("case", "meeting", "finding", "snap")), "reference_no": f"A{self.acts:06d}"}
                self.add(row, written + dt.timedelta(days=rng.randrange(40, 90)) if is_forgotten else written)
                if not is_forgotten:
                    earned.append(row)
                    cover += row["points"]
            elif draw < 0.8 and cover > 0:
                row = self.entry(resident_no, rng.choice(REDEEMED), -rng.choice((1, cover, cover)), at)
                redeemed.append(row)
                self.add(row, written)
                cover += row["points"]
            else:
                named = redeemed.pop() if redeemed and rng.random() < 0.4 else earned.pop(rng.randrange(len(earned)))
                self.add(self.entry(resident_no, "冲正", -named["points"], at) | {"reverses_entry_id": named["entry_id"]}, written)
                cover -= named["points"]

    def entry(self, resident_no: str, kind: str, points: int, at: dt.datetime) -> Row:
        self.entry_id += 1
        return {
            "entry_id": self.entry_id, "resident_no": resident_no, "kind": kind, "points": points, "reference_kind": None,
            "reference_no": None, "reverses_entry_id": None, "entered_at": at,
        }  # fmt: skip

    def add(self, row: Row, written: dt.datetime) -> None:
        self.found.versions["points_ledger.ledger_entries"].append((row, [(written, {})]))
