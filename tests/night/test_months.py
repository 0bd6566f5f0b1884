"""Closing a month for real: built by dbt, published, frozen, then one late record."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from linli import closing, pipeline, publication, review
from linli.audiences import Directory
from linli.pipeline.admission import DayNotOver
from linli.pipeline.copies import directory_at_close
from linli.pipeline.months import MonthNotLoaded, NotApproved, NotNext
from linli.pipeline.proposals import Choice, ProposedCampaign
from warehouse_home import Home, at, callback, case, step

OCTOBER = dt.date(2026, 10, 1)
CAMPAIGN = ProposedCampaign(
    number="1", district_code="340405", words="占道堆物", month_on="2026-11-01", department_code="fire", item_codes="1-01;4-01",
    compound_codes="340405-C01-X01",
)  # fmt: skip


def clock(folder: Path, day: str) -> Path:
    path = folder / f"clock-{day}"
    path.write_text(day)
    return path


def empty_return(home: Home, community: str, received: str, *, snapshot: str) -> None:
    """A file that says there was no meeting in October."""
    file = {"file_sha": community, "sheet": "会议", "community_code": community, "month_on": OCTOBER, "row_count": 0, "is_complete": True}
    home.land("meeting_returns.returns", [file | {"district_code": "340405", "received_at": at(received)}], snapshot=snapshot)


def published(home: Home, as_of: str) -> publication.Release:
    home.build(as_of)
    newest = home.register.runs(1)[0]["run_id"]
    closed = closing.published_tables(home.settings.closed)
    return publication.publish(home.settings, home.register, home.register.run(newest), code_version="test", closed=closed)


def reviewed(home: Home, tmp_path: Path) -> None:
    """The review of the month says that it is closed and what has been restated since, before the next night publishes either; once that
    has been published, every query on it gives the same answer to whoever asks again."""
    pack, again = (pipeline.review(home.settings, OCTOBER, of={"district": "八公山区"}, into=tmp_path / name) for name in ("a", "b"))
    assert pack.checksum == again.checksum
    assert sorted(pack.files) == sorted([*(f"district-340405.{kind}" for kind in review.FORMATS), "index.html", "pack.json"])
    within = pipeline.review(home.settings, OCTOBER, of={"district": "340405", "department": "fire"}, formats=["pdf"])
    assert (within.folder.name[-29:], sorted(within.files)[0]) == ("zh-department-340405-fire-pdf", "department-340405-fire.pdf")
    text = (pack.folder / "district-340405.html").read_text(encoding="utf-8")
    assert "（李主任 批准）" in text
    assert "2026-10 双回访满意率：" in text
    place = pipeline.review(home.settings, OCTOBER, of={"community": "340405-C01"}, formats=["html"])
    # what was approved, not what is known of it since
    assert "到期 0 件，没有一件按期访到两方" in (place.folder / "community-340405-C01.html").read_text(encoding="utf-8")
    # by when the campaign chosen at the close is over
    published(home, "2027-01-01")
    ours = publication.open_with_closed(home.settings, closing.published_tables(home.settings.closed))
    theirs = publication.open_published(home.settings)
    for unit in review.units(theirs):
        for answer in review.ask(ours, unit, OCTOBER, {OCTOBER: {}}).values():
            if answer.sql:
                assert [tuple(row.values()) for row in answer.rows] == theirs.execute(answer.sql).fetchall()
    ours.close()
    theirs.close()
    with pytest.raises(review.NothingToReview, match="没有找到"):
        pipeline.review(home.settings, OCTOBER, of={"community": "没有"})
    with pytest.raises(review.NothingToReview, match="2030-01"):
        pipeline.review(home.settings, dt.date(2030, 1, 1))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "own.txt").write_text("x")
    with pytest.raises(FileExistsError):
        pipeline.review(home.settings, OCTOBER, of={"district": "340405"}, into=tmp_path / "other")


def test_one_late_record_after_the_close(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.settings = replace(home.settings, clock=clock(tmp_path, "2026-11-30"))
    withdrawn = [case(f"340405-2026-{n}", "2026-10-26 09:00", compound_code="340405-C02-X01", officer_no="E002") for n in (3, 4)]
    home.land("case_system.cases", [case("340405-2026-1", "2026-10-26 09:00"), *withdrawn], snapshot="2026-10-28")
    home.land("case_system.case_steps", [step(n, f"340405-2026-{n}", "上报", "2026-10-26 09:00") for n in (3, 4)], snapshot="2026-10-28")
    home.land(
        "case_system.case_steps",
        [
            step(11, "340405-2026-1", "上报", "2026-10-26 09:00"),
            step(12, "340405-2026-1", "受理核实", "2026-10-27 09:00"),
            step(13, "340405-2026-1", "办结反馈", "2026-10-28 09:00"),
        ],
        snapshot="2026-10-31",
    )
    home.land("case_system.callbacks", [callback(1, "340405-2026-1", "组织", "2026-10-29 15:00")], snapshot="2026-10-31")
    patrol = {"patrol_id": "P", "district_code": "340405", "compound_code": "340405-C01-X01", "kind": "联勤"}
    home.land("patrol_app.patrols", [patrol | {"started_at": at("2026-10-12 09:00")}], snapshot="2026-10-31")
    empty_return(home, "340405-C01", "2026-10-30 16:00", snapshot="2026-10-31")
    published(home, "2026-10-31")
    with pytest.raises(MonthNotLoaded, match="2026-10-31"):
        pipeline.close_month(home.settings, OCTOBER, approved_by="李主任")
    october = published(home, "2026-11-01")
    with pytest.raises(NotApproved, match="--approved-by"):
        pipeline.close_month(home.settings, OCTOBER, approved_by=" ")
    with pytest.raises(DayNotOver, match="2026-10-31 还没有过完：已过完的最新一天是 2026-10-30"):
        pipeline.close_month(replace(home.settings, clock=clock(tmp_path, "2026-10-30")), OCTOBER, approved_by="李主任")
    missing = pipeline.proposal(home.settings, OCTOBER).missing
    assert (missing[0], missing[1], missing[-1]) == (
        "2026年10月 台账还没有收到的社区 13 个（2026-11-06 到期）：",
        "- 八公山区 和畅社区：会议、议题、普法",
        "- 其余 1 个社区见 mart_return_completeness",
    )
    frozen_as = pipeline.close_month(home.settings, OCTOBER, approved_by="李主任", campaign=Choice("占道堆物", [CAMPAIGN]))
    frozen = {path.name: path.read_bytes() for path in (home.settings.closed / "2026-10").iterdir()}
    kept = directory_at_close(home.settings, OCTOBER)
    assert kept and kept.parents[("340405", "compound", "community")]["340405-C01-X01"] == "340405-C01"
    assert kept == Directory.from_json(kept.to_json()) and ("340405", "community", "340405-C01") in kept.names
    pipeline.check_next(home.settings, dt.date(2026, 11, 1))
    with pytest.raises(NotNext, match="2026-11 还没有结账，2026-12 在它之后：请按月依次结账"):
        pipeline.check_next(home.settings, dt.date(2026, 12, 1))

    # what happens in November is November's, a withdrawal too; a call or a withdrawal of October that comes in late is not
    home.land("case_system.cases", [case("340405-2026-2", "2026-11-02 09:00")], snapshot="2026-11-04")
    home.land("case_system.case_steps", [step(14, "340405-2026-2", "上报", "2026-11-02 09:00")], snapshot="2026-11-04")
    home.land("case_system.callbacks", [callback(2, "340405-2026-1", "居民", "2026-10-30 10:00", score=3)], snapshot="2026-11-04")
    home.land("case_system.cases", [{**row, "status": "已撤诉"} for row in withdrawn], snapshot="2026-11-04")
    endings = [step(15, "340405-2026-3", "撤诉", "2026-11-01 00:00"), step(16, "340405-2026-4", "撤诉", "2026-10-30 09:00")]
    home.land("case_system.case_steps", endings, snapshot="2026-11-04")
    empty_return(home, "340405-C02", "2026-10-31 16:00", snapshot="2026-11-04")
    empty_return(home, "340405-C03", "2026-11-03 16:00", snapshot="2026-11-04")
    found = pipeline.restate_month(home.settings, OCTOBER)

    assert {path.name: path.read_bytes() for path in (home.settings.closed / "2026-10").iterdir()} == frozen
    assert found.closing == frozen_as and found.number == 1 and found.path is not None
    every = duckdb.execute(
        f"select mart, level, key, grain, metric, old_value, new_value, cause, records from '{found.path}'"
    ).fetchall()
    assert max(Counter(row[:5] for row in every).values()) == 1
    # whatever else repeats a number, it is restated in one mart: satisfaction, the volume of cases
    of_district = [row for row in every if row[1:3] == ("district", "340405") and "year" not in row[3]]
    assert [row[0] for row in of_district if row[4] == "double_called_count"] == ["mart_two_callback_satisfaction"]
    assert [row[0] for row in of_district if row[4] in ("case_count", "before_complaint_case_count", "place_count")] == ["mart_case_volume"]
    assert not {row[4] for row in every if row[0] == "mart_callback_agreement"} & {"eligible_count", "matured_count", "cohen_kappa"}
    rows = [row for row in every if row[0] in ("mart_clock_257", "mart_two_callback_satisfaction")]
    satisfaction = {row[4]: row[5:7] for row in rows if row[0] == "mart_two_callback_satisfaction" and row[1] == "district"}
    assert {metric: change for metric, change in satisfaction.items() if metric.endswith("_count")} == {
        "matured_count": ("0", "1"),
        "pending_count": ("1", "0"),
        "both_reached_count": ("0", "1"),
        "double_called_count": ("0", "1"),
        "org_yes_resident_no_count": ("0", "1"),
    }
    assert {row[1] for row in rows if row[0] == "mart_two_callback_satisfaction"} == {
        "district", "community", "compound", "station", "department", "officer", "category", "item", "whistle_level", "channel",
    }  # fmt: skip
    assert {(row[0], row[7]) for row in rows} == {("mart_two_callback_satisfaction", "corrected"), ("mart_clock_257", "excluded")}
    assert {record for row in rows if row[0] == "mart_clock_257" for record in row[8]} == {"fct_case_step 340405-2026-4/1/accept"}
    assert {record for row in rows if row[0] == "mart_two_callback_satisfaction" for record in row[8]} == {"fct_case_round 340405-2026-1/1"}

    # a return dropped in October that was loaded in November; not one dropped in November, which is time passing
    returns = [row for row in every if row[0] == "mart_return_completeness"]
    assert {(row[3], row[7], *row[8]) for row in returns} == {
        ("community_code=340405-C02 sheet=meetings", "late_record", "fct_return 340405-C02/2026-10-01/meetings/340405-C02")
    }
    assert [row[5:7] for row in returns if row[4] == "state"] == [("not_yet_due", "on_time")]

    # the complaints of October are as many as they were; the change on last year stands in the review alone and would be told
    assert {row[4] for row in every if row[0] == "mart_monthly_review"} == set()

    reviewed(home, tmp_path)

    # what was chosen is a campaign that is run: its effect is looked at once the month after it is over
    with publication.open_published(home.settings) as con:
        assert con.execute("select campaign_month, department_code, verdict from mart.mart_campaign_effect").fetchall() == [
            (dt.date(2026, 11, 1), "fire", "too_few")
        ]

    # the last day of a month comes out as it was published, by the reference data of its time: without the close, what has come since
    # and the campaigns chosen
    assert pipeline.rebuild(home.settings, dt.date(2026, 10, 31)).content_hash == october.content_hash
