"""The build: what a night takes in, what it leaves alone, and that it comes to the same as computing everything again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from linli.warehouse import BuildFailed, dbt, landed
from warehouse_home import Home, at, callback, case, step

CLOCK = (
    "select month, due_count, on_time_count, overdue_count, open_count from mart.mart_clock_257"
    " where level = 'district' and step = 'accept' order by month"
)

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


def third_night(home: Home) -> None:
    home.land("case_system.cases", [case("C", "2026-11-01 09:00")], snapshot="2026-11-12", deleted=True)
    home.land("case_system.cases", [case("A", "2026-10-27 09:00", status="已撤诉")], snapshot="2026-11-12")


def cut_off_between_facts_and_marts(home: Home, as_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build whose facts are replaced, whose marts are not, and which never gets to say that it has finished."""
    places = dbt._places

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(dbt, "_places", lambda project: [*places(project), "--exclude", "path:models/marts/review"])
        patched.setattr(landed, "note_finished", killed)
        with pytest.raises(KeyboardInterrupt):
            home.build(as_of)


def test_nights_come_to_the_same_as_one_full_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nights, once = Home(tmp_path / "nights"), Home(tmp_path / "once")
    for home in (nights, once):
        first_night(home)
    assert nights.build("2026-11-01").reason == "no finished build to start from"
    first = nights.marts()

    for home in (nights, once):
        second_night(home)
    cut_off_between_facts_and_marts(nights, "2026-11-04", monkeypatch)
    assert nights.rows("select count(*) from landing.touched_months") != [(0,)]
    assert nights.build("2026-11-04").reason is None
    assert nights.rows("select count(*) from landing.touched_months") == [(0,)]

    for home in (nights, once):
        third_night(home)
    assert nights.build("2026-11-12").reason is None
    once.build("2026-11-12")
    assert nights.marts() == once.marts()
    assert nights.rows("select distinct case_no, exclusion from core.fct_case_round order by 1") == [("A", "withdrawn"), ("B", None)]

    # a past day is computed from what had been loaded by then
    assert nights.build("2026-11-01").reason == "as_of goes back"
    assert nights.marts() == first != once.marts()


def test_a_night_without_rows_lets_due_dates_pass_and_known_events_happen(home: Home) -> None:
    first_night(home)
    home.land("case_system.cases", [case("E", "2026-10-30 20:00")], snapshot="2026-11-01")
    early = [step(8, "E", "上报", "2026-10-30 20:00"), step(9, "E", "受理核实", "2026-11-01 00:00")]
    home.land("case_system.case_steps", early, snapshot="2026-11-01")
    home.build("2026-11-01")
    assert [row[1:] for row in home.rows(CLOCK)] == [(1, 1, 0, 0), (2, 0, 0, 2)]
    report = home.build("2026-11-04")
    assert (report.reason, report.verdicts) == (None, 0)
    assert [row[1:] for row in home.rows(CLOCK)] == [(1, 1, 0, 0), (2, 1, 1, 0)]


def test_reference_data_that_changes_is_applied_to_everything(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    home = Home(tmp_path / "home")
    shutil.copytree(home.settings.reference, seeds, ignore=shutil.ignore_patterns("*.yml"))
    home = Home(tmp_path / "home", reference=seeds)
    first_night(home)
    home.build("2026-11-01")
    due = "select due_on from core.fct_case_step where case_no = 'B' and step = 'accept'"
    (before,) = home.rows(due)[0]
    (seeds / "calendar_overrides.csv").write_text("calendar_on,is_workday,reason\n2026-10-31,true,防汛\n", encoding="utf-8")
    report = home.build("2026-11-02")
    assert report.reason is not None
    assert "seeds" in report.reason
    (after,) = home.rows(due)[0]
    assert (before.isoformat(), after.isoformat()) == ("2026-11-03", "2026-11-02")


def test_newest_snapshot_wins_and_a_released_row_comes_in(home: Home) -> None:
    first_night(home)
    late = home.land("case_system.cases", [case("A", "2026-10-27 09:00", officer_no="E002")], snapshot="2026-10-30", rejected=[0])
    waiting = home.land(
        "case_system.case_steps",
        [step(20, "B", "受理核实", "2026-10-31 09:00"), step(21, "B", "挂起", "2026-10-31 10:00")],
        snapshot="2026-11-01",
        rejected=[0, 1],
    )
    home.build("2026-11-01")
    assert home.rows(CLOCK)[1][1:] == (1, 0, 0, 1)
    home.release(late, [0])
    home.release(waiting, [0])
    report = home.build("2026-11-02")
    assert (report.reason, report.verdicts) == (None, 2)
    assert home.rows("select distinct officer_no from core.fct_case_round where case_no = 'A'") == [("E001",)]
    assert home.rows(CLOCK)[1][1:] == (1, 1, 0, 0)
    assert home.rows("select count(*) from staging.stg_case_system__case_steps where step_id = 21") == [(0,)]


def test_a_model_that_fails_is_named_and_nothing_is_noted_as_built(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first_night(home)
    twice = [case("A", "2026-10-27 09:00"), case("D", "2026-10-30 09:00")]
    home.land("case_system.cases", twice, snapshot="2026-11-01")
    monkeypatch.setattr(landed, "_SQL_TYPE", landed._SQL_TYPE | dict.fromkeys(landed._SQL_TYPE, "varchar"))
    with pytest.raises(BuildFailed, match=r"dbt build ended with 1: .*see dbt/logs/dbt\.log"):
        home.build("2026-11-01")
    assert home.rows("select count(*) from landing.built") == [(0,)]
