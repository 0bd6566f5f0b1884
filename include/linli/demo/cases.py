"""The life of every case of a district: reports, the steps of each round, whistles, callbacks, consultations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from linli.demo import texts
from linli.demo.history import ACCOUNT_UNTIL, Row
from linli.demo.people import id_number, person_name, phone, room
from linli.demo.reference import DEPARTMENT_NAME, Compound, District, Item, items
from linli.demo.rhythm import add_workdays, is_workday, office_time

COMPLAINT_CHANNELS = ("居民来电", "队员直诉", "12345热线")
REPORTER_CHANNELS = (*COMPLAINT_CHANNELS, "网格上报", "随手拍")
CLOSED_WITHOUT_ACTION = {"作废": "已作废", "撤诉": "已撤诉", "判重": "重复件"}
INVALID_STATUSES = frozenset(CLOSED_WITHOUT_ACTION.values())
HANDLED_STATUSES = frozenset(("已办结", "已回访"))
SETTLED_STATUSES = HANDLED_STATUSES | INVALID_STATUSES
_STATUS_AFTER = {
    "受理核实": "处置中",
    "挂起": "已挂起",
    "恢复": "处置中",
    "办结反馈": "已办结",
    "重办": "处置中",
    **CLOSED_WITHOUT_ACTION,
}

# Working days until a step, on time up to 2 and 5; a department's slowness moves weight to the tail.
_ACCEPT_DAYS = ((0, 34), (1, 40), (2, 22), (3, 3), (4, 1))
_RESOLVE_DAYS = ((1, 10), (2, 18), (3, 24), (4, 24), (5, 16), (6, 5), (8, 2), (11, 1))
_SLOWNESS = {"城管": 0.6, "公安": 0.4, "住建": 1.9, "消防": 0.5, "市场监管": 0.9, "自规": 2.4}
_QUALITY = {"城管": 0.86, "公安": 0.90, "住建": 0.74, "消防": 0.91, "市场监管": 0.84, "自规": 0.70}
_EXPERTS = ("法官", "检察官", "警官", "律师", "律师", "五老", "调解员")
_ORGANISATION_ROLES = ("社区书记", "小区书记", "小区书记", "网格员")


@dataclass(frozen=True)
class Report:
    """What starts a case. `on_registered` hands the case number back to the system the report came from."""

    compound: Compound
    item: Item
    channel: str
    phase: str
    reported_at: datetime
    on_registered: Callable[[str], None] | None = None


@dataclass
class Step:
    round_no: int
    step: str
    at: datetime
    reason: str | None = None


@dataclass
class Case:
    """One case; `fate` is None for a case that takes its course, else the way it ends or must stand at the account's end."""

    report: Report
    fate: str | None = None
    number: str = ""
    steps: list[Step] = field(default_factory=list)
    callbacks: list[Row] = field(default_factory=list)
    whistles: list[Row] = field(default_factory=list)
    consultations: list[Row] = field(default_factory=list)
    duplicate_of: Case | None = None
    officer_no: str | None = None
    assisting: list[str] = field(default_factory=list)
    on_scene: bool = False
    people: Row = field(default_factory=dict)
    followed_up_at: datetime | None = None

    @property
    def department(self) -> str:
        return DEPARTMENT_NAME[self.report.item.lead]

    def status_changes(self) -> list[tuple[datetime, str]]:
        """Every status with the moment from which it holds."""
        changes = [(self.report.reported_at, "待受理")]
        changes += [(step.at, _STATUS_AFTER[step.step]) for step in self.steps if step.step in _STATUS_AFTER]
        if self.followed_up_at:
            changes.append((self.followed_up_at, "已回访"))
        return sorted(changes, key=lambda change: change[0])

    def status_at(self, now: datetime) -> str:
        return next((status for at, status in reversed(self.status_changes()) if at < now), "待受理")

    def accepted_at(self) -> datetime | None:
        return next((step.at for step in self.steps if step.step == "受理核实"), None)


class CaseWriter:
    """Writes the courses of one district's cases, each from its own random stream."""

    def __init__(self, place: District, seed: int) -> None:
        self.place = place
        self.stream = f"{seed}/{place.index}/case"
        rng = Random(f"{self.stream}/district")
        self.slowness = {name: level * rng.uniform(0.85, 1.15) for name, level in _SLOWNESS.items()}
        self.compound_trouble = {compound.code: rng.choice((0.7, 0.9, 1.0, 1.0, 1.2, 1.6)) for compound in place.compounds}
        self.officer_care = {officer.number: rng.uniform(-0.08, 0.08) for officer in place.officers}
        self.callers = [person_name(rng) for _ in range(5)]

    def rng(self, case: Case, turn: int) -> Random:
        report = case.report
        return Random(f"{self.stream}/{report.reported_at.isoformat()}/{report.compound.code}/{report.channel}/{turn}")

    def run(self, case: Case, handled_by_account_end: bool | None = None) -> None:
        """Give the case its course; with a demand, the course is redrawn until the case is (not) handled at the end of the account."""
        for turn in range(200):
            self._course(case, self.rng(case, turn), hurry=turn > 40)
            if handled_by_account_end is None:
                return
            # The row is written up to a minute after the event: both moments have to agree.
            standing = {case.status_at(moment) for moment in (ACCOUNT_UNTIL - timedelta(minutes=2), ACCOUNT_UNTIL)}
            if standing <= HANDLED_STATUSES if handled_by_account_end else not standing & SETTLED_STATUSES:
                return
        raise AssertionError("a case cannot meet the account's figures")

    def _course(self, case: Case, rng: Random, *, hurry: bool) -> None:
        report = case.report
        case.steps = [Step(1, "上报", report.reported_at)]
        case.callbacks, case.whistles, case.consultations = [], [], []
        case.followed_up_at = None
        self._assign(case, rng)
        if case.fate in CLOSED_WITHOUT_ACTION:
            self._close_without_action(case, rng)
            return
        day0 = report.reported_at
        round_no, reopens = 1, True
        while reopens:
            resolved_at = self._round(case, rng, round_no, day0, hurry=hurry)
            if resolved_at is None:
                return
            reopened_at = self._call_back(case, rng, round_no, day0.date(), resolved_at, may_reopen=round_no < 3)
            if reopened_at is None:
                return
            case.followed_up_at = None
            round_no += 1
            case.steps.append(Step(round_no, "重办", reopened_at, rng.choice(texts.REOPEN_REASONS)))
            day0 = reopened_at

    def _assign(self, case: Case, rng: Random) -> None:
        report, day = case.report, case.report.reported_at.date()
        serving = [officer for officer in self.place.officers_on(day) if officer.department_code == report.item.lead]
        near = [officer for officer in serving if officer.station_code == report.compound.station_code]
        case.officer_no = rng.choice(near or serving).number
        case.assisting = [DEPARTMENT_NAME[code] for code in report.item.assisting if rng.random() < 0.4]
        case.people = {"reporter_name": None, "reporter_phone": None, "reporter_id_no": None, "reporter_address": None}
        if report.channel in REPORTER_CHANNELS and rng.random() < 0.93:
            case.people["reporter_name"] = person_name(rng)
            case.people["reporter_phone"] = phone(rng)
            case.people["reporter_address"] = report.compound.name + room(rng) if rng.random() < 0.8 else None
            case.people["reporter_id_no"] = id_number(rng, rng.randint(1948, 2003)) if rng.random() < 0.15 else None

    def _close_without_action(self, case: Case, rng: Random) -> None:
        reasons = {"作废": texts.INVALID_REASONS, "撤诉": texts.WITHDRAWN_REASONS, "判重": ("同一问题已有案件在办",)}[str(case.fate)]
        reported = case.report.reported_at
        at = reported + timedelta(minutes=rng.randint(20, 300))
        if rng.random() < 0.5:
            accepted = self._accept_at(rng, reported, 1)
            at = max(at, accepted + timedelta(minutes=rng.randint(30, 90)))
            if not reported < ACCOUNT_UNTIL <= at:
                case.steps.append(Step(1, "受理核实", accepted))
        if reported < ACCOUNT_UNTIL <= at:
            # It belongs to the account's months, so it has to have ended in them.
            at = reported + (ACCOUNT_UNTIL - reported) / 2
        case.steps.append(Step(1, str(case.fate), at, rng.choice(reasons)))

    def _accept_at(self, rng: Random, day0: datetime, days: int) -> datetime:
        if days == 0 and day0.hour < 21:
            return day0 + timedelta(minutes=rng.randint(12, 170))
        return office_time(rng, add_workdays(day0.date(), max(days, 1)))

    def _drawn(self, rng: Random, choices: tuple[tuple[int, int], ...], due: int, slow: float) -> int:
        weights = [weight * (slow if days > due else 1.0) for days, weight in choices]
        return rng.choices([days for days, _ in choices], weights)[0]

    def _round(self, case: Case, rng: Random, round_no: int, day0: datetime, *, hurry: bool) -> datetime | None:
        """Accept and resolve one round counted from `day0`; None when it stays open."""
        slow = self.slowness[case.department] * self.compound_trouble[case.report.compound.code]
        accept_days = 0 if hurry else self._drawn(rng, _ACCEPT_DAYS, 2, slow)
        accepted = self._accept_at(rng, day0, accept_days)
        if hurry:
            # Only a report of the account's last hours needs this: settled on the scene within what is left of the day.
            left = ACCOUNT_UNTIL - day0
            accepted = min(accepted, day0 + left / 5)
            case.steps.append(Step(round_no, "受理核实", accepted))
            resolved = min(accepted + timedelta(minutes=rng.randint(40, 400)), accepted + left / 3)
            if case.fate == "open":
                return None
            case.steps.append(Step(round_no, "办结反馈", resolved, texts.resolution(rng, case.report.item.code)))
            return resolved
        case.steps.append(Step(round_no, "受理核实", accepted))
        if rng.random() < 0.045:
            return self._suspended_round(case, rng, round_no, accepted)
        days = self._drawn(rng, _RESOLVE_DAYS, 5, slow)
        resolved = office_time(rng, add_workdays(day0.date(), days))
        if resolved <= accepted:
            resolved = accepted + timedelta(minutes=rng.randint(30, 240))
        case.steps.append(Step(round_no, "办结反馈", resolved, texts.resolution(rng, case.report.item.code)))
        return resolved

    def _suspended_round(self, case: Case, rng: Random, round_no: int, accepted: datetime) -> datetime:
        reason = rng.choice(texts.SUSPENSION_REASONS)
        suspended = max(office_time(rng, add_workdays(accepted.date(), rng.randint(0, 1))), accepted + timedelta(minutes=35))
        case.steps.append(Step(round_no, "挂起", suspended, reason))
        ended = office_time(rng, add_workdays(suspended.date(), rng.randint(3, 14)))
        if "法律" in reason or rng.random() < 0.3:
            self._consult(case, rng, suspended, ended)
        if rng.random() < 0.85:
            case.steps.append(Step(round_no, "恢复", ended))
            resolved = office_time(rng, add_workdays(ended.date(), rng.randint(1, 3)))
        else:
            resolved = ended
        case.steps.append(Step(round_no, "办结反馈", resolved, texts.resolution(rng, case.report.item.code)))
        return resolved

    def _consult(self, case: Case, rng: Random, after: datetime, before: datetime) -> None:
        for _ in range(rng.choice((1, 1, 2, 3))):
            risk = rng.choices(("低", "中", "高"), (4, 4, 2))[0]
            case.consultations.append(
                {
                    "expert_kind": rng.choice(_EXPERTS),
                    "consulted_at": after + (before - after) * rng.uniform(0.2, 0.9),
                    "legal_risk": risk,
                    "opinion": texts.opinion(rng, risk),
                }
            )

    def _call_back(self, case: Case, rng: Random, round_no: int, day0: date, resolved_at: datetime, *, may_reopen: bool) -> datetime | None:
        """Call both sides about one resolution; return when the case is reopened over it, None if it is not."""
        overdue = add_workdays(day0, 7) < resolved_at.date()
        quality = _QUALITY[case.department] + self.officer_care[str(case.officer_no)] - (0.12 if overdue else 0.0)
        quality -= 0.05 * (self.compound_trouble[case.report.compound.code] - 1.0)
        went_well = rng.random() < quality
        reached = {}
        answers = {}
        for side in ("组织", "居民"):
            at = self._side_reached(case, rng, round_no, side, day0, resolved_at)
            if at is None:
                continue
            agrees = rng.random() < (0.93 if side == "组织" else 0.9)
            is_satisfied = went_well if agrees else not went_well
            answers[side] = is_satisfied
            reached[side] = at
            self._answer(case, rng, round_no, side, at, is_satisfied)
        if len(reached) < 2:
            return None
        case.followed_up_at = max(reached.values()) + timedelta(minutes=5)
        if may_reopen and not answers["居民"] and rng.random() < 0.45:
            reopened = office_time(rng, add_workdays(case.followed_up_at.date(), rng.randint(1, 2)))
            return max(reopened, case.followed_up_at + timedelta(minutes=20))
        return None

    def _side_reached(self, case: Case, rng: Random, round_no: int, side: str, day0: date, resolved_at: datetime) -> datetime | None:
        """Log the attempts at one side until it is reached; None if it never is."""
        due = add_workdays(day0, 7)
        day = add_workdays(resolved_at.date(), rng.choice((0, 1, 1, 2)))
        if rng.random() < 0.07:
            day = add_workdays(max(due, resolved_at.date()), rng.randint(1, 5))
        elif resolved_at.date() < due < day:
            day = due
        if not is_workday(day):
            day = add_workdays(day, 1)
        for _ in range(4):
            called_at = max(office_time(rng, day), resolved_at + timedelta(minutes=rng.randint(25, 90)))
            if rng.random() < (0.95 if side == "组织" else 0.78):
                return called_at
            outcome = rng.choices(("无人接听", "拒访", "空号错号"), (7, 2, 1))[0]
            self._log_call(case, rng, round_no, side, called_at, outcome)
            if outcome == "空号错号":
                return None
            day = add_workdays(called_at.date(), rng.choice((0, 1, 1)))
            resolved_at = called_at
        return None

    def _answer(self, case: Case, rng: Random, round_no: int, side: str, at: datetime, is_satisfied: bool) -> None:
        is_solved = is_satisfied or rng.random() < 0.3
        if is_satisfied:
            scores = rng.choices((4, 5), (4, 6), k=2)
        elif is_solved:
            scores = [rng.choice((2, 3, 3)), rng.choice((2, 3, 4))]
        else:
            scores = [rng.choice((1, 2, 2, 3)), rng.choice((1, 2, 3, 4))]
        row = self._log_call(case, rng, round_no, side, at, "接通")
        name, number = case.people["reporter_name"], case.people["reporter_phone"]
        caller = (str(name), str(number)) if name and side == "居民" else None
        row.update(
            solved=is_solved,
            department_score=scores[0],
            officer_score=scores[1],
            comment=texts.comment(rng, side, is_solved, min(scores), caller),
        )

    def _log_call(self, case: Case, rng: Random, round_no: int, side: str, at: datetime, outcome: str) -> Row:
        row: Row = {
            "round_no": round_no,
            "side": side,
            "respondent_role": rng.choice(_ORGANISATION_ROLES) if side == "组织" else "居民",
            "called_at": at,
            "outcome": outcome,
            "solved": None,
            "department_score": None,
            "officer_score": None,
            "comment": None,
            "called_by": rng.choice(self.callers),
        }
        case.callbacks.append(row)
        return row

    def whistle(self, case: Case) -> None:
        """Blow the whistles of an accepted case: rising levels; officers arrive where they enforced on the scene."""
        accepted = case.accepted_at()
        if accepted is None or (case.fate in CLOSED_WITHOUT_ACTION):
            return
        rng = Random(f"{self.stream}/{case.number}/whistle")
        if case.on_scene:
            levels = [rng.choices(("应急", "执法", "攻坚"), (3, 6, 1))[0]]
            if levels[0] == "执法" and rng.random() < 0.3:
                levels.insert(0, "宣传")
        elif rng.random() < 0.3:
            levels = ["宣传"] if rng.random() < 0.75 else ["宣传", "攻坚"]
        else:
            return
        blown = case.report.reported_at
        for n, level in enumerate(levels):
            blown += timedelta(minutes=rng.randint(3, 40)) if n == 0 else timedelta(minutes=rng.randint(300, 1500))
            answered = blown + timedelta(minutes=rng.randint(1, 12) if level == "应急" else rng.randint(4, 90))
            arrived: datetime | None = None
            if level == "应急":
                arrived = max(answered, blown + timedelta(seconds=int(rng.gauss(12.5, 3.4) * 60)))
            elif n == len(levels) - 1 and (case.on_scene or level == "攻坚"):
                arrived = answered + timedelta(minutes=rng.randint(6, 240))
            called = [case.department, *case.assisting] if level in ("应急", "攻坚") else [case.department]
            case.whistles.append(
                {
                    "level": level,
                    "blown_by": rng.choices(("社区", "网格", "小区支部"), (3, 5, 3))[0],
                    "blown_at": blown,
                    "departments_called": called,
                    "answered_at": answered,
                    "arrived_at": arrived,
                }
            )


def draw_item(rng: Random) -> Item:
    """An item as people report them: parking, fire lanes and noise far more often than the rest."""
    frequent = {
        "4-01": 3.0,
        "4-03": 3.0,
        "5-01": 2.6,
        "7-01": 3.2,
        "4-02": 2.4,
        "6-03": 2.2,
        "1-01": 2.0,
        "3-05": 1.8,
        "7-04": 1.6,
    }
    return rng.choices(items(), [frequent.get(item.code, 0.8) for item in items()])[0]
