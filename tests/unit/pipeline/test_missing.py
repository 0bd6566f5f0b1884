"""What is told to be missing at the close of a month, from a published file made by hand."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from linli import pipeline, publication
from linli.cli import app
from linli.pipeline.missing import missing_at_the_close
from linli.pipeline.proposals import Proposal
from linli.pipeline.words import CATEGORIES
from linli.settings import Settings
from unit.databases import written

OCTOBER = dt.date(2026, 10, 1)
MART = Path(__file__).parents[3] / "dbt_project" / "models" / "marts" / "quality" / "mart_data_completeness.sql"
Row = Sequence[Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings.load({"LINLI_HOME": str(tmp_path)})
    found.warehouse.mkdir()
    with written(found.published) as con:
        for statement in (
            "create schema mart", "create schema ref",
            """create table mart.mart_data_completeness (month date, district_code varchar, source varchar, record varchar,
              category varchar, key varchar, last_seen_on date, came_back_on date, missing_workdays integer, is_vanished boolean)""",
            """create table mart.mart_return_completeness (month date, district_code varchar, community_code varchar, sheet varchar,
              is_expected boolean, is_complete boolean, state varchar, due_on date)""",
            "create table ref.dim_district as select '340405' as district_code, '某区' as district_name",
            """create table ref.dim_level_key as select * from (values
              ('channel', '340405', 'hotline_12345', '12345热线'), ('channel', '340406', 'hotline_12345', '12345热线'),
              ('community', '340405', 'C1', '春晖社区'), ('community', '340405', 'C2', '和畅社区')
            ) t(level, district_code, key, key_name)""",
            "create table ref.code_lists as select 'event_type' as code_list, 'lecture' as code, '普法讲座' as code_name",
            "create table ref.phases as select 'on_complaint' as phase_code, '应诉即办' as phase_name",
            "create table ref.ledger_kinds as select 'goods' as kind_code, '兑换实物' as kind_name",
        ):  # fmt: skip
            con.execute(statement)
    return found


def vanished(settings: Settings, *rows: Row) -> None:
    with written(settings.published) as con:
        con.executemany("insert into mart.mart_data_completeness values (?,?,?,?,?,?,?,?,?,?)", rows)


def owed(settings: Settings, *rows: Row) -> None:
    with written(settings.published) as con:
        con.executemany("insert into mart.mart_return_completeness values (?,?,?,?,?,?,?,?)", rows)


def missing(settings: Settings, month: dt.date) -> list[str]:
    with publication.one_release(settings) as ask:
        return missing_at_the_close(settings, ask, month)


def test_nothing_is_said_of_a_whole_month(settings: Settings) -> None:
    vanished(settings, ("2026-10-01", "340405", "case_system", "cases", "all", "all", None, None, None, False))
    owed(settings, ("2026-10-01", "340405", "C1", "meetings", True, True, "on_time", "2026-11-06"))
    assert missing(settings, OCTOBER) == []


def test_kinds_of_records_that_have_stopped(settings: Settings) -> None:
    """At the end of the month or found since, in a gap that began by then, each once; a record as a whole stands for its kinds."""
    october, november = "2026-10-01", "2026-11-01"
    channel = ("340405", "case_system", "cases", "channel", "hotline_12345", "2026-09-18")
    vanished(
        settings,
        ("2026-09-01", "340405", "case_system", "cases", "channel", "officer_line", "2026-08-18", "2026-10-01", 20, True),
        (october, *channel, None, 30, True),
        (november, *channel, None, 30, True),
        (october, "340405", "case_system", "callbacks", "outcome", "no_answer", "2026-10-09", "2026-11-03", 12, True),
        (november, "340405", "case_system", "callbacks", "outcome", "no_answer", "2026-10-09", "2026-11-03", 12, False),
        (november, "340405", "case_system", "cases", "phase", "on_complaint", "2026-10-28", None, 11, True),
        (november, "340405", "case_system", "cases", "phase", "after_closure", "2026-11-02", None, 11, True),
        (october, "340405", "meeting_returns", "publicity_events", "all", "all", "2026-08-28", None, 40, True),
        (october, "340405", "meeting_returns", "publicity_events", "event_type", "lecture", "2026-08-20", None, 45, True),
        (october, "340406", "meeting_returns", "publicity_events", "event_type", "lecture", "2026-08-20", None, 10, True),
    )
    assert missing(settings, OCTOBER) == [
        "一向都有、后来没有了的记录 5 类：",
        "- 某区 会议台账·普法活动：2026-08-28 之后至今没有，已 40 个工作日",
        "- 某区 案件系统·案件（来源渠道：12345热线）：2026-09-18 之后至今没有，已 30 个工作日",
        "- 某区 案件系统·回访（回访结果：无人接听）：2026-10-09 之后到 2026-11-03 才又有，其间 12 个工作日",
        "- 某区 案件系统·案件（办理阶段：应诉即办）：2026-10-28 之后至今没有，已 11 个工作日",
        "- 340406 会议台账·普法活动（活动类型：普法讲座）：2026-08-20 之后至今没有，已 10 个工作日",
    ]


def test_communities_whose_return_has_not_come(settings: Settings) -> None:
    due = ("not_yet_due", "2026-11-06")
    owed(
        settings,
        ("2026-10-01", "340405", "C1", "matters", True, False, *due),
        ("2026-10-01", "340405", "C1", "meetings", True, False, *due),
        ("2026-10-01", "340405", "C1", "publicity_events", True, True, "on_time", "2026-11-06"),
        ("2026-10-01", "340405", "C2", "meetings", True, False, *due),
        ("2026-09-01", "340405", "C2", "meetings", True, False, "missing", "2026-10-09"),
        ("2026-09-01", "340405", "C2", "matters", True, False, "missing", "2026-10-09"),
        ("2026-08-01", "340405", "C2", "matters", True, False, "missing", "2026-09-07"),
        ("2026-10-01", "340405", "C3", "meetings", False, False, *due),
    )
    assert missing(settings, OCTOBER) == [
        "2026年10月 台账还没有收到的社区 2 个（2026-11-06 到期）：",
        "- 某区 和畅社区：会议；此前还缺 2 个月",
        "- 某区 春晖社区：会议、议题",
    ]
    assert missing(settings, dt.date(2026, 9, 1)) == [
        "2026年09月 台账还没有收到的社区 1 个（2026-10-09 已到期）：",
        "- 某区 和畅社区：会议、议题；此前还缺 1 个月",
    ]


def test_a_long_list_ends_with_how_many_more(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the question of the review and the command line say the same."""
    kinds = [("2026-10-01", "340405", "patrol_app", "patrols", "compound", f"X{n:02d}", "2026-09-18", None, 30, True) for n in range(13)]
    vanished(settings, *kinds)
    owed(settings, *(("2026-10-01", "340405", f"C{n:02d}", "meetings", True, False, "missing", "2026-11-06") for n in range(20)))
    lines = missing(settings, OCTOBER)
    assert (lines[0], lines[12:16]) == (
        "一向都有、后来没有了的记录 13 类：",
        [
            "- 某区 巡查应用·巡查（小区：X11）：2026-09-18 之后至今没有，已 30 个工作日",
            "- 其余 1 类见 mart_data_completeness",
            "",
            "2026年10月 台账还没有收到的社区 20 个（2026-11-06 已到期）：",
        ],
    )
    assert lines[-1] == "- 其余 8 个社区见 mart_return_completeness" and len(lines) == 29

    question = Proposal("", "", [], "2026-11-07T09:00:00+08:00", missing=lines)
    closing = SimpleNamespace(name="2026-10", figure_count=1, content_hash="0" * 64)
    for name, found in (("check_closable", None), ("proposal", question), ("close_month", closing)):
        monkeypatch.setattr(pipeline, name, lambda *_, found=found, **__: found)
    done = CliRunner().invoke(app, ["month", "close", "2026-10", "--approved-by", "李主任"], env={"LINLI_HOME": str(settings.home)})
    assert done.exit_code == 0
    assert "".join(lines).replace(" ", "") in re.sub(r"\s", "", done.output)


def test_every_category_has_its_word() -> None:
    [counted] = re.findall(r"set counted = \[(.*?)\] -%\}", MART.read_text(encoding="utf-8"), flags=re.S)
    assert {name for names in re.findall(r"\{(.*?)\}", counted) for name in re.findall(r"'(\w+)':", names)} == set(CATEGORIES)
