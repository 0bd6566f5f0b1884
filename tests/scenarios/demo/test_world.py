"""One invented world: the account's figures, consistency from day to day, good rows that break no rule, bad rows of every kind."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from linli.demo.books import Books
from linli.demo.case_system import district_cases, to_records
from linli.demo.reference import district
from linli.demo.world import NoSuchWorld, World, accepted, world

DOCUMENT = Path(__file__).parents[3] / "docs" / "demo.md"
DAY = date(2026, 10, 31)
ACCOUNT = {
    "meetings": 43,
    "matters_solved": 96,
    "on_scene": 132,
    "problems_handled": 167,
    "complaints_change": -0.2,
    "disputes_defused": 110,
    "publicity_events": 400,
    "lead_residents": 114,
    "snap_reports": 2500,
}


@pytest.fixture(scope="module")
def now() -> World:
    return world(1, 1, DAY)


@pytest.fixture(scope="module")
def good() -> dict[str, list[dict[str, Any]]]:
    return accepted(1, 1, DAY)


def test_the_year_to_date_is_the_accounts(now: World) -> None:
    assert {name: now.books.account[name] for name in ACCOUNT} == ACCOUNT
    assert now.books.account_by_district == {"340405": now.books.account}


def test_the_documented_sql_gives_the_books(now: World, good: dict[str, list[dict[str, Any]]]) -> None:
    connection = duckdb.connect()
    for name in ("cases", "disputes", "snaps", "meetings", "matters", "publicity_events", "residents"):
        rows = next(rows for full_name, rows in good.items() if full_name.endswith(f".{name}"))
        columns = [column for column in rows[0] if not isinstance(rows[0][column], list)]
        connection.register(name, pa.Table.from_pylist([{column: row[column] for column in columns} for row in rows]))
    participants = [
        {"role": participant["role"], "started_at": patrol["started_at"]}
        for patrol in good["patrol_app.patrols"]
        for participant in patrol["participants"]
    ]
    connection.register("patrol_participants", pa.Table.from_pylist(participants))
    documented = dict(re.findall(r"^`(\w+)`:[^`]*```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S | re.M))
    assert documented.keys() == {*ACCOUNT, "volunteer_person_times"}
    for name, query in documented.items():
        found = connection.sql(query).fetchall()[0][0]
        assert float(found) == now.books.account[name], name


def test_volunteers_are_out_more_than_180_times_every_month(good: dict[str, list[dict[str, Any]]]) -> None:
    months: dict[int, int] = defaultdict(int)
    for patrol in good["patrol_app.patrols"]:
        if patrol["started_at"].year == 2026:
            months[patrol["started_at"].month] += sum(person["role"] == "志愿者" for person in patrol["participants"])
    assert months.keys() == set(range(1, 11))
    assert all(181 <= count <= 185 for count in months.values())


def test_a_day_later_is_the_same_world_and_what_happened_since(now: World) -> None:
    yesterday = world(1, 1, DAY - timedelta(days=1))
    for name, rows in yesterday.tables.items():
        gone = rows.keys() - now.tables[name].keys()
        assert gone <= set(now.books.deleted.get(name, ())), name
        written = "created_at" if name.endswith(("case_steps", "ledger_entries")) else "updated_at"
        for key in rows.keys() - gone:
            before, after = rows[key], now.tables[name][key]
            assert before == after or before[written] < after[written], (name, key)
    assert now.drops[: len(yesterday.drops)] == yesterday.drops
    assert len(now.drops) > len(yesterday.drops)


def test_some_rows_become_visible_only_the_day_after_they_were_written() -> None:
    """What a watermark on the time of writing loses: without such rows the late-commit handling would never be tried."""
    history = to_records(district(0), 1, district_cases(district(0), 1, []))
    for name, written in (("case_system.case_steps", "created_at"), ("case_system.callbacks", "updated_at")):
        first = [record.versions[0] for record in history[name]]
        late = sum(visible_at.date() > row[written].date() for visible_at, row in first if row)
        assert 0.002 < late / len(first) < 0.05


def test_good_cases_run_in_order(good: dict[str, list[dict[str, Any]]]) -> None:
    reported = {row["case_no"]: row["reported_at"] for row in good["case_system.cases"]}
    steps: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)
    for row in good["case_system.case_steps"]:
        assert row["stepped_at"] >= reported[row["case_no"]]
        steps[row["case_no"], row["round_no"]].setdefault(row["step"], row["stepped_at"])
    for (_, round_no), found in steps.items():
        opening = "上报" if round_no == 1 else "重办"
        times = [found[step] for step in (opening, "受理核实", "挂起", "恢复", "办结反馈") if step in found]
        assert opening in found
        assert times == sorted(times)
    for row in good["case_system.callbacks"]:
        assert row["called_at"] >= steps[row["case_no"], row["round_no"]]["办结反馈"]
        reached = row["outcome"] == "接通"
        assert reached == (row["solved"] is not None) == (row["department_score"] is not None) == (row["officer_score"] is not None)


def test_good_entries_never_overdraw_and_pay_an_act_once(good: dict[str, list[dict[str, Any]]]) -> None:
    entries = {row["entry_id"]: row for row in good["points_ledger.ledger_entries"]}
    balance: dict[str, int] = defaultdict(int)
    for row in sorted(entries.values(), key=lambda row: (row["entered_at"], row["entry_id"])):
        balance[row["resident_no"]] += row["points"]
        assert balance[row["resident_no"]] >= 0
        if row["kind"] == "冲正":
            assert entries[row["reverses_entry_id"]]["points"] == -row["points"]
    acts = [(row["resident_no"], row["reference_kind"], row["reference_no"]) for row in entries.values() if row["reference_no"]]
    assert len(acts) == len(set(acts))


def test_invented_phones_lie_in_the_group_nobody_has(now: World) -> None:
    phones = [row["reporter_phone"] for row in now.tables["case_system.cases"].values() if row["reporter_phone"]]
    assert len(phones) > 300
    assert all(re.fullmatch(r"1[3-9]\d0000\d{4}", phone) for phone in phones)
    texts = " ".join(row["description"] or "" for row in now.tables["case_system.cases"].values())
    assert re.search(r"1[3-9]\d0000\d{4}", texts)


def test_every_record_has_bad_submissions_standing_and_corrected(now: World) -> None:
    standing = {entry.record for entry in now.books.bad if entry.corrected_at is None}
    corrected = {entry.record for entry in now.books.bad if entry.corrected_at}
    assert standing >= now.tables.keys()
    assert standing >= {"meeting_returns.meetings", "meeting_returns.matters", "meeting_returns.publicity_events"}
    assert len(corrected) >= 10
    assert now.books.bad_files
    keys = {entry.key for entry in now.books.bad if entry.record == "case_system.cases" and entry.corrected_at is None}
    assert keys <= now.tables["case_system.cases"].keys()


def test_books_survive_json(now: World) -> None:
    assert Books.from_json(now.books.to_json()) == now.books


def test_days_outside_the_history_are_refused() -> None:
    with pytest.raises(NoSuchWorld, match="2026-12-31"):
        world(1, 1, date(2027, 1, 1))
