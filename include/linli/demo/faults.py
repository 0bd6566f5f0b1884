"""Bad submissions: a known share of every record breaks a rule, for good or until its submitter puts it right.

What is wrong for good is a row too many, so the account's figures hold on the good rows; what is put right is one of
the good rows, wrong for some days and right again before its month (or the account) ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from linli.demo.history import History, Record, Row

SHARE = 0.015
Mutation = Callable[[Row], Row]


@dataclass(frozen=True)
class Fault:
    """One bad submission. `key` names the row where its record has no row of its own (lists inside a patrol, file rows)."""

    record_name: str
    problem: str
    record: Record | None
    key: str
    appears_at: datetime
    corrected_at: datetime | None

    def stands_at(self, now: datetime) -> bool:
        return self.appears_at < now and (self.corrected_at is None or now <= self.corrected_at)


def _put(**values: Any) -> Mutation:
    return lambda row: {**row, **values}


def _years_ahead(column: str) -> Mutation:
    """A mistyped year: the moment lies in the future of every load."""
    return lambda row: {**row, column: row[column].replace(year=row[column].year + 9, day=min(row[column].day, 28))}


def _earlier(column: str, than: str, minutes: int) -> Mutation:
    return lambda row: {**row, column: row[than] - timedelta(minutes=minutes)}


def _nowhere(row: Row) -> Row:
    return {**row, "compound_code": f"{row['district_code']}-C99-X01"}


def _unscored(row: Row) -> Row:
    return {**row, "solved": None, "department_score": None, "officer_score": None}


_ROW_FAULTS: dict[str, dict[str, Mutation]] = {
    "case_system.cases": {
        "unknown_compound": _nowhere,
        "unknown_item": _put(item_code="9-99"),
        "unknown_status": _put(status="办理中"),
        "unknown_channel": _put(channel="微信群"),
        "garbled_title": _put(title="锟斤拷锟斤拷小区问题"),
        "reported_in_future": _years_ahead("reported_at"),
        "unknown_department": _put(lead_department="综合执法局"),
        "duplicate_without_original": _put(status="重复件", duplicate_of=None),
    },
    "case_system.whistles": {
        "arrived_before_blown": _earlier("arrived_at", "blown_at", 35),
        "answered_before_blown": _earlier("answered_at", "blown_at", 15),
        "unknown_level": _put(level="红色"),
        "blown_in_future": _years_ahead("blown_at"),
    },
    "case_system.callbacks": {
        "score_out_of_range": _put(outcome="接通", solved=True, department_score=6, officer_score=5),
        "reached_without_scores": lambda row: {**_unscored(row), "outcome": "接通"},
        "unknown_outcome": lambda row: {**_unscored(row), "outcome": "占线"},
        "called_in_future": _years_ahead("called_at"),
        "unknown_side": _put(side="物业"),
    },
    "case_system.consultations": {
        "unknown_expert_kind": _put(expert_kind="网红"),
        "unknown_risk": _put(legal_risk="极高"),
        "consulted_in_future": _years_ahead("consulted_at"),
    },
    "patrol_app.patrols": {
        "ends_before_start": _earlier("ended_at", "started_at", 30),
        "unknown_compound": _nowhere,
        "unknown_kind": _put(kind="巡逻"),
        "missing_start": _put(started_at=None),
    },
    "patrol_app.snaps": {
        "unknown_item": _put(item_code="8-01"),
        "unknown_status": _put(status="待定"),
        "taken_in_future": _years_ahead("taken_at"),
        "missing_compound": _put(compound_code=None),
        "unknown_compound": _nowhere,
    },
    "patrol_app.disputes": {
        "defused_before_raised": _earlier("defused_at", "raised_at", 40),
        "unknown_compound": _nowhere,
        "missing_topic": _put(topic=None),
    },
    "points_ledger.residents": {
        "unknown_compound": _nowhere,
        "unknown_kind": _put(kind="租客"),
        "impossible_birth_year": _put(birth_year=1875),
        "brought_by_self": lambda row: {**row, "brought_by": row["resident_no"]},
    },
}
_PATROL_LIST_FAULTS: dict[str, dict[str, Row]] = {
    "participants": {"unknown_role": {"role": "路人"}, "officer_without_number": {"role": "队员", "department": "城管"}},
    "checklists": {"unknown_checklist": {"kind": "其他事项", "completed": True, "items_checked": 3, "problems": 0}},
    "findings": {
        "unknown_checklist": {"checklist": "电梯安全"},
        "transferred_without_case": {"disposition": "转办立案", "fixed_at": None},
        "unknown_item": {"item_code": "9-99"},
        "fixed_before_found": {},
    },
}
_KEY_COLUMNS = {
    "case_system.cases": "case_no",
    "patrol_app.patrols": "patrol_id",
    "patrol_app.snaps": "snap_id",
    "patrol_app.disputes": "dispute_id",
    "points_ledger.residents": "resident_no",
}
_WRITTEN_COLUMNS = {"points_ledger.ledger_entries": "created_at", "case_system.case_steps": "created_at"}


def spoil(history: History, seed: int, district_code: str) -> list[Fault]:
    """Put the bad rows of one district into its history; return what is wrong."""
    faults: list[Fault] = []
    for name, mutations in _ROW_FAULTS.items():
        rng = Random(f"{seed}/{district_code}/faults/{name}")
        faults += _spoil_rows(history, name, mutations, rng)
    faults += _spoil_steps(history, Random(f"{seed}/{district_code}/faults/steps"))
    faults += _early_callbacks(history, Random(f"{seed}/{district_code}/faults/early"))
    faults += _spoil_ledger(history["points_ledger.ledger_entries"], Random(f"{seed}/{district_code}/faults/ledger"))
    faults += _spoil_patrol_lists(history["patrol_app.patrols"], Random(f"{seed}/{district_code}/faults/lists"))
    return faults


def _count(records: list[Any], kinds: int) -> int:
    return max(kinds, round(len(records) * SHARE))


def _fix_time(rng: Random, appeared: datetime) -> datetime | None:
    """Some days later in the same month, None where the month has no days left for it."""
    fixed = (appeared + timedelta(days=rng.randint(1, 6))).replace(hour=rng.randint(9, 16), minute=rng.randrange(60))
    return fixed if (fixed.year, fixed.month) == (appeared.year, appeared.month) and fixed > appeared else None


def _spoil_rows(history: History, name: str, mutations: dict[str, Mutation], rng: Random) -> list[Fault]:
    good = [record for record in history[name] if not record.deleted]
    chosen = rng.sample(good, _count(good, len(mutations)))
    faults = []
    for n, record in enumerate(chosen):
        problem = list(mutations)[n % len(mutations)]
        appeared = record.versions[0][0]
        fixed = _fix_time(rng, appeared) if rng.random() < 0.4 else None
        if fixed and _correctable(record, mutations[problem], fixed):
            faults.append(Fault(name, problem, record, "", appeared, fixed))
            continue
        extra = _one_too_many(record, name, n, mutations[problem], rng)
        history[name].append(extra)
        faults.append(Fault(name, problem, extra, "", extra.versions[0][0], None))
    return faults


def _correctable(record: Record, mutation: Mutation, fixed: datetime) -> bool:
    """Make the record wrong up to `fixed`; False when one of its moments does not carry the column to be wrong."""
    clean = record.at(fixed)
    if clean is None:
        return False
    wrong: list[tuple[datetime, Row | None]] = [(at, mutation(row)) for at, row in record.versions if row and at < fixed]
    later = [version for version in record.versions if version[0] > fixed]
    record.versions[:] = [*wrong, (fixed, {**clean, "updated_at": fixed}), *later]
    return True


def _one_too_many(record: Record, name: str, n: int, mutation: Mutation, rng: Random) -> Record:
    """A wrong row beside the good one it resembles, written some minutes later, with people and figures left out."""
    moment, first = record.versions[0]
    row = dict(first or {})
    delay = timedelta(minutes=rng.randint(1, 20))
    key_column = _KEY_COLUMNS.get(name)
    key = f"{record.key}/bad{n}"
    if key_column:
        stem = record.key.rstrip("0123456789")
        key = f"{stem}{9 * 10 ** (len(record.key) - len(stem) - 1) + n + 1}"
        row[key_column] = key
    row["updated_at"] += delay
    if "is_lead" in row:
        row["is_lead"] = False
    if name == "patrol_app.patrols":
        row |= {"findings": [], "participants": [p for p in row["participants"] if p["role"] != "志愿者"] or [{"role": "网格员"}]}
    return Record(key, [(moment + delay, mutation(row))])


def _spoil_steps(history: History, rng: Random) -> list[Fault]:
    """Wrong steps beside the good ones of a case; half are removed by the administrators some days later."""
    reported = {record.key: next(record.rows())["reported_at"] for record in history["case_system.cases"]}
    steps = history["case_system.case_steps"]
    accepted = [record for record in steps if next(record.rows())["step"] == "受理核实" and next(record.rows())["round_no"] == 1]
    suspended = {next(record.rows())["case_no"] for record in steps if next(record.rows())["step"] == "挂起"}
    accepted = [record for record in accepted if next(record.rows())["case_no"] not in suspended]
    problems = ("in_future", "before_report", "unknown_step", "resumed_without_suspension", "resolved_before_acceptance")
    faults = []
    for n, record in enumerate(rng.sample(accepted, _count(steps, len(problems)))):
        row = dict(next(record.rows()))
        problem = problems[n % len(problems)]
        at, opened = row["stepped_at"], reported[row["case_no"]]
        changes: dict[str, Row] = {
            "in_future": {"step": "办结反馈", "stepped_at": at.replace(year=at.year + 9, day=min(at.day, 28))},
            "before_report": {"stepped_at": opened - timedelta(days=2)},
            "unknown_step": {"step": "转派"},
            "resumed_without_suspension": {"step": "恢复", "stepped_at": at + timedelta(minutes=3)},
            "resolved_before_acceptance": {"step": "办结反馈", "stepped_at": opened + (at - opened) / 2},
        }
        written = record.versions[0][0] + timedelta(minutes=rng.randint(1, 12))
        extra = Record(f"{record.key}/bad{n}", [(written, {**row, **changes[problem], "created_at": written})])
        removed = _fix_time(rng, written) if rng.random() < 0.5 else None
        if removed:
            extra.delete_at(removed)
        steps.append(extra)
        faults.append(Fault("case_system.case_steps", f"step_{problem}", extra, "", written, removed))
    return faults


def _early_callbacks(history: History, rng: Random) -> list[Fault]:
    """Callbacks that judge a resolution not given yet: said to have been made right after the report."""
    reported = {record.key: next(record.rows())["reported_at"] for record in history["case_system.cases"]}
    good = [record for record in history["case_system.callbacks"] if next(record.rows())["round_no"] == 1 and "bad" not in record.key]
    faults = []
    for n, record in enumerate(rng.sample(good, _count(good, 1) // 5)):
        row = next(record.rows())
        written = record.versions[0][0] + timedelta(minutes=rng.randint(1, 9))
        called = reported[row["case_no"]] + timedelta(minutes=1)
        extra = Record(f"{record.key}/early{n}", [(written, {**row, "called_at": called, "updated_at": written})])
        history["case_system.callbacks"].append(extra)
        faults.append(Fault("case_system.callbacks", "called_before_resolution", extra, "", written, None))
    return faults


def _spoil_ledger(entries: list[Record], rng: Random) -> list[Fault]:
    rows = {id(record): next(record.rows()) for record in entries}
    reversed_entries = [rows[id(record)]["_reverses"] for record in entries if rows[id(record)]["kind"] == "冲正"]
    untouched = {id(record) for record in reversed_entries}
    earned = [record for record in entries if rows[id(record)]["points"] > 0 and id(record) not in untouched]
    # Nothing is redeemed after the last entry of a resident, so an overdraft there touches no good row.
    last = {rows[id(record)]["resident_no"]: record for record in sorted(entries, key=lambda r: rows[id(r)]["entered_at"])}
    faults: list[Fault] = []

    def add(record: Record, problem: str, changes: Row, hours: int) -> None:
        row = {**rows[id(record)], **changes}
        row["entered_at"] += timedelta(hours=hours, minutes=rng.randint(1, 50))
        row["created_at"] = row["entered_at"] + timedelta(minutes=rng.randint(100, 150))
        extra = Record(f"{record.key}/{problem}/{len(faults)}", [(row["created_at"], row)])
        entries.append(extra)
        faults.append(Fault("points_ledger.ledger_entries", problem, extra, "", row["created_at"], None))

    nothing = {"reference_kind": None, "reference_no": None}
    each = _count(entries, 6) // 6
    picked = iter(rng.sample(earned, each * 4))
    ends = iter(rng.sample(sorted(last.values(), key=lambda record: record.key), each))
    for _ in range(each):
        record = next(picked)
        add(record, "act_paid_twice", {}, 3)
        record = next(picked)
        add(record, "unknown_kind", {"kind": "转赠", "reference_kind": None, "reference_no": None}, 3)
        add(next(picked), "redemption_positive", {"kind": "兑换实物", "points": 20, **nothing}, 3)
        record = next(picked)
        half = -rows[id(record)]["points"] - 1
        add(record, "reversal_not_exact", {"kind": "冲正", "points": half, "_reverses": record, **nothing}, 4)
        add(next(ends), "redemption_below_zero", {"kind": "兑换实物", "points": -5000, "_reverses": None, **nothing}, 60)
    for target in rng.sample(reversed_entries, min(each, len(reversed_entries))):
        changes = {"kind": "冲正", "points": -rows[id(target)]["points"], "_reverses": target, **nothing}
        add(target, "reversed_twice", changes, 70)
    return faults


def _spoil_patrol_lists(patrols: list[Record], rng: Random) -> list[Fault]:
    """Wrong elements in the lists of patrols that are good themselves; 40 % are taken out some days later."""
    good = [record for record in patrols if len(record.versions) == 1 and next(record.rows())["patrol_id"] == record.key]
    good = [record for record in good if int(record.key[-6:]) < 900_000]
    chosen = iter(rng.sample(good, len(good) // 8))
    faults: list[Fault] = []
    for name, problems in _PATROL_LIST_FAULTS.items():
        for n in range(max(len(problems), round(len(patrols) * SHARE / 2))):
            record = next(chosen)
            problem, element = list(problems.items())[n % len(problems)]
            written, clean = record.versions[0]
            if clean is None or not clean["started_at"] or clean["ended_at"] < clean["started_at"]:
                continue
            key = f"{record.key}#{len(clean[name]) + 1}"
            if name == "findings":
                key = f"F-{8_000_000 + int(record.key.split('-')[1]) * 1_000 + len(faults)}"
                element = _finding(clean, key, element, problem)
            elif name == "checklists":
                key = f"{record.key}#{element['kind']}"
            fixed = _fix_time(rng, written) if rng.random() < 0.4 else None
            record.versions[0] = (written, {**clean, name: [*clean[name], element]})
            if fixed:
                record.versions.append((fixed, {**clean, "updated_at": fixed}))
            faults.append(Fault(f"patrol_app.patrol_{name}", problem, record, key, written, fixed))
    return faults


def _finding(patrol: Row, key: str, changes: Row, problem: str) -> Row:
    found = patrol["started_at"] + timedelta(minutes=12)
    fixed = found - timedelta(minutes=9) if problem == "fixed_before_found" else found + timedelta(minutes=8)
    finding: Row = {
        "finding_id": key,
        "checklist": "安全隐患",
        "item_code": "4-02",
        "severity": "一般",
        "disposition": "当场解决",
        "case_no": None,
        "found_at": found,
        "fixed_at": fixed,
    }
    return {**finding, **changes}
