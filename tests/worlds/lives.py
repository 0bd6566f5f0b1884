"""What can happen to a case, step by step, at the moments that hurt; only valid submissions."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from .oracle import Suspension, due_on
from .reference import SHANGHAI, Reference, local_day

Row = dict[str, Any]
Versions = list[tuple[dt.datetime, Row | None]]
"""(cursor, columns written then) in order of time; None instead of columns for a row deleted"""

FIRST_DAY, LAST_DAY = dt.date(2025, 11, 1), dt.date(2027, 1, 20)
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
WHISTLES = ("宣传", "应急", "执法", "攻坚")
AROUND_THE_FIFTEENTH_MINUTE = tuple(
    dt.timedelta(microseconds=late) for late in (0, 0, 1, -1, 60_000_000, -60_000_000, -300_123_456, 1_500_654_321)
)
UNREACHED = ("无人接听", "拒访", "空号错号")
ENDINGS = {"作废": "已作废", "撤诉": "已撤诉", "判重": "重复件"}
STATUS_AFTER = {"受理核实": "处置中", "办结反馈": "已办结", "挂起": "已挂起", "恢复": "处置中", "重办": "处置中"}
DEPARTMENTS = ("城管", "公安", "住建", "消防", "市场监管", "自规")
CALENDAR_OVERRIDES = {
    dt.date(2026, 7, 18): True,  # a Saturday on duty against floods …
    dt.date(2026, 7, 20): False,  # … and the Monday given back for it
    dt.date(2027, 1, 4): False,  # two days of a year whose calendar is not published
    dt.date(2027, 1, 9): True,
}
CALENDAR = Reference({}, {}, {}, {}, {}, CALENDAR_OVERRIDES)


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


class Life:
    """One case from its report on, written down step by step; time only goes forward."""

    def __init__(self, rng: random.Random, case: Row, ids: dict[str, int], before: Life | None) -> None:
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
        day = due_on(self.day_0, n, self.suspensions, CALENDAR)
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
        due = due_on(self.day_0, self.rng.choice((5, 6, 7, 7, 7, 8, 10)), self.suspensions, CALENDAR)
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


def whistles(rng: random.Random, case: Row, before: Life | None, ids: dict[str, int]) -> list[tuple[Row, Versions]]:
    """The whistles of a case, rising in level, each answered and arrived at later or never."""
    levels = sorted(rng.choice(range(4)) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))))
    at, found = case["reported_at"], []
    for level in levels:
        at = at + dt.timedelta(minutes=rng.choice((0, 5, 60, 3000, 20_000)))
        if rng.random() < 0.1:
            midnight = dt.datetime.combine(at.astimezone(SHANGHAI).date() + dt.timedelta(days=1), dt.time(), tzinfo=SHANGHAI)
            at = max(at, midnight - dt.timedelta(minutes=rng.choice((1, 15))))
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
            answered = at + dt.timedelta(seconds=rng.choice((0, 10, 100, 120, 540)))
            arrived = at + dt.timedelta(minutes=15) + rng.choice(AROUND_THE_FIFTEENTH_MINUTE)
            came = rng.choice(({"arrived_at": arrived},) + ({"arrived_at": arrived, "answered_at": answered},) * 4)
            versions.append((max(written, arrived), came))
        elif rng.random() < 0.3:
            versions.append((written + dt.timedelta(minutes=9), {"answered_at": at + dt.timedelta(minutes=9)}))
        again = versions[-1][0] + dt.timedelta(hours=rng.uniform(1, 900))
        if rng.random() < 0.05 and before is not None and before.case["created_at"] <= again:
            versions.append((again, {"case_no": before.case_no}))
        found.append((first, versions))
    return found
