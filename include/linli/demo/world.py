"""The whole invented world: every row of the four systems as it stands at the end of a day, and the books about it.

The history of a seed and a scale is written once, up to the end of 2026; a day is a cut through it. So the world of one
day is the world of the day before plus what happened in between, and the same seed gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from random import Random

from linli.demo.books import BadSubmission, Books, account, month_counts
from linli.demo.case_system import district_cases, to_records
from linli.demo.faults import Fault, spoil
from linli.demo.history import FIRST_DAY, LAST_DAY, History, Record, Row, midnight_after, number
from linli.demo.meetings import RETURNS_SINCE, Communities, Drop, MonthReturn, drops
from linli.demo.patrol_records import PatrolApp
from linli.demo.reference import District, district
from linli.demo.residents import Act, Resident, build_residents, ledger_records, resident_records
from linli.demo.return_faults import NUMBERS, RECORDS, spoil_returns
from linli.demo.rhythm import months, report_time
from linli.failures import Refusal

_SERIALS = {
    "case_system.case_steps": ("step_id", "created_at"),
    "case_system.whistles": ("whistle_id", "updated_at"),
    "case_system.callbacks": ("callback_id", "updated_at"),
    "case_system.consultations": ("consultation_id", "updated_at"),
    "points_ledger.ledger_entries": ("entry_id", "created_at"),
}
_SERIALS_A_DISTRICT = 1_000_000
CHILDREN_OF_CASE = ("case_system.case_steps", "case_system.whistles", "case_system.callbacks", "case_system.consultations")
PATROL_LISTS = {"participants": "patrol_participants", "checklists": "patrol_checklists", "findings": "patrol_findings"}


@dataclass(frozen=True)
class World:
    """The four systems at the end of `until`.

    `tables`: rows by record name and key (patrols with their lists inside, deleted items of the app marked);
    `drops`: the uploads in the inbox so far, oldest first.
    """

    seed: int
    scale: int
    until: date
    tables: dict[str, dict[str, Row]]
    drops: list[Drop]
    books: Books


@dataclass(frozen=True)
class _Past:
    """The full history of one district."""

    place: District
    history: History
    returns: list[MonthReturn]
    drops: list[Drop]
    faults: list[Fault]


class NoSuchWorld(Refusal):
    """A day or a scale that the invented history does not reach."""


def check_reach(scale: int, until: date) -> None:
    """Raises NoSuchWorld when there is no world of `scale` districts at the end of `until`."""
    if not FIRST_DAY <= until <= LAST_DAY:
        raise NoSuchWorld(f"示范区的历史只能在 {FIRST_DAY} 到 {LAST_DAY} 之间")
    if scale < 1:
        raise NoSuchWorld("示范区至少要有一个区")


def world(seed: int, scale: int, until: date) -> World:
    """The world of `scale` districts at the end of `until` (2025-01-01 to 2026-12-31, else NoSuchWorld)."""
    check_reach(scale, until)
    now = midnight_after(until)
    pasts = [_past(seed, index) for index in range(scale)]
    dropped = sorted((drop for past in pasts for drop in past.drops if drop.dropped_at < now), key=lambda d: (d.dropped_at, d.name))
    return World(seed, scale, until, _tables(pasts, now), dropped, _books(seed, scale, until, pasts, dropped))


@lru_cache(maxsize=32)
def _past(seed: int, index: int) -> _Past:
    place = district(index)
    residents = build_residents(place, seed)
    app = PatrolApp(place, seed, residents)
    communities = Communities(place, seed)
    cases = district_cases(place, seed, [*app.reports, *communities.reports])
    history = to_records(place, seed, cases)
    history["patrol_app.patrols"] = app.patrols
    history["patrol_app.snaps"] = app.snaps
    history["patrol_app.disputes"] = app.disputes
    history["points_ledger.residents"] = resident_records(place, seed, residents)
    history["points_ledger.ledger_entries"] = ledger_records(place, seed, _acts(seed, place, residents, history, communities))
    rng = Random(f"{seed}/{index}/administrators")
    _delete_rows(history, rng)
    faults = spoil(history, seed, place.code)
    _enter_by_mistake(place, history, rng)
    returns = [each for each in communities.returns.values() if (each.year, each.month) >= RETURNS_SINCE]
    faults += spoil_returns(returns, seed, place.code)
    for name, (column, written) in _SERIALS.items():
        number(history[name], column, written, index * _SERIALS_A_DISTRICT)
    _resolve_reversals(history["points_ledger.ledger_entries"])
    uploads = [drop for month_return in returns for drop in drops(month_return, seed)]
    return _Past(place, history, returns, uploads, faults)


def _acts(seed: int, place: District, residents: list[Resident], history: History, communities: Communities) -> Iterable[Act]:
    """What residents did that earns points: adopted snaps, council meetings, hazards they pointed out, quarrels they mediated."""
    rng = Random(f"{seed}/{place.index}/acts")
    by_compound: dict[str, list[Resident]] = {}
    for resident in residents:
        by_compound.setdefault(resident.compound_code, []).append(resident)

    def act(kind: str, reference_kind: str, reference_no: str, compound_code: str, at: datetime) -> Iterable[Act]:
        known = [resident for resident in by_compound[compound_code] if resident.joined_on < at.date()]
        if known:
            yield Act(kind, reference_kind, reference_no, rng.choice(known).number, at)

    for record in history["patrol_app.snaps"]:
        row = next(record.rows())
        if row["status"] == "采纳":
            yield Act("随手拍", "snap", record.key, row["resident_no"], row["updated_at"])
    for record in history["patrol_app.patrols"]:
        row = next(record.rows())
        for finding in row["findings"]:
            if rng.random() < 0.3:
                yield from act("隐患上报", "finding", finding["finding_id"], row["compound_code"], finding["found_at"])
    for record in history["case_system.cases"]:
        row = next(record.rows())
        if row["item_code"].startswith(("5-", "7-")) and rng.random() < 0.35:
            yield from act("调解", "case", record.key, row["compound_code"], row["reported_at"] + timedelta(hours=30))
    for month_return in communities.returns.values():
        for row in month_return.meetings:
            if rng.random() < 0.5:
                at = midnight_after(row["met_on"]) - timedelta(hours=3, minutes=rng.randrange(60))
                yield from act("议事", "meeting", row["meeting_no"], row["compound_code"], at)


def _delete_rows(history: History, rng: Random) -> None:
    """Administrators hard-delete some rows: two callbacks nobody answered and one whistle a month."""
    for name, column, value, each in (
        ("case_system.callbacks", "outcome", "无人接听", 2),
        ("case_system.whistles", "level", "宣传", 1),
    ):
        suitable = [record for record in history[name] if next(record.rows())[column] == value]
        for record in rng.sample(suitable, min(each * len(months()), len(suitable))):
            record.delete_at(record.versions[-1][0] + timedelta(days=rng.randint(1, 20), minutes=rng.randrange(600)))


def _enter_by_mistake(place: District, history: History, rng: Random) -> None:
    """Every month somebody tries out the systems: a test case, a patrol and a snap report, gone again some days later."""
    templates = {name: next(history[name][5].rows()) for name in ("case_system.cases", "patrol_app.patrols", "patrol_app.snaps")}
    for n, (year, month) in enumerate(months(), 1):
        entered = report_time(rng, year, month).replace(day=rng.randint(2, 18))
        gone = entered + timedelta(days=rng.randint(1, 6), minutes=rng.randrange(300))
        number_of_case = f"{place.code}-{year}-{800_000 + n}"
        case: Row = {
            **templates["case_system.cases"],
            "case_no": number_of_case,
            "channel": "网格上报",
            "phase": "未诉先办",
            "title": "系统测试，请忽略",
            "description": "测试",
            **dict.fromkeys(("reporter_name", "reporter_phone", "reporter_id_no", "reporter_address")),
            "reported_at": entered,
            "created_at": entered,
            "updated_at": entered,
        }
        step: Row = {
            "case_no": number_of_case,
            "round_no": 1,
            "step": "上报",
            "stepped_at": entered,
            "officer_no": None,
            "reason": None,
            "created_at": entered,
        }
        for name, key, row in (("cases", number_of_case, case), ("case_steps", f"{number_of_case}/00", step)):
            record = Record(key, [(entered, row)])
            record.delete_at(gone)
            history[f"case_system.{name}"].append(record)
        patrol = {
            **templates["patrol_app.patrols"],
            "patrol_id": f"P-{place.code}-{800_000 + n}",
            "started_at": entered - timedelta(minutes=50),
            "ended_at": entered - timedelta(minutes=5),
            "participants": [{"role": "网格员"}],
            "findings": [],
            "updated_at": entered,
        }
        snap = {**templates["patrol_app.snaps"], "snap_id": f"S-{place.code}-{800_000 + n}", "taken_at": entered, "updated_at": entered}
        snap |= {"status": "不采纳", "case_no": None}
        for name, key, row in (("patrols", patrol["patrol_id"], patrol), ("snaps", snap["snap_id"], snap)):
            versions: list[tuple[datetime, Row | None]] = [(entered, row), (gone, {**row, "deleted": True, "updated_at": gone})]
            history[f"patrol_app.{name}"].append(Record(key, versions, deleted=True))


def _resolve_reversals(entries: list[Record]) -> None:
    for record in entries:
        for row in record.rows():
            reversed_entry = row.get("_reverses")
            if reversed_entry is not None:
                row["reverses_entry_id"] = int(reversed_entry.key)
    for record in entries:
        for row in record.rows():
            row.pop("_reverses", None)


def accepted(seed: int, scale: int, until: date) -> dict[str, list[Row]]:
    """The good rows by record name at the end of `until`: not bad, not deleted, not waiting for a parent.

    Rows of files are those of the newest complete upload of each community and month.
    """
    judged = _judge([_past(seed, index) for index in range(scale)], until)
    return {name: list(rows.values()) for name, rows in judged.good.items()}


@dataclass(frozen=True)
class _Judged:
    good: dict[str, dict[str, Row]]
    held: dict[str, list[str]]
    wrong: dict[str, set[str]]


def _judge(pasts: list[_Past], until: date) -> _Judged:
    now = midnight_after(until)
    wrong: dict[str, set[str]] = {}
    for past in pasts:
        for fault in past.faults:
            if fault.stands_at(now):
                wrong.setdefault(fault.record_name, set()).add(_key(fault))
    tables = _tables(pasts, now)
    good = {
        name: {key: row for key, row in rows.items() if key not in wrong.get(name, ()) and not row.get("deleted")}
        for name, rows in tables.items()
    }
    held = _hold(good, tables, wrong)
    for sheet, name in RECORDS.items():
        rows = _file_rows(pasts, now, sheet)
        good[name] = {str(row[NUMBERS[sheet]]): row for row in rows if row[NUMBERS[sheet]] not in wrong.get(name, ())}
    return _Judged(good, held, wrong)


def _tables(pasts: list[_Past], now: datetime) -> dict[str, dict[str, Row]]:
    tables: dict[str, dict[str, Row]] = {}
    for past in pasts:
        for name, records in past.history.items():
            shown = tables.setdefault(name, {})
            for record in records:
                row = record.at(now)
                if row is not None:
                    shown[record.key] = row
    return tables


def _books(seed: int, scale: int, until: date, pasts: list[_Past], dropped: list[Drop]) -> Books:
    now = midnight_after(until)
    judged = _judge(pasts, until)
    counts = {name: month_counts(name, rows.values()) for name, rows in judged.good.items()}
    for column, name in PATROL_LISTS.items():
        bad = judged.wrong.get(f"patrol_app.{name}", set())
        counts[f"patrol_app.{name}"] = _list_counts(judged.good["patrol_app.patrols"], column, bad)
    by_district = {
        past.place.code: account({name: _of(past.place.code, rows) for name, rows in judged.good.items()}, until) for past in pasts
    }
    return Books(
        seed=seed,
        scale=scale,
        until=until.isoformat(),
        account=account({name: list(rows.values()) for name, rows in judged.good.items()}, until),
        account_by_district=by_district,
        counts=counts,
        bad=[_entry(fault, now) for past in pasts for fault in past.faults if fault.appears_at < now],
        bad_files=_broken_uploads(dropped, now),
        held=judged.held,
        deleted=_deleted(pasts, now),
        file_count=sum(3 if drop.format.startswith("csv") else 1 for drop in dropped),
    )


def _key(fault: Fault) -> str:
    return fault.key or (fault.record.key if fault.record else "")


def _entry(fault: Fault, now: datetime) -> BadSubmission:
    corrected = fault.corrected_at.isoformat() if fault.corrected_at and fault.corrected_at < now else None
    return BadSubmission(fault.record_name, _key(fault), fault.problem, fault.appears_at.isoformat(), corrected)


def _of(district_code: str, rows: dict[str, Row]) -> list[Row]:
    """Rows of one district: by their own code, else by the compound's; child rows are not asked for."""
    return [row for row in rows.values() if str(row.get("district_code") or row.get("compound_code")).startswith(district_code)]


def _hold(good: dict[str, dict[str, Row]], tables: dict[str, dict[str, Row]], wrong: dict[str, set[str]]) -> dict[str, list[str]]:
    """Take out of `good` what waits for a parent: children of cases and residents that are not accepted, and of open rounds."""
    held: dict[str, list[str]] = {}

    def hold(name: str, waits: Iterable[str]) -> None:
        keys = sorted(waits)
        for key in keys:
            del good[name][key]
        if keys:
            held[name] = keys

    cases = good["case_system.cases"]
    steps = good["case_system.case_steps"]
    opened = {(row["case_no"], row["round_no"]) for row in steps.values() if row["step"] in ("上报", "重办")}
    waiting = [key for key, row in steps.items() if row["case_no"] not in cases or (row["case_no"], row["round_no"]) not in opened]
    hold("case_system.case_steps", waiting)
    resolved = {(row["case_no"], row["round_no"]) for row in steps.values() if row["step"] == "办结反馈"}
    for name in CHILDREN_OF_CASE[1:]:
        waiting = [key for key, row in good[name].items() if row["case_no"] not in cases]
        if name == "case_system.callbacks":
            waiting += [
                key for key, row in good[name].items() if row["case_no"] in cases and (row["case_no"], row["round_no"]) not in resolved
            ]
        hold(name, waiting)
    residents = good["points_ledger.residents"]
    entries = good["points_ledger.ledger_entries"]
    hold("points_ledger.ledger_entries", [key for key, row in entries.items() if row["resident_no"] not in residents])
    stopped = wrong.get("patrol_app.patrols", set())
    for column, name in PATROL_LISTS.items():
        waiting = [key for key in stopped if tables["patrol_app.patrols"].get(key, {}).get(column)]
        if waiting:
            held[f"patrol_app.{name}"] = sorted(waiting)
    return held


def _list_counts(patrols: dict[str, Row], column: str, bad: set[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    stems = [key.split("#")[0] for key in bad if "#" in key]
    for key, row in patrols.items():
        elements = len(row[column]) - stems.count(key)
        if column == "findings":
            elements = sum(finding["finding_id"] not in bad for finding in row[column])
        if elements:
            month = f"{row['started_at']:%Y-%m}"
            counts[month] = counts.get(month, 0) + elements
    return dict(sorted(counts.items()))


def _file_rows(pasts: list[_Past], now: datetime, sheet: str) -> list[Row]:
    """Rows of the newest complete upload of every community and month."""
    newest: dict[int, Drop] = {}
    for past in pasts:
        for drop in past.drops:
            if drop.cut == 1.0 and drop.dropped_at < now:
                newest[id(drop.source)] = drop
    return [row for drop in newest.values() for row in drop.source.rows_at(sheet, drop.content_at)]


def _broken_uploads(dropped: list[Drop], now: datetime) -> list[BadSubmission]:
    broken = []
    for drop in dropped:
        if drop.cut == 1.0:
            continue
        whole = next((d.dropped_at for d in dropped if d.source is drop.source and d.dropped_at > drop.dropped_at), None)
        corrected = whole.isoformat() if whole else None
        broken.append(BadSubmission("meeting_returns.returns", drop.name, "truncated_file", drop.dropped_at.isoformat(), corrected))
    return broken


def _deleted(pasts: list[_Past], now: datetime) -> dict[str, list[str]]:
    gone: dict[str, list[str]] = {}
    for past in pasts:
        for name, records in past.history.items():
            for record in records:
                if record.deleted and record.versions[-1][0] < now:
                    gone.setdefault(name, []).append(record.key)
    return gone
