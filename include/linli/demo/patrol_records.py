"""What the patrol app holds: joint and volunteer patrols with their findings, snap reports, disputes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from linli.demo import texts
from linli.demo.cases import Report
from linli.demo.history import ACCOUNT_UNTIL, Record, Row
from linli.demo.reference import DEPARTMENT_NAME, Compound, District, Item, items
from linli.demo.residents import Resident
from linli.demo.rhythm import at, month_days, months, report_time, spread, workday_in

CHECKLISTS = ("安全隐患", "环境卫生", "违规经营")
SNAPS_THIS_YEAR = 2500
DISPUTES_THIS_YEAR = 110
_CHECKLIST_OF_CATEGORY = {
    "1": "安全隐患",
    "2": "安全隐患",
    "3": "环境卫生",
    "4": "安全隐患",
    "5": "安全隐患",
    "6": "违规经营",
    "7": "环境卫生",
}
_VOLUNTEERS_A_COMPOUND = 6
_SNAP_ITEMS = ("3-01", "3-04", "3-05", "4-01", "4-02", "4-03", "5-02", "6-03", "7-01", "7-02", "7-03", "3-02")


class PatrolApp:
    """Builds one district's records and collects in `reports` the cases that findings and snaps turn into."""

    def __init__(self, place: District, seed: int, residents: list[Resident]) -> None:
        self.place = place
        self.seed = seed
        self.residents = residents
        self.reports: list[Report] = []
        self.patrols: list[Record] = []
        self.snaps: list[Record] = []
        self.disputes: list[Record] = []
        self.findings = 0
        for year, month in months():
            self._patrols_of(year, month, Random(f"{seed}/{place.index}/patrols/{year}-{month}"))
        self._snaps(Random(f"{seed}/{place.index}/snaps"))
        self._disputes(Random(f"{seed}/{place.index}/disputes"))
        _number(self.patrols, "patrol_id", f"P-{place.code}-", "started_at")
        _number(self.snaps, "snap_id", f"S-{place.code}-", "taken_at")
        _number(self.disputes, "dispute_id", f"D-{place.code}-", "raised_at")

    def volunteer(self, rng: Random, compound: Compound) -> str:
        first = self.place.compounds.index(compound) * _VOLUNTEERS_A_COMPOUND
        return f"V{self.place.index * 1000 + first + rng.randint(1, _VOLUNTEERS_A_COMPOUND):04d}"

    def _volunteers(self, rng: Random, compound: Compound, count: int) -> list[Row]:
        numbers: set[str] = set()
        while len(numbers) < count:
            numbers.add(self.volunteer(rng, compound))
        return [{"role": "志愿者", "volunteer_no": number} for number in sorted(numbers)]

    def _patrols_of(self, year: int, month: int, rng: Random) -> None:
        """Two joint patrols a compound (a few missed), then volunteer patrols up to the month's person-times."""
        person_times = rng.randint(181, 185) if year == 2026 else rng.randint(136, 172)
        for compound in self.place.compounds:
            for _ in range(1 if rng.random() < 0.025 else 2):
                # Person-times of volunteers who come along on joint patrols are part of the month's total.
                volunteers = rng.choices((0, 1, 2), (5, 3, 2))[0]
                volunteers = min(volunteers, max(person_times - 40, 0))
                person_times -= volunteers
                self._joint_patrol(rng, compound, workday_in(rng, year, month), volunteers)
        while person_times:
            count = min(person_times, rng.choice((1, 2, 2, 3)))
            person_times -= count
            self._volunteer_patrol(rng, rng.choice(self.place.compounds), rng.choice(month_days(year, month)), count)

    def _joint_patrol(self, rng: Random, compound: Compound, day: date, volunteers: int) -> None:
        started = at(day, rng.choice((8, 9, 9, 10, 14, 15, 15, 16)), rng.choice((30, 35, 40, 45, 50)))
        ended = started + timedelta(minutes=rng.randint(45, 125))
        serving = self.place.officers_on(day)
        departments = 1 if rng.random() < 0.02 else rng.choice((2, 2, 3, 4))
        officers = []
        for department in rng.sample(list(DEPARTMENT_NAME), departments):
            officers.append(rng.choice([officer for officer in serving if officer.department_code == department]))
        participants: list[Row] = [
            {"role": "队员", "officer_no": officer.number, "department": DEPARTMENT_NAME[officer.department_code]} for officer in officers
        ]
        participants += [{"role": "物业"}] if rng.random() < 0.8 else []
        participants += [{"role": "网格员"}] if rng.random() < 0.85 else []
        participants += self._volunteers(rng, compound, volunteers)
        incomplete = rng.choice(CHECKLISTS) if rng.random() < 0.03 else None
        completed = [kind for kind in CHECKLISTS if kind != incomplete]
        self._add_patrol(rng, "联勤", compound, started, ended, participants, completed, rng.choices((0, 1, 2, 3), (5, 3, 2, 1))[0])

    def _volunteer_patrol(self, rng: Random, compound: Compound, day: date, count: int) -> None:
        started = at(day, rng.choice((7, 9, 10, 16, 18, 19, 19, 20)), rng.randrange(0, 60, 5))
        ended = started + timedelta(minutes=rng.randint(30, 80))
        participants = self._volunteers(rng, compound, count)
        self._add_patrol(rng, "志愿", compound, started, ended, participants, ["安全隐患"], 1 if rng.random() < 0.2 else 0)

    def _add_patrol(
        self,
        rng: Random,
        kind: str,
        compound: Compound,
        started: datetime,
        ended: datetime,
        participants: list[Row],
        completed: list[str],
        found: int,
    ) -> None:
        suitable = [item for item in items() if _CHECKLIST_OF_CATEGORY[item.category_code] in completed]
        findings = [self._finding(rng, compound, rng.choice(suitable), started, ended, kind) for _ in range(found)]
        checklists = [
            {
                "kind": name,
                "completed": name in completed,
                "items_checked": rng.randint(8, 14) if name in completed else 0,
                "problems": sum(finding["checklist"] == name for finding in findings),
            }
            for name in (CHECKLISTS if kind == "联勤" else completed)
        ]
        row: Row = {
            "patrol_id": "",
            "kind": kind,
            "district_code": self.place.code,
            "compound_code": compound.code,
            "started_at": started,
            "ended_at": ended,
            "participants": participants,
            "checklists": checklists,
            "findings": findings,
            "updated_at": _soon(rng, ended, 1800),
            "deleted": False,
        }
        if kind == "志愿":
            row["duty"] = rng.choice(("事前预警", "事中劝导", "事后监督"))
        versions: list[tuple[datetime, Row | None]] = [(row["updated_at"], row)]
        for n, finding in enumerate(findings):
            if finding["disposition"] == "提交共议" and rng.random() < 0.7:
                # What was taken to joint discussion is fixed later, and the patrol is written again.
                fixed = ended + timedelta(days=rng.randint(3, 25), minutes=rng.randint(0, 240))
                later = [dict(other) for other in versions[-1][1]["findings"]] if versions[-1][1] else []
                later[n]["fixed_at"] = fixed
                written = max(_soon(rng, fixed, 1800), versions[-1][0] + timedelta(seconds=1))
                versions.append((written, {**(versions[-1][1] or row), "findings": later, "updated_at": written}))
        self.patrols.append(Record("", versions))
        for n, finding in enumerate(findings):
            if finding["disposition"] == "转办立案":
                on_registered = _write_case_number([version["findings"][n] for _, version in versions if version])
                item = next(item for item in items() if item.code == finding["item_code"])
                reported = finding["found_at"] + timedelta(seconds=rng.randint(20, 50))
                self.reports.append(Report(compound, item, "巡查发现", "未诉先办", reported, on_registered))

    def _finding(self, rng: Random, compound: Compound, item: Item, started: datetime, ended: datetime, kind: str) -> Row:
        self.findings += 1
        disposition = rng.choices(("当场解决", "提交共议", "转办立案"), (62, 22, 16 if kind == "联勤" else 6))[0]
        found = started + (ended - started) * rng.uniform(0.1, 0.6)
        found = found.replace(microsecond=0)
        return {
            "finding_id": f"F-{self.place.index * 1_000_000 + self.findings:06d}",
            "checklist": _CHECKLIST_OF_CATEGORY[item.category_code],
            "item_code": item.code,
            "severity": rng.choices(("一般", "较重", "紧急"), (80, 16, 4))[0],
            "disposition": disposition,
            "case_no": None,
            "found_at": found,
            "fixed_at": found + timedelta(minutes=rng.randint(3, 14)) if disposition == "当场解决" else None,
        }

    def _snaps(self, rng: Random) -> None:
        counts = [rng.randint(120, 175) for _ in range(12)] + spread(rng, SNAPS_THIS_YEAR, 10)
        counts += [rng.randint(200, 260) for _ in range(2)]
        by_code = {item.code: item for item in items()}
        compounds = {compound.code: compound for compound in self.place.compounds}
        for (year, month), count in zip(months(), counts, strict=True):
            before = date(year, month, 1)
            known = [resident for resident in self.residents if resident.joined_on < before]
            for _ in range(count):
                resident = rng.choice(known)
                taken = self._in_time(report_time(rng, year, month))
                status = rng.choices(("采纳", "不采纳", "转办"), (72, 25, 3))[0]
                item = by_code[rng.choice(_SNAP_ITEMS)]
                updated = self._in_time(_soon(rng, taken, 7200), taken)
                row: Row = {
                    "snap_id": "",
                    "district_code": self.place.code,
                    "compound_code": resident.compound_code,
                    "resident_no": resident.number,
                    "item_code": item.code,
                    "taken_at": taken,
                    "status": status,
                    "case_no": None,
                    "updated_at": updated,
                    "deleted": False,
                }
                self.snaps.append(Record("", [(updated, row)]))
                if status == "转办":
                    compound = compounds[resident.compound_code]
                    reported = taken + (updated - taken) / 2
                    self.reports.append(Report(compound, item, "随手拍", "未诉先办", reported, _write_case_number([row])))

    @staticmethod
    def _in_time(moment: datetime, since: datetime | None = None) -> datetime:
        """What belongs to the account's months is also written in them."""
        if since is None:
            return moment - timedelta(minutes=3) if ACCOUNT_UNTIL - timedelta(minutes=3) <= moment < ACCOUNT_UNTIL else moment
        return since + (ACCOUNT_UNTIL - since) / 2 if since < ACCOUNT_UNTIL <= moment else moment

    def _disputes(self, rng: Random) -> None:
        counts = [rng.randint(6, 10) for _ in range(12)] + spread(rng, DISPUTES_THIS_YEAR, 10)
        counts += [rng.randint(8, 13) for _ in range(2)]
        for (year, month), count in zip(months(), counts, strict=True):
            for defused_in_month in [True] * count + [False] * rng.randint(0, 2):
                compound = rng.choice(self.place.compounds)
                defused = self._in_time(report_time(rng, year, month)) if defused_in_month else None
                raised = (defused or report_time(rng, year, month)) - timedelta(minutes=rng.choice((20, 45, 90, 300, 1600, 4000)))
                officer = rng.choice(self.place.officers_on(max(raised.date(), date(2025, 1, 1)))).number
                written = _soon(rng, raised, 900)
                row: Row = {
                    "dispute_id": "",
                    "district_code": self.place.code,
                    "compound_code": compound.code,
                    "volunteer_no": self.volunteer(rng, compound),
                    "officer_no": officer if rng.random() < 0.6 else None,
                    "topic": rng.choice(texts.DISPUTE_TOPICS),
                    "raised_at": raised,
                    "defused_at": None,
                    "updated_at": written,
                    "deleted": False,
                }
                versions: list[tuple[datetime, Row | None]] = [(written, row)]
                if defused:
                    ended = max(self._in_time(_soon(rng, defused, 900), defused), written + timedelta(seconds=1))
                    versions.append((ended, {**row, "defused_at": defused, "updated_at": ended}))
                self.disputes.append(Record("", versions))


def _soon(rng: Random, moment: datetime, seconds: int) -> datetime:
    return moment + timedelta(seconds=rng.randint(5, seconds), milliseconds=rng.randrange(1000))


def _write_case_number(rows: list[Row]) -> Callable[[str], None]:
    def write(number: str) -> None:
        for row in rows:
            row["case_no"] = number

    return write


def _number(records: list[Record], column: str, prefix: str, order: str) -> None:
    records.sort(key=lambda record: next(record.rows())[order])
    for n, record in enumerate(records, 1):
        record.key = f"{prefix}{n:06d}"
        for row in record.rows():
            row[column] = record.key
