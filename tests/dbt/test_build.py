"""The build: what a night takes in, what it leaves alone, and that it comes to the same as computing everything again."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
import shutil
from pathlib import Path

import pytest

from filed_returns import a_file_read_again_as_another_months, random_returns, returns_filed_again
from linli.warehouse import BuildFailed, dbt, landed
from warehouse_home import Home, Row, at, callback, case, step

CLOCK = (
    "select month, due_count, on_time_count, overdue_count, open_count from mart.mart_clock_257"
    " where level = 'district' and step = 'accept' order by month"
)

Z = 1.959963984540054
WHISTLE = {"whistle_id": 1, "case_no": "B", "level": "应急", "blown_at": at("2026-11-01 10:00")}


def first_night(home: Home) -> None:
    home.land("case_system.cases", [case("A", "2026-10-27 09:00"), case("B", "2026-10-30 20:00")], snapshot="2026-11-01")
    home.land(
        "case_system.case_steps",
        [
            step(1, "A", "上报", "2026-10-27 09:00"),
            step(2, "A", "受理核实", "2026-10-28 09:00"),
            step(3, "A", "办结反馈", "2026-10-31 09:00"),
            step(4, "B", "上报", "2026-10-30 20:00"),
        ],
        snapshot="2026-11-01",
    )
    home.land("case_system.callbacks", [callback(1, "A", "组织", "2026-10-31 15:00")], snapshot="2026-11-01")
    patrol(home, "2026-10-31 12:00", ["城管"], snapshot="2026-11-01")


def patrol(home: Home, updated: str, departments: list[str], *, snapshot: str) -> None:
    """A joint patrol as the app gave it at `updated`; its one finding became case A."""
    of = {"patrol_id": "P", "updated_at": at(updated)}
    place = {"district_code": "340405", "compound_code": "340405-C01-X01"}
    home.land("patrol_app.patrols", [of | place | {"kind": "联勤", "started_at": at("2026-10-27 08:00")}], snapshot=snapshot)
    officers = [
        of | {"participant_no": n, "role": "队员", "officer_no": "E001", "department": name} for n, name in enumerate(departments, 1)
    ]
    home.land("patrol_app.patrol_participants", officers, snapshot=snapshot)
    kinds = ("安全隐患", "环境卫生", "违规经营")
    home.land("patrol_app.patrol_checklists", [of | {"kind": kind, "completed": True} for kind in kinds], snapshot=snapshot)
    found = {"finding_id": "F", "checklist": "安全隐患", "item_code": "1-01", "severity": "一般", "found_at": at("2026-10-27 08:30")}
    home.land("patrol_app.patrol_findings", [of | found | {"disposition": "转办立案", "case_no": "A"}], snapshot=snapshot)


def meeting(home: Home, sheet: str, record: str, row: Row, *, snapshot: str) -> None:
    """One row of a return of October."""
    of = {"community_code": "340405-C01", "month_on": dt.date(2026, 10, 1)}
    file = of | {"file_sha": snapshot, "sheet": sheet, "district_code": "340405", "row_count": 1, "is_complete": True}
    file |= {"received_at": at(snapshot) - dt.timedelta(hours=1)}
    home.land("meeting_returns.returns", [file], snapshot=snapshot)
    home.land(f"meeting_returns.{record}", [of | row | {"compound_code": "340405-C01-X01", "_parent_version": snapshot}], snapshot=snapshot)


def second_night(home: Home) -> None:
    """A is called back and reopened; B, suspended, leaves November without a due date; C comes and goes."""
    home.land("case_system.cases", [case("C", "2026-11-01 09:00")], snapshot="2026-11-04")
    home.land(
        "case_system.case_steps",
        [
            step(5, "B", "挂起", "2026-11-01 09:00"),
            step(6, "C", "上报", "2026-11-01 09:00"),
            step(7, "A", "重办", "2026-11-03 09:00", round_no=2),
        ],
        snapshot="2026-11-04",
    )
    home.land("case_system.callbacks", [callback(2, "A", "居民", "2026-11-02 15:00", score=3)], snapshot="2026-11-04")
    home.land("case_system.whistles", [WHISTLE], snapshot="2026-11-04")
    opinion = {"consultation_id": 1, "case_no": "A", "expert_kind": "律师", "consulted_at": at("2026-11-02 15:00")}
    home.land("case_system.consultations", [opinion], snapshot="2026-11-04")
    patrol(home, "2026-11-02 12:00", ["城管", "消防"], snapshot="2026-11-04")
    met = {"meeting_no": "M", "meeting_type": "三方议事会", "met_on": dt.date(2026, 10, 8), "departments": ["城管"]}
    meeting(home, "会议", "meetings", met, snapshot="2026-11-04")
    matter = {"matter_no": "T", "meeting_no": "M", "heard_on": dt.date(2026, 10, 9), "department": "城管"}
    meeting(home, "议题", "matters", matter, snapshot="2026-11-04")


def withdrawn_between_the_first_nights(home: Home) -> None:
    """What only a build for a past as_of meets: a case whose status says already what its step says of a later day."""
    home.land("case_system.cases", [case("D", "2026-10-28 09:00", status="已撤诉")], snapshot="2026-11-01")
    steps = [step(30, "D", "上报", "2026-10-28 09:00"), step(31, "D", "撤诉", "2026-11-02 09:00")]
    home.land("case_system.case_steps", steps, snapshot="2026-11-01")


def third_night(home: Home) -> None:
    # all that is known of them is that they are gone: nothing is touched by them, by night or in one go
    never_seen = {"string": "NEVER SEEN", "int64": 10**9, "int16": 99, "int32": 10**9, "date32[day]": dt.date(2026, 10, 1)}
    for record in home.catalog.records:
        types = {field.name: str(field.type) for field in record.landing_schema()}
        gone = {name: never_seen[types[name]] for name in record.key}
        home.land(record.full_name, [gone], snapshot="2026-11-12", deleted=True)
    home.land("case_system.cases", [case("C", "2026-11-01 09:00")], snapshot="2026-11-12", deleted=True)
    home.land("case_system.cases", [case("A", "2026-10-27 09:00", status="已撤诉")], snapshot="2026-11-12")


def resident(resident_no: str, joined: str, compound: str = "340405-C01-X01", **other: object) -> Row:
    """A lead of the first district, unless told otherwise."""
    of = {"district_code": "340405", "household_no": f"H{resident_no}", "kind": "其他", "is_lead": True}
    return of | {"resident_no": resident_no, "joined_on": dt.date.fromisoformat(joined), "compound_code": compound} | other


def books_of_two_districts(home: Home) -> None:
    """Those of the second open with its one entry, long after its resident has joined; R3 was brought by R1, who came later."""
    second = resident("R2", "2026-01-05", "340406-C01-X01", district_code="340406")
    residents = [resident("R1", "2026-03-02"), second, resident("R3", "2026-01-05", brought_by="R1"), resident("R4", "2026-01-05")]
    home.land("points_ledger.residents", residents, snapshot="2026-11-01")
    entries = [
        {"entry_id": n, "resident_no": of, "kind": "调解", "points": 5, "entered_at": at(when)}
        for n, of, when in ((1, "R4", "2026-01-10 09:00"), (2, "R2", "2026-08-10 09:00"))
    ]
    home.land("points_ledger.ledger_entries", entries, snapshot="2026-11-01")


def books_change(home: Home) -> None:
    """The second district loses its only entry; R1 moves."""
    entry = {"entry_id": 2, "resident_no": "R2", "kind": "调解", "points": 5, "entered_at": at("2026-08-10 09:00")}
    home.land("points_ledger.ledger_entries", [entry], snapshot="2026-11-12", deleted=True)
    home.land("points_ledger.residents", [resident("R1", "2026-03-02", "340405-C02-X01")], snapshot="2026-11-12")


def chains_of_residents(home: Home, day: str, share: float, seed: int) -> None:
    """Twenty groups of eight who bring each other at random: beginnings, forks and circles. A share of them is told anew: brought by
    somebody else, a lead no longer, moved, gone from the books, or to join in the week after."""
    chance = random.Random(seed)
    come, gone = [], []
    for n in range(160):
        if chance.random() >= share:
            continue
        group = n // 8 * 8
        bringer = chance.choice([None, 999, *range(group, n), *range(group, n), *range(group, group + 8)])
        joined = at(day).date() + dt.timedelta(days=chance.choice([-200, -30, -1, 0, 1, 5]))
        told = resident(f"K{n:03}", joined.isoformat(), household_no=f"K{chance.randrange(n // 4 * 4, n // 4 * 4 + 4)}")
        told |= {"is_lead": chance.random() < 0.3, "brought_by": bringer if bringer is None else f"K{bringer:03}"}
        (gone if chance.random() < 0.15 else come).append(told)
    home.land("points_ledger.residents", come, snapshot=day)
    home.land("points_ledger.residents", gone, snapshot=day, deleted=True)


def cut_off(home: Home, as_of: str, monkeypatch: pytest.MonkeyPatch, *before: str) -> None:
    """A build that does not get to what lies in these paths, and never to saying that it has finished."""
    places = dbt._places

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(dbt, "_places", lambda project: [*places(project), "--exclude", *(f"path:{path}" for path in before)])
        patched.setattr(landed, "note_finished", killed)
        with pytest.raises(KeyboardInterrupt):
            home.build(as_of)


def test_nights_come_to_the_same_as_one_full_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nights, once = Home(tmp_path / "nights"), Home(tmp_path / "once")
    exclusions = "select distinct case_no, exclusion from core.fct_case_round order by 1"
    held = []
    for home in (nights, once):
        first_night(home)
        withdrawn_between_the_first_nights(home)
        books_of_two_districts(home)
        chains_of_residents(home, "2026-11-01", 1, seed=4)
        held += [(home, *each) for each in random_returns(home, "2026-11-01", 30, seed=1)]
        a_file_read_again_as_another_months(home)
    assert nights.build("2026-11-01").reason == "no finished build to start from"
    assert nights.rows(exclusions) == [("A", None), ("B", None), ("D", None)]
    first = nights.marts()

    for home in (nights, once):
        second_night(home)
        chains_of_residents(home, "2026-11-04", 0.15, seed=5)
        held += [(home, *each) for each in random_returns(home, "2026-11-04", 3, seed=2)]
    cut_off(nights, "2026-11-04", monkeypatch, "models/marts/core/facts/fct_ledger_entry.sql", "models/marts/review")
    assert nights.rows("select count(*) from landing.touched_months") != [(0,)]
    assert nights.build("2026-11-04").reason is None
    assert nights.rows("select count(*) from landing.touched_months") == [(0,)]
    assert ("D", "withdrawn") in nights.rows(exclusions)

    for home in (nights, once):
        third_night(home)
        books_change(home)
        chains_of_residents(home, "2026-11-12", 0.15, seed=6)
        random_returns(home, "2026-11-12", 2, seed=3)
    for home, batch, rows in held:
        home.release(batch, rows[::2])
    assert nights.build("2026-11-12").reason is None
    once.build("2026-11-12")
    assert nights.marts() == once.marts()
    for known in ("people.dim_resident", "people.dim_household"):
        assert nights.rows(f"select * from {known} order by all") == once.rows(f"select * from {known} order by all")
    chains = "select count(*) filter (generation is null) > 0, count(*) filter (generation > 2) > 0 from people.dim_resident"
    assert once.rows(chains) == [(True, True)]
    assert nights.rows("select min(month) from mart.mart_points where district_code = '340406'") == [(dt.date(2026, 1, 1),)]
    assert nights.rows(exclusions) == [("A", "withdrawn"), ("B", None), ("D", "withdrawn")]

    # a past day is computed from what had been loaded by then; until it is done the working file stays as it was
    cut_off(nights, "2026-11-01", monkeypatch, "models", "tests")
    assert nights.marts() == once.marts()
    assert nights.build("2026-11-01").reason == "as_of goes back"
    assert nights.marts() == first != once.marts()


def test_nights_of_one_deployment(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    home = Home(tmp_path / "home")
    shutil.copytree(home.settings.reference, seeds, ignore=shutil.ignore_patterns("*.yml"))
    home = Home(tmp_path / "home", reference=seeds)
    first_night(home)
    returns_filed_again(home)
    late = home.land("case_system.cases", [case("A", "2026-10-27 09:00", officer_no="E002")], snapshot="2026-10-30", rejected=[0])
    waiting = home.land(
        "case_system.case_steps",
        [step(20, "B", "受理核实", "2026-10-31 09:00"), step(21, "B", "挂起", "2026-10-31 10:00")],
        snapshot="2026-11-01",
        rejected=[0, 1],
    )
    home.land("case_system.cases", [case("E", "2026-10-30 20:00"), case("F", "2026-10-30 20:00")], snapshot="2026-11-01")
    early = [
        step(8, "E", "上报", "2026-10-30 20:00"),
        step(9, "E", "受理核实", "2026-11-01 00:00"),
        step(10, "F", "上报", "2026-10-30 20:00"),
    ]
    home.land("case_system.case_steps", early, snapshot="2026-11-01")
    home.land("case_system.whistles", [WHISTLE | {"blown_at": at("2026-10-31 23:50")}], snapshot="2026-11-01")
    home.build("2026-11-01")
    in_time = "select is_arrival_in_time from core.fct_whistle"
    assert [row[1:] for row in home.rows(CLOCK)] == [(1, 1, 0, 0), (3, 0, 0, 3)]
    assert home.rows(in_time) == [(None,)]
    current = home.rows("select _parent_version, meeting_no from core.int_current_meetings order by all")
    assert current == [("new1", "1"), ("old0", "1"), ("old0", "2"), ("zz", "1"), ("zz", "2")]
    # an older file counts, be its rows replaced; one that says nothing does not, nor does it take the place of the one before it
    files = home.rows("select file_sha, is_current from core.fct_return where is_counted order by file_sha")
    assert files == [("aa", False), ("new1", True), ("new2", True), ("old0", True), ("old1", False), ("old2", False), ("zz", True)]
    assert home.rows("select file_sha from core.fct_return where not is_counted") == [("new0",)]
    rates_have_their_intervals(home)

    # the newest snapshot wins, a released row comes in, an event known before happens, fifteen minutes pass
    home.release(late, [0])
    home.release(waiting, [0])
    report = home.build("2026-11-02")
    assert (report.reason, report.verdicts) == (None, 2)
    assert home.rows("select distinct officer_no from core.fct_case_round where case_no = 'A'") == [("E001",)]
    assert home.rows("select count(*) from staging.stg_case_system__case_steps where step_id = 21") == [(0,)]
    assert [row[1:] for row in home.rows(CLOCK)] == [(1, 1, 0, 0), (3, 2, 0, 1)]
    assert home.rows(in_time) == [(False,)]

    # without rows, a due date passes
    report = home.build("2026-11-04")
    assert (report.reason, report.verdicts) == (None, 0)
    assert [row[1:] for row in home.rows(CLOCK)] == [(1, 1, 0, 0), (3, 2, 1, 0)]

    # reference data that changes is applied to everything
    due = "select due_on from core.fct_case_step where case_no = 'B' and step = 'accept'"
    (before,) = home.rows(due)[0]
    (seeds / "calendar_overrides.csv").write_text("calendar_on,is_workday,reason\n2026-10-31,true,防汛\n", encoding="utf-8")
    report = home.build("2026-11-05")
    assert report.reason is not None
    assert "seeds" in report.reason
    (after,) = home.rows(due)[0]
    assert (before.isoformat(), after.isoformat()) == ("2026-11-03", "2026-11-02")


def rates_have_their_intervals(home: Home) -> None:
    """Every rate stands between the bounds of Wilson's interval around it, worked out here by another form of it."""
    rates = [
        ("mart_clock_257", "on_time", "on_time_rate", "judged_count"),
        ("mart_clock_257", "closed_only", "closed_only_rate", "closed_count"),
        ("mart_patrol", "fulfilled", "fulfilled_rate", "required_patrol_count"),
        ("mart_two_callback_satisfaction", "coverage", "coverage_rate", "matured_count"),
        ("mart_two_callback_satisfaction", "satisfaction", "satisfaction_rate", "double_called_count"),
        ("mart_two_callback_satisfaction", "strict_satisfaction", "strict_satisfaction_rate", "matured_count"),
    ]
    for mart, name, rate, n in rates:
        for p, low, high, of in home.rows(f"select {rate}, {name}_low, {name}_high, {n} from mart.{mart}"):
            assert (p is None) == (low is None) == (high is None) == (of == 0)
            if p is not None:
                centre, half = (p + Z * Z / (2 * of)), Z * math.sqrt(p * (1 - p) / of + Z * Z / (4 * of * of))
                assert (low, high) == pytest.approx(((centre - half) / (1 + Z * Z / of), (centre + half) / (1 + Z * Z / of)), abs=1e-12)
    flags = "bool_and(is_small_sample = (judged_count < 10) and is_small_sample_of_closed = (closed_count < 10))"
    assert home.rows(f"select {flags} from mart.mart_clock_257") == [(True,)]


def answers_of_builds(home: Home) -> dict[str, tuple[str, str]]:
    """What the tests of the newest build came to, as the register has it."""
    [newest] = home.register.runs(1)
    told = home.register.history.answers(dt.date(2026, 1, 1), at("2027-01-01"))
    return {row["rule"]: (row["state"], row["detail"]) for row in told if row["run_id"] == newest["run_id"]}


def test_a_model_that_fails_is_named_and_nothing_is_noted_as_built(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first_night(home)
    twice = [case("A", "2026-10-27 09:00"), case("D", "2026-10-30 09:00")]
    home.land("case_system.cases", twice, snapshot="2026-11-01")
    monkeypatch.setattr(landed, "_SQL_TYPE", landed._SQL_TYPE | dict.fromkeys(landed._SQL_TYPE, "varchar"))
    with pytest.raises(BuildFailed, match=r"建模失败（dbt 返回 1）：.*dbt/logs/dbt\.log"):
        home.build("2026-11-01")
    assert not home.settings.work_file.exists()
    assert answers_of_builds(home)["tests"][0] == "broken"
    assert "没有建成" in {detail for _, detail in answers_of_builds(home).values()}


def test_a_check_that_finds_rows_is_named_and_nothing_is_noted_as_built(tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    shutil.copytree(Home(tmp_path / "other").settings.reference, reference)
    departments = reference / "departments.csv"
    lines = departments.read_text(encoding="utf-8").splitlines(keepends=True)
    departments.write_text("".join([*lines, lines[1]]), encoding="utf-8")
    home = Home(tmp_path / "home", reference)
    first_night(home)
    with pytest.raises(BuildFailed, match=r"grain_departments_department_code"):
        home.build("2026-11-01")
    assert not home.settings.work_file.exists()
    answers = answers_of_builds(home)
    assert answers["grain_departments_department_code"] == ("broken", "1 行不符")
    asked, broken = re.findall(r"\d+", answers["tests"][1])
    assert answers["tests"][0] == "broken" and int(asked) > 100 and int(broken) == len(answers) - 1

    # put right, nothing is left of what was broken
    departments.write_text("".join(lines), encoding="utf-8")
    home.build("2026-11-01")
    [(rule, (state, detail))] = answers_of_builds(home).items()
    assert (rule, state) == ("tests", "passed") and re.fullmatch(r"问了 \d{3} 项，0 项不通过", detail)


def test_a_home_that_was_copied_reads_its_own_reference_data(tmp_path: Path) -> None:
    there = Home(tmp_path / "there")
    there.land("case_system.cases", [case("340405-2026-1", "2026-10-26 09:00")], snapshot="2026-10-28")
    # no reading of the models by another test is lent to it
    read = there.settings.home / "dbt" / "target" / "partial_parse.msgpack"
    read.parent.mkdir(parents=True)
    read.write_bytes(b"")
    there.build("2026-10-28")
    shutil.copytree(there.settings.home, tmp_path / "here", symlinks=True)
    for seed in (there.settings.home / "dbt" / "project" / "seeds").glob("*.csv"):
        seed.write_text(seed.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    here = Home(tmp_path / "here")
    assert here.build("2026-10-27").reason == "as_of goes back"
    assert here.rows("select count(*) > 0 from ref.stations") == [(True,)]
