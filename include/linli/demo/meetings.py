"""Meetings, matters and publicity events of the communities, and the monthly returns they drop into the inbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from linli.demo import texts
from linli.demo.cases import Report, draw_item
from linli.demo.history import ACCOUNT_UNTIL, FIRST_DAY, LAST_DAY, Row
from linli.demo.reference import DEPARTMENT_NAME, Compound, District, on_duty
from linli.demo.rhythm import add_workdays, at, month_days, months, spread

RETURNS_SINCE = (2025, 11)
"""the first month communities file returns for; what met before left none"""
MEETINGS_THIS_YEAR = 43
MATTERS_SOLVED_THIS_YEAR = 96
EVENTS_THIS_YEAR = 400
COUNCIL_TYPES = ("三方议事会", "会谈")
SHEETS = ("会议", "议题", "普法")
# Most communities send workbooks; some export CSV, one of them from old office software in GB18030.
FORMATS = (
    "xlsx",
    "xlsx",
    "csv-utf8",
    "xlsx",
    "xlsx",
    "csv-gb18030",
    "xlsx",
    "csv-bom",
    "xlsx",
    "xlsx",
    "xlsx",
    "xlsx",
    "xlsx",
)
_EVENT_TYPES = ("执法开放日", "普法讲座", "以案说法", "入户宣传")
_SPEAKERS = ("法官", "检察官", "民警", "律师", "五老", "调解员", "执法队员")


@dataclass
class Correction:
    """A row that stands wrong in the returns until `corrected_at` (None: for good). `right` is None for a row too many."""

    sheet: str
    problem: str
    wrong: Row
    right: Row | None
    corrected_at: datetime | None


@dataclass
class MonthReturn:
    """All that one community reports for one month."""

    community_code: str
    community_name: str
    format: str
    year: int
    month: int
    meetings: list[Row] = field(default_factory=list)
    matters: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)

    def rows(self, sheet: str) -> list[Row]:
        return {"会议": self.meetings, "议题": self.matters, "普法": self.events}[sheet]

    def rows_at(self, sheet: str, moment: datetime) -> list[Row]:
        """The rows as the community would write them down at that moment."""
        day = moment.date()
        written = {"会议": "met_on", "议题": "heard_on", "普法": "held_on"}[sheet]
        rows = []
        wrong = {id(c.right): c.wrong for c in self.corrections if c.corrected_at is None or moment < c.corrected_at}
        for row in self.rows(sheet):
            if row[written] > day:
                continue
            shown = wrong.get(id(row), row)
            if sheet == "议题" and isinstance(shown["solved_on"], date) and shown["solved_on"] > day:
                shown = {**shown, "solved_on": None}
            rows.append(shown)
        for correction in self.corrections:
            too_many = correction.right is None and correction.sheet == sheet
            if too_many and (correction.corrected_at is None or moment < correction.corrected_at):
                rows.append(correction.wrong)
        return rows


class Communities:
    """Builds one district's month returns and collects in `reports` the cases that councils pass on."""

    def __init__(self, place: District, seed: int) -> None:
        self.place = place
        self.reports: list[Report] = []
        self.returns: dict[tuple[str, int, int], MonthReturn] = {}
        self._months: dict[tuple[int, int], list[Row]] = {}
        rng = Random(f"{seed}/{place.index}/meetings")
        for year, month in months():
            for n, (code, name) in enumerate(place.communities):
                self.returns[code, year, month] = MonthReturn(code, name, FORMATS[n], year, month)
            self._meetings_of(rng, year, month)
        self._choose_present(rng)
        self._matters(rng)
        self._events(rng)
        for month_return in self.returns.values():
            _number(month_return)

    def _meetings_of(self, rng: Random, year: int, month: int) -> None:
        for n, (code, name) in enumerate(self.place.communities):
            compounds = [compound for compound in self.place.compounds if compound.community_code == code]
            for compound in compounds:
                if rng.random() < 0.85:
                    self._add_meeting(rng, year, month, compound, "三方议事会", f"{compound.name}党支部")
                if rng.random() < 0.12:
                    self._add_meeting(rng, year, month, compound, "会谈", f"{compound.name}业主委员会")
            if month % 3 == n % 3 and rng.random() < 0.7:
                present = self._departments(rng, year, month, 3)
                self._add_meeting(rng, year, month, rng.choice(compounds), "党建联席会议", f"{name}大党委", present)
        lead = on_duty(self.place, year, month)
        present = [lead, *(code for code in self._departments(rng, year, month, 3) if code != lead)]
        host = DEPARTMENT_NAME[lead]
        self._add_meeting(rng, year, month, rng.choice(self.place.compounds), "片区会商", host, present)

    def _departments(self, rng: Random, year: int, month: int, count: int) -> list[str]:
        return rng.sample(list(DEPARTMENT_NAME), count)

    def _add_meeting(
        self,
        rng: Random,
        year: int,
        month: int,
        compound: Compound,
        kind: str,
        host: str,
        present: list[str] | None = None,
    ) -> None:
        day = rng.choice(month_days(year, month)[:-1])
        row: Row = {
            "meeting_no": "",
            "meeting_type": kind,
            "compound_code": compound.code,
            "met_on": day,
            "started_time": rng.choice(("9:00", "9:30", "10:00", "14:30", "15:00", "16:00", "19:00", "19:30")),
            "host_unit": host,
            "departments": [],
            "officer_nos": [],
            "resident_count": rng.randint(5, 26),
            "has_enforcement": False,
            "_compound": compound,
        }
        if present:
            self._attend(rng, row, present)
        self.returns[compound.community_code, year, month].meetings.append(row)
        self._months.setdefault((year, month), []).append(row)

    def _attend(self, rng: Random, row: Row, departments: list[str]) -> None:
        serving = self.place.officers_on(row["met_on"])
        officers = [rng.choice([o for o in serving if o.department_code == code]) for code in departments]
        row["departments"] = [DEPARTMENT_NAME[code] for code in departments]
        row["officer_nos"] = [officer.number for officer in officers]
        row["has_enforcement"] = True

    def _choose_present(self, rng: Random) -> None:
        """Enforcement departments sit in exactly MEETINGS_THIS_YEAR councils and talks of the account's months."""
        counts = [rng.randint(2, 4) for _ in range(12)] + spread(rng, MEETINGS_THIS_YEAR, 10) + [4, 5]
        for (year, month), count in zip(months(), counts, strict=True):
            councils = [row for row in self._months[year, month] if row["meeting_type"] in COUNCIL_TYPES]
            for row in rng.sample(councils, count):
                self._attend(rng, row, self._departments(rng, year, month, rng.choice((1, 2, 2, 3))))

    def _matters(self, rng: Random) -> None:
        counts = [0, *(rng.randint(5, 8) for _ in range(11)), *spread(rng, MATTERS_SOLVED_THIS_YEAR, 10), 9, 10]
        for (year, month), count in zip(months(), counts, strict=True):
            days = month_days(year, month)
            for _ in range(count):
                solved = rng.choice(days[2:])
                held = self._held_between(solved - timedelta(days=40), solved - timedelta(days=2))
                self._add_matter(rng, rng.choice(held), solved)
            for row in rng.sample(self._months[year, month], 4):
                self._add_matter(rng, row, None)

    def _held_between(self, first: date, last: date) -> list[Row]:
        rows = []
        for year, month in {(day.year, day.month) for day in (first, last)} | {(last.year, max(last.month - 1, 1))}:
            for row in self._months.get((year, month), []):
                if first <= row["met_on"] <= last and row["meeting_type"] in (*COUNCIL_TYPES, "片区会商"):
                    rows.append(row)
        return sorted(rows, key=lambda row: (row["met_on"], row["compound_code"], row["meeting_type"]))

    def _add_matter(self, rng: Random, meeting: Row, solved: date | None) -> None:
        item = draw_item(rng)
        compound: Compound = meeting["_compound"]
        met: date = meeting["met_on"]
        heard = min(met + timedelta(days=rng.randint(0, 3)), month_days(met.year, met.month)[-1], solved or date.max)
        row: Row = {
            "matter_no": "",
            "meeting_no": "",
            "compound_code": compound.code,
            "item_code": item.code,
            "content": texts.patrol_matter(rng, item.code),
            "raised_by": rng.choices(("居民", "社区", "物业", "部门"), (6, 2, 2, 1))[0],
            "heard_on": heard,
            "department": DEPARTMENT_NAME[item.lead] if solved or rng.random() < 0.7 else None,
            "solved_on": solved,
            "case_no": None,
            "_meeting": meeting,
        }
        if rng.random() < 0.25 and heard >= FIRST_DAY:
            reported = at(heard, rng.randint(9, 11), rng.randrange(60), rng.randrange(60))
            self.reports.append(Report(compound, item, "议事会", "未诉先办", reported, lambda number: row.__setitem__("case_no", number)))
        self.returns[compound.community_code, met.year, met.month].matters.append(row)

    def _events(self, rng: Random) -> None:
        counts = [rng.randint(22, 32) for _ in range(12)] + spread(rng, EVENTS_THIS_YEAR, 10) + [38, 36]
        for (year, month), count in zip(months(), counts, strict=True):
            for _ in range(count):
                compound = rng.choice(self.place.compounds)
                row: Row = {
                    "event_no": "",
                    "compound_code": compound.code,
                    "held_on": rng.choice(month_days(year, month)[:-1]),
                    "event_type": rng.choices(_EVENT_TYPES, (2, 4, 3, 4))[0],
                    "speaker_kind": rng.choice(_SPEAKERS),
                    "attendee_count": rng.randint(9, 85),
                }
                self.returns[compound.community_code, year, month].events.append(row)


def _number(month_return: MonthReturn) -> None:
    stem = f"{month_return.community_code}-{month_return.year}{month_return.month:02d}"
    month_return.meetings.sort(key=lambda row: (row["met_on"], row["compound_code"], row["meeting_type"]))
    for n, row in enumerate(month_return.meetings, 1):
        row["meeting_no"] = f"HY-{stem}-{n:02d}"
        del row["_compound"]
    month_return.matters.sort(key=lambda row: (row["heard_on"], row["compound_code"], row["content"]))
    for n, row in enumerate(month_return.matters, 1):
        row["matter_no"] = f"YT-{stem}-{n:02d}"
        row["meeting_no"] = row.pop("_meeting")["meeting_no"]
    month_return.events.sort(key=lambda row: (row["held_on"], row["compound_code"], row["event_type"]))
    for n, row in enumerate(month_return.events, 1):
        row["event_no"] = f"PF-{stem}-{n:02d}"


@dataclass(frozen=True)
class Drop:
    """One upload into the inbox: the return of a community and month as it stood at `content_at`.

    `cut` is the share of the bytes that arrived, 1.0 for all. A renamed duplicate has another name and the same `style`.
    """

    name: str
    dropped_at: datetime
    content_at: datetime
    source: MonthReturn
    style: str
    cut: float = 1.0

    @property
    def format(self) -> str:
        return self.source.format


def drops(month_return: MonthReturn, seed: int) -> list[Drop]:
    """Every upload of that return through time, oldest first.

    It is complete on the month's last day; later uploads bring matters solved meanwhile, corrections, or nothing new.
    """
    m = month_return
    stem = f"{m.community_code}_{m.year}{m.month:02d}"
    rng = Random(f"{seed}/drops/{stem}")
    last = month_days(m.year, m.month)[-1]
    final = at(last, rng.randint(15, 17), rng.randrange(60), rng.randrange(60))
    out: list[Drop] = []
    used: set[str] = set()

    def drop(label: str, moment: datetime, content_at: datetime | None = None, style: str = "", cut: float = 1.0) -> Drop:
        # People number their copies; a name in the inbox is never used twice.
        label = label if label not in used else f"{label}{len(out) + 1}"
        used.add(label)
        out.append(Drop(f"{stem}_会议{label}", moment, content_at or moment, m, style or f"{seed}/{stem}/{moment}", cut))
        return out[-1]

    if rng.random() < 0.2:
        drop("（中旬）", at(last.replace(day=rng.randint(14, 16)), 17, rng.randrange(60)))
    if rng.random() < 0.04:
        drop("", final - timedelta(minutes=rng.randint(15, 50)), cut=rng.uniform(0.3, 0.9))
    main = drop("", final)
    if rng.random() < 0.15:
        copied = final + timedelta(minutes=rng.choice((9, 30, 900, 2600)))
        label = rng.choice((" - 副本", "(1)", "（再次上报）"))
        drop(label, copied, content_at=main.content_at, style=main.style)
    updates = {
        at(month_days(day.year, day.month)[-1], rng.randint(15, 17), rng.randrange(60), rng.randrange(60))
        for day in sorted(_later_months(m))
    }
    if rng.random() < 0.12 and last < LAST_DAY:
        # Sent again in the first days of the next month, as the rule of the returns would have it.
        updates.add(at(add_workdays(last, rng.randint(1, 4)), rng.randint(9, 11), rng.randrange(60)))
    updates |= {correction.corrected_at for correction in m.corrections if correction.corrected_at}
    for n, moment in enumerate(sorted(updates), 2):
        drop(rng.choice((f"v{n}", "（更正）", "(更正)", f"（更正{n}）")), moment)
    return sorted(out, key=lambda upload: upload.dropped_at)


def _later_months(m: MonthReturn) -> set[date]:
    """First days of the later months in which matters of this return were solved."""
    own = (m.year, m.month)
    solved = {row["solved_on"].replace(day=1) for row in m.matters if row["solved_on"]}
    return {day for day in solved if (day.year, day.month) != own}


def correction_time(rng: Random, month_return: MonthReturn) -> datetime:
    """When a wrong return is corrected: days later, but for the account's last month the same evening."""
    last = month_days(month_return.year, month_return.month)[-1]
    if last < ACCOUNT_UNTIL.date() <= last + timedelta(days=7):
        return at(last, rng.randint(18, 21), rng.randrange(60), rng.randrange(60))
    return at(last + timedelta(days=rng.randint(2, 8)), rng.randint(9, 16), rng.randrange(60), rng.randrange(60))
