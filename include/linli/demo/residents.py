"""The residents of a district and the good-neighbour points they earn and redeem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from linli.demo.history import ACCOUNT_UNTIL, LAST_DAY, Record, Row
from linli.demo.people import person_name, phone
from linli.demo.reference import District
from linli.demo.rhythm import at

LEADS = 114
LEADS_AT_START = 52
_BROUGHT_BY_LEAD = (3, 4, 5, 6, 7)
_POINTS = {"调解": (8, 10, 15), "议事": (5,), "隐患上报": (5, 8), "随手拍": (2, 2, 3)}
_REDEMPTIONS = {"兑换实物": (-10, -20, -30), "兑换代办": (-5, -15), "兑换活动": (-8, -12)}


@dataclass(frozen=True)
class Resident:
    number: str
    compound_code: str
    household_no: str
    name: str
    phone: str
    birth_year: int
    kind: str
    is_lead: bool
    brought_by: str | None
    joined_on: date


@dataclass(frozen=True)
class Act:
    """Something a resident did that earns points once; `written_at` is when the community entered it."""

    kind: str
    reference_kind: str
    reference_no: str
    resident_no: str
    at: datetime


def build_residents(place: District, seed: int) -> list[Resident]:
    """All residents of the district by the end of history: the leads, and the households they brought."""
    rng = Random(f"{seed}/{place.index}/residents")
    residents: list[Resident] = []
    account_days = (ACCOUNT_UNTIL.date() - date(2025, 1, 1)).days - 16
    for n in range(LEADS + 6):
        is_elder = rng.random() < 0.68
        if n < LEADS_AT_START:
            joined = date(2024, rng.randint(9, 12), rng.randint(1, 28))
        elif n < LEADS:
            joined = date(2025, 1, 1) + timedelta(days=rng.randrange(account_days))
        else:
            joined = ACCOUNT_UNTIL.date() + timedelta(days=rng.randrange(4, 55))
        compound = place.compounds[n % len(place.compounds)]
        kind = "退休党员" if is_elder else "学生"
        birth_year = rng.randint(1946, 1965) if is_elder else rng.randint(2007, 2014)
        lead = _resident(place, rng, len(residents) + 1, compound.code, kind, birth_year, joined, None)
        residents.append(lead)
        for _ in range(rng.choice(_BROUGHT_BY_LEAD)):
            later = min(joined + timedelta(days=rng.randint(2, 240)), LAST_DAY)
            kind, birth_year = ("学生", rng.randint(2007, 2015)) if rng.random() < 0.2 else ("其他", rng.randint(1950, 2004))
            residents.append(_resident(place, rng, len(residents) + 1, compound.code, kind, birth_year, later, lead.number))
    return residents


def _resident(
    place: District,
    rng: Random,
    n: int,
    compound: str,
    kind: str,
    birth_year: int,
    joined: date,
    brought_by: str | None,
) -> Resident:
    household = f"H-{compound}-{rng.randint(1, 28):02d}{rng.randint(1, 4)}{rng.randint(1, 18):02d}{rng.randint(1, 4):02d}"
    number = f"R-{place.code}-{n:05d}"
    lead = brought_by is None
    return Resident(number, compound, household, person_name(rng), phone(rng), birth_year, kind, lead, brought_by, joined)


def resident_records(place: District, seed: int, residents: list[Resident]) -> list[Record]:
    """The residents as rows; some change their phone later."""
    rng = Random(f"{seed}/{place.index}/resident-rows")
    records = []
    for resident in residents:
        written = at(resident.joined_on, rng.randint(9, 17), rng.randrange(60), rng.randrange(60))
        written += timedelta(milliseconds=rng.randrange(1000))
        row: Row = {
            "resident_no": resident.number,
            "district_code": place.code,
            "compound_code": resident.compound_code,
            "household_no": resident.household_no,
            "name": resident.name,
            "phone": resident.phone,
            "birth_year": resident.birth_year,
            "kind": resident.kind,
            "is_lead": resident.is_lead,
            "brought_by": resident.brought_by,
            "joined_on": resident.joined_on,
            "updated_at": written,
        }
        versions: list[tuple[datetime, Row | None]] = [(written, row)]
        if rng.random() < 0.08:
            changed = written + timedelta(days=rng.randint(20, 400), seconds=rng.randrange(20_000))
            versions.append((changed, {**row, "phone": phone(rng), "updated_at": changed}))
        records.append(Record(resident.number, versions))
    return records


def ledger_records(place: District, seed: int, acts: Iterable[Act]) -> list[Record]:
    """Entries for every act, redemptions that never overdraw, and a few exact reversals of earnings."""
    rng = Random(f"{seed}/{place.index}/ledger")
    by_resident: dict[str, list[Act]] = {}
    for act in acts:
        by_resident.setdefault(act.resident_no, []).append(act)
    records: list[Record] = []
    for resident_no in sorted(by_resident):
        balance = 0
        for act in sorted(by_resident[resident_no], key=lambda act: (act.at, act.reference_no)):
            entered = act.at
            points = rng.choice(_POINTS[act.kind])
            earned = _entry(rng, resident_no, act.kind, points, entered, act.reference_kind, act.reference_no)
            records.append(earned)
            balance += points
            if rng.random() < 0.006:
                reversed_at = entered + timedelta(hours=rng.randint(24, 40))
                row = _entry(rng, resident_no, "冲正", -points, reversed_at, None, None)
                next(row.rows())["_reverses"] = earned
                records.append(row)
                balance -= points
            elif balance >= 14 and rng.random() < 0.22:
                kind = rng.choice(tuple(_REDEMPTIONS))
                spent = rng.choice([points for points in _REDEMPTIONS[kind] if balance + points >= 0])
                records.append(_entry(rng, resident_no, kind, spent, entered + timedelta(hours=rng.randint(42, 47)), None, None))
                balance += spent
    return records


def _entry(
    rng: Random,
    resident_no: str,
    kind: str,
    points: int,
    entered: datetime,
    reference_kind: str | None,
    reference_no: str | None,
) -> Record:
    created = entered + timedelta(minutes=rng.randint(1, 90), milliseconds=rng.randrange(1000))
    row: Row = {
        "resident_no": resident_no,
        "kind": kind,
        "points": points,
        "reference_kind": reference_kind,
        "reference_no": reference_no,
        "reverses_entry_id": None,
        "entered_at": entered,
        "created_at": created,
    }
    return Record(f"{resident_no}/{entered.isoformat()}/{kind}", [(created, row)])
