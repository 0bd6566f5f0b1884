"""All cases of a district as rows of the case system, with the account's quotas met exactly."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from linli.demo import texts
from linli.demo.cases import COMPLAINT_CHANNELS, INVALID_STATUSES, Case, CaseWriter, Report, draw_item
from linli.demo.history import ACCOUNT_FROM, ACCOUNT_UNTIL, History, Record, Row
from linli.demo.reference import District
from linli.demo.rhythm import months, report_time, spread

COMPLAINTS_THIS_YEAR = 196
COMPLAINTS_LAST_YEAR = 245
PROBLEMS_HANDLED = 167
ON_SCENE = 132
_FATES_OF_REST = (("撤诉", 9), ("作废", 8), ("判重", 6))
_GRID_REPORTS_A_MONTH = 9
_LOOK_BACKS_A_MONTH = 2


def district_cases(place: District, seed: int, reports: list[Report]) -> list[Case]:
    """Every case of the district's history, numbered; `reports` come from the other systems (patrols, snaps, council)."""
    rng = Random(f"{seed}/{place.index}/complaints")
    writer = CaseWriter(place, seed)
    by_month = _complaints_by_month(rng)
    drafts: list[Case] = []
    account: list[Case] = []
    for year, month in months():
        complaints = [Case(_own_report(place, rng, year, month, complaint=True)) for _ in range(by_month[year, month])]
        drafts += complaints
        if year == 2026 and month <= 10:
            account += complaints
        else:
            for case in complaints:
                case.fate = rng.choices((None, "撤诉", "作废", "判重"), (86, 5, 5, 4))[0]
        for _ in range(_GRID_REPORTS_A_MONTH + rng.randint(-2, 2)):
            case = Case(_own_report(place, rng, year, month, complaint=False))
            case.fate = rng.choices((None, "作废", "判重"), (93, 4, 3))[0]
            drafts.append(case)
        for _ in range(_LOOK_BACKS_A_MONTH):
            report = _own_report(place, rng, year, month, complaint=False)
            drafts.append(Case(Report(report.compound, report.item, "巡查发现", "结诉复办", report.reported_at)))
    drafts += [Case(report) for report in reports]
    demands = _account_demands(rng, account)
    _number(place, drafts)
    _point_at_originals(rng, drafts)
    for case in drafts:
        writer.run(case, demands.get(id(case)))
    _mark_on_scene(rng, drafts)
    for case in drafts:
        writer.whistle(case)
        if case.report.on_registered:
            case.report.on_registered(case.number)
    return drafts


def _complaints_by_month(rng: Random) -> dict[tuple[int, int], int]:
    counts = [*spread(rng, COMPLAINTS_LAST_YEAR, 10), rng.randint(20, 26), rng.randint(19, 25)]
    counts += [*spread(rng, COMPLAINTS_THIS_YEAR, 10), rng.randint(16, 21), rng.randint(15, 20)]
    return dict(zip(months(), counts, strict=True))


def _own_report(place: District, rng: Random, year: int, month: int, *, complaint: bool) -> Report:
    compound = rng.choices(place.compounds, [compound.households for compound in place.compounds])[0]
    at = report_time(rng, year, month)
    if complaint:
        return Report(compound, draw_item(rng), rng.choices(COMPLAINT_CHANNELS, (5, 3, 3))[0], "应诉即办", at)
    return Report(compound, draw_item(rng), "网格上报", rng.choice(("未诉先办", "应诉即办")), at)


def _account_demands(rng: Random, account: list[Case]) -> dict[int, bool]:
    """Fix which of the account's complaints are handled at its end: exactly PROBLEMS_HANDLED of them."""
    account = sorted(account, key=lambda case: case.report.reported_at)
    closed = sum(count for _, count in _FATES_OF_REST)
    still_open = account[len(account) - (COMPLAINTS_THIS_YEAR - PROBLEMS_HANDLED - closed) :]
    for case in still_open:
        case.fate = "open"
    rest = account[: -len(still_open)]
    fates = [fate for fate, count in _FATES_OF_REST for _ in range(count)]
    for case, fate in zip(rng.sample(rest, closed), fates, strict=True):
        case.fate = fate
    demands = {id(case): False for case in still_open}
    demands.update({id(case): True for case in rest if case.fate is None})
    return demands


def _number(place: District, cases: list[Case]) -> None:
    cases.sort(key=lambda case: (case.report.reported_at, case.report.compound.code, case.report.channel))
    last: dict[int, int] = {}
    for case in cases:
        year = case.report.reported_at.year
        last[year] = last.get(year, 0) + 1
        case.number = f"{place.code}-{year}-{last[year]:06d}"


def _point_at_originals(rng: Random, cases: list[Case]) -> None:
    """A duplicate repeats an earlier case of the same compound, of the last weeks where there is one."""
    for n, case in enumerate(cases):
        if case.fate != "判重":
            continue
        earlier = [other for other in cases[max(0, n - 200) : n] if other.fate in (None, "open")]
        if not earlier:
            case.fate = "作废"
            continue
        near = [other for other in earlier if other.report.compound == case.report.compound]
        original = near[-1] if near else earlier[-1]
        report = case.report
        case.report = Report(
            original.report.compound,
            original.report.item,
            report.channel,
            report.phase,
            report.reported_at,
            report.on_registered,
        )
        case.duplicate_of = original


def _mark_on_scene(rng: Random, cases: list[Case]) -> None:
    account, others = [], []
    for case in cases:
        reported, accepted = case.report.reported_at, case.accepted_at()
        if accepted is None or case.fate in ("撤诉", "作废", "判重"):
            continue
        if not ACCOUNT_FROM <= reported < ACCOUNT_UNTIL:
            others.append(case)
        elif accepted + timedelta(hours=1) < ACCOUNT_UNTIL:
            account.append(case)
    for case in rng.sample(account, ON_SCENE):
        case.on_scene = True
    for case in others:
        case.on_scene = rng.random() < 0.28


def to_records(place: District, seed: int, cases: list[Case]) -> History:
    """The five tables of the case system; serial numbers are given later, over all rows."""
    history: History = {f"case_system.{name}": [] for name in ("cases", "case_steps", "whistles", "callbacks", "consultations")}
    for case in cases:
        rng = Random(f"{seed}/{place.index}/rows/{case.number}")
        history["case_system.cases"].append(_case_record(place, rng, case))
        history["case_system.case_steps"] += [_step_record(rng, case, n) for n in range(len(case.steps))]
        history["case_system.whistles"] += [_whistle_record(rng, case, n) for n in range(len(case.whistles))]
        for name, at in (("callbacks", "called_at"), ("consultations", "consulted_at")):
            for n, values in enumerate(getattr(case, name)):
                written, committed = _entered(rng, values[at], 240)
                row = {"case_no": case.number, **values, "updated_at": written}
                record = Record(f"{case.number}/{n}", [(committed, row)])
                history[f"case_system.{name}"].append(record)
    return history


def _entered(rng: Random, at: datetime, seconds: int) -> tuple[datetime, datetime]:
    """When a moment was written down and when its transaction committed: mostly soon and at once.

    2 % are entered hours late, 1 % by somebody who clears a backlog before midnight; of these and of 3 % of all, the
    transaction commits minutes after the time the row carries, so for the backlog on the next day.
    """
    draw = rng.random()
    written = at + timedelta(seconds=rng.randint(2, seconds), milliseconds=rng.randrange(1000))
    if draw < 0.02:
        written = at + timedelta(minutes=rng.randint(60, 600))
    elif draw < 0.03:
        written = max(written, at.replace(hour=23, minute=rng.randint(50, 59), second=rng.randrange(60)))
    elif draw > 0.06:
        return written, written
    return written, written + timedelta(minutes=rng.randint(11, 25))


def _case_record(place: District, rng: Random, case: Case) -> Record:
    report = case.report
    reporter = (case.people["reporter_name"], case.people["reporter_phone"])
    created = report.reported_at + timedelta(seconds=rng.randint(2, 240), milliseconds=rng.randrange(1000))
    if report.reported_at < ACCOUNT_UNTIL <= created:
        created = report.reported_at + (ACCOUNT_UNTIL - report.reported_at) / 2
    base: Row = {
        "case_no": case.number,
        "district_code": place.code,
        "compound_code": report.compound.code,
        "station_code": report.compound.station_code,
        "channel": report.channel,
        "phase": report.phase,
        "item_code": report.item.code,
        "title": texts.title(rng, report.item.code, report.compound.name),
        "description": texts.description(rng, report.item.code, reporter if reporter[0] else None),
        **case.people,
        "lead_department": case.department,
        "assisting_departments": case.assisting or None,
        "officer_no": None,
        "on_scene": False,
        "status": "待受理",
        "duplicate_of": None,
        "reported_at": report.reported_at,
        "created_at": created,
        "updated_at": created,
    }
    versions: list[tuple[datetime, Row | None]] = [(created, base)]
    for at, status in case.status_changes()[1:]:
        written = max(at + timedelta(seconds=rng.randint(1, 50)), versions[-1][0] + timedelta(milliseconds=rng.randint(1, 900)))
        row = {**base, "status": status, "updated_at": written}
        if status not in INVALID_STATUSES:
            row["officer_no"], row["on_scene"] = case.officer_no, case.on_scene
        if status == "重复件" and case.duplicate_of:
            row["duplicate_of"] = case.duplicate_of.number
        versions.append((written, row))
    return Record(case.number, versions)


def _step_record(rng: Random, case: Case, n: int) -> Record:
    step = case.steps[n]
    written, committed = _entered(rng, step.at, 120)
    row: Row = {
        "case_no": case.number,
        "round_no": step.round_no,
        "step": step.step,
        "stepped_at": step.at,
        "officer_no": None if step.step in ("上报", "重办", "撤诉") else case.officer_no,
        "reason": step.reason,
        "created_at": written,
    }
    return Record(f"{case.number}/{n:02d}", [(committed, row)])


def _whistle_record(rng: Random, case: Case, n: int) -> Record:
    """A whistle is written when blown and again when answered and when somebody arrives."""
    values = case.whistles[n]
    row: Row = {"case_no": case.number, **values, "answered_at": None, "arrived_at": None, "updated_at": None}
    versions: list[tuple[datetime, Row | None]] = []
    for column in ("blown_at", "answered_at", "arrived_at"):
        if values[column] is None:
            continue
        written = values[column] + timedelta(seconds=rng.randint(1, 20))
        if versions:
            written = max(written, versions[-1][0] + timedelta(milliseconds=rng.randint(1, 900)))
        row = {**row, column: values[column], "updated_at": written}
        versions.append((written, row))
    return Record(f"{case.number}/{n}", versions)
