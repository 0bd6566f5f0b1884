"""What a person is asked at the close of a month, from a published file made by hand."""

from __future__ import annotations

import datetime as dt
import functools
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from linli import closing
from linli.pipeline.proposals import NotProposed, ProposedCampaign, _as_markdown, chosen_campaign, proposal
from linli.register import Batch, Register
from linli.settings import Settings, as_of
from payloads import by_payload
from unit.databases import written

OCTOBER = dt.date(2026, 10, 1)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def settings_of(home: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(home), "LINLI_PATROL_APP_URL": "http://127.0.0.1:1"})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a release, of which each test has a copy."""
    found = settings_of(tmp_path_factory.mktemp("published"))
    with Register(found.register_path) as register:
        run = register.begin_run(dt.date(2026, 10, 31), as_of(dt.date(2026, 10, 31)))
        for source, record, day in (("patrol_app", "snaps", 28), ("patrol_app", "disputes", 31), ("points_ledger", "residents", 30)):
            end = as_of(dt.date(2026, 10, day))
            register.add_batches([Batch(record, source, record, "window", record, 0, None, end, end, run.run_id)])
    found.warehouse.mkdir()
    with written(found.published) as con:
        for statement in (
            "create schema mart", "create schema ref",
            "create table main.published_at as select timestamptz '2026-11-01 00:00:00+08' as as_of",
            """create table mart.mart_clock_257 as select * from (values
              ('district', date '2026-10-01', 'resolve', 8, 9, 1), ('district', date '2026-10-01', 'accept', 5, 6, 0),
              ('district', date '2026-09-01', 'accept', 99, 99, 0), ('community', date '2026-10-01', 'accept', 77, 77, 0)
            ) t(level, month, step, on_time_count, judged_count, open_count)""",
            """create table mart.mart_two_callback_satisfaction as select 'district' as level, date '2026-10-01' as month,
              3 as double_satisfied_count, 4 as double_called_count, 2 as pending_count""",
            "create table ref.dim_district as select '340405' as district_code, '某区' as district_name",
            """create table ref.dim_level_key as select * from (values
              ('category', '340405', '4', '消防安全'), ('item', '340405', '4-01', '占用通道'), ('item', '340405', '4-02', '飞线充电'),
              ('compound', '340405', 'X1', '春晖花苑'), ('compound', '340405', 'X2', '和畅佳园'), ('compound', '999999', 'X1', '别处')
            ) t(level, district_code, key, key_name)""",
            """create table mart.mart_data_completeness as select date '2026-10-01' as month, '340405' as district_code,
              'patrol_app' as source, 'patrols' as record, 'patrol_kind' as category, 'joint' as key, date '2026-10-09' as last_seen_on,
              null as came_back_on, 15 as missing_workdays, true as is_vanished""",
            """create table mart.mart_return_completeness as select date '2026-10-01' as month, '340405' as district_code,
              'C1' as community_code, 'matters' as sheet, true as is_expected, false as is_complete, 'not_yet_due' as state,
              date '2026-11-06' as due_on""",
            "create table ref.code_lists as select 'patrol_kind' as code_list, 'joint' as code, '联勤' as code_name",
            "create table ref.phases as select 'x' as phase_code, 'x' as phase_name",
            "create table ref.ledger_kinds as select 'x' as kind_code, 'x' as kind_name",
            "create table ref.enforcement_items as select '4-02' as item_code, 'fire' as lead_department_code",
            """create table mart.mart_campaign_proposal as select * from (values
              (date '2026-11-01', '340405', 1, '4', '4-02', '4-01', null, 'X2;X1', 'none'),
              (date '2026-10-01', '340405', 1, '4', '4-01', null, null, 'X1', 'none')
            ) t(month, district_code, proposal_rank, category_code, item_1_code, item_2_code, item_3_code, compound_codes,
                duty_department_code)""",
        ):  # fmt: skip
            con.execute(statement)
    return found.home


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    return settings_of(shutil.copytree(home, tmp_path, dirs_exist_ok=True))


def test_the_question(settings: Settings) -> None:
    asked = proposal(settings, OCTOBER)
    assert asked.subject == "2026年10月 综合执法回头看：请批准结账"
    assert asked.body.splitlines() == [
        "数据截至 2026-11-01（不含当日）。冻结的是截至月末的数字，之后的更正列为重述。",
        "",
        "- 2日核实：按期 5 / 6，未到期 0",
        "- 5日办结：按期 8 / 9，未到期 1",
        "- 一案双回访：双满意 3 / 双回访 4，未到期 2",
        "",
        "没有到月末的数据（结账后补来的列为重述）：",
        "- 巡查应用·巡查：从未载入",
        "- 巡查应用·随手拍：只到 2026-10-29 00:00",
        "- 积分台账·居民：只到 2026-10-31 00:00",
        "",
        "一向都有、后来没有了的记录 1 类：",
        "- 某区 巡查应用·巡查（巡查类型：联勤）：2026-10-09 之后至今没有，已 15 个工作日",
        "",
        "2026年10月 台账还没有收到的社区 1 个（2026-11-06 到期）：",
        "- 某区 C1：议题",
        "",
        "下月专项整治建议：",
        "- 1：某区 消防安全（占用通道、飞线充电），春晖花苑、和畅佳园",
    ]


def parts(markdown: str) -> list[tuple[str, str]]:
    """What a text is to those that read it as Markdown: elements, and nothing of their words."""
    tokens = MARKDOWN.parse(markdown)
    inline = [child for token in tokens for child in token.children or [] if child.type != "text"]
    return [(token.type, token.tag) for token in [*tokens, *inline]]


def test_no_name_is_markup(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    restated = {
        "month": dt.date(2026, 9, 1), "mart": "mart_clock_257", "district_code": "340405", "level": "district", "grain": "step=accept",
        "metric": "on_time_count", "cause": "late_record", "record_count": 1,
    }  # fmt: skip
    before = SimpleNamespace(month=dt.date(2026, 9, 1), asked_at=dt.datetime(2026, 10, 3, tzinfo=dt.UTC), closed_at=None)
    monkeypatch.setattr(closing, "closed_months", lambda folder: [before])
    harmless = None
    # one of each kind: the other lines are made as the next test has them, and every question asks many tables
    for text in ("x", "![x](http://192.0.2.1/x.png)", "<img src=x onerror=alert(1)>", "x\n\n# x\n\n- x", "{{ 7*7 }}", "{month.__class__}"):
        row = restated | {"key": text, "old_value": text, "new_value": text, "records": [text]}
        monkeypatch.setattr(closing, "restated_since", lambda folder, moment, row=row: [row])
        with written(settings.published) as con:
            for table, column in (("dim_district", "district_name"), ("dim_level_key", "key_name"), ("code_lists", "code_name")):
                con.execute(f"update ref.{table} set {column} = $text", {"text": text})
            con.execute("update mart.mart_return_completeness set community_code = $text, sheet = 'matters'", {"text": text})
        asked = proposal(settings, OCTOBER)
        body = parts(asked.body)
        harmless = harmless or body
        assert body == harmless, text
        assert "://" not in asked.body
        # what is chosen is kept as it is called
        assert text in asked.campaigns[0]["words"]


@by_payload
def test_no_name_in_a_line_is_markup(payload: str) -> None:
    written = lines_with(payload)
    assert parts(written) == harmless_parts()
    assert "://" not in written and written.count("\n") == 3


def lines_with(text: str) -> str:
    lines = "- 1：{0} {0}（{0}、{0}），{0}", "{0}：{0}", "- {0} 到期", "- {0} 到期"
    return "\n".join(_as_markdown(line.format(text)) for line in lines)


@functools.cache
def harmless_parts() -> list[tuple[str, str]]:
    return parts(lines_with("x"))


def test_a_release_of_an_earlier_day_is_told(settings: Settings) -> None:
    with written(settings.published) as con:
        con.execute("update main.published_at set as_of = timestamptz '2026-10-16 00:00:00+08'")
    assert proposal(settings, OCTOBER).lagging[0] == "已发布的数字（下列各数）：只到 2026-10-16 00:00"


def test_a_feed_that_stands_stopped_at_the_gate_before_the_months_end_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = as_of(dt.date(2026, 10, 31))
    windows = {("patrol_app", "disputes"): end - dt.timedelta(days=3), ("patrol_app", "snaps"): None, ("case_system", "cases"): end}
    monkeypatch.setattr(Register, "stopped_windows", lambda register: windows)
    told = [text for text in proposal(settings, OCTOBER).lagging if "停在关口" in text]
    assert told == ["巡查应用·随手拍：整批停在关口，从未通过", "巡查应用·纠纷化解：整批停在关口，只到 2026-10-29 00:00"]


def campaign(number: str, district: str = "340405") -> ProposedCampaign:
    return ProposedCampaign(
        number=number, district_code=district, words=f"{district} {number}", month_on="2026-11-01", department_code="", item_codes="4-01",
        compound_codes="X1",
    )  # fmt: skip


PROPOSED = [campaign("1"), campaign("2"), campaign("1", "340406")]


def test_what_is_proposed_is_proposed_by_codes(settings: Settings) -> None:
    assert proposal(settings, OCTOBER).campaigns == [
        {
            "number": "1", "district_code": "340405", "words": "某区 消防安全（占用通道、飞线充电），春晖花苑、和畅佳园",
            "month_on": "2026-11-01", "department_code": "fire", "item_codes": "4-02;4-01", "compound_codes": "X2;X1",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "words", "chosen"),
    [
        ("1", "340405 1；340406 1", [PROPOSED[0], PROPOSED[2]]),
        ("2", "340405 2", [PROPOSED[1]]),
        ("０１", "340405 1；340406 1", [PROPOSED[0], PROPOSED[2]]),
        ("340405=2；340406=0", "340405 2", [PROPOSED[1]]),
        ("340406：1", "340406 1", [PROPOSED[2]]),
        ("340406 = １。", "340406 1", [PROPOSED[2]]),
        ("1。", "340405 1；340406 1", [PROPOSED[0], PROPOSED[2]]),
        ("0", "不开展", []),
        ("340405=0", "不开展", []),
        (" 清理楼道 ", "清理楼道", []),
        (" ", "", []),
    ],
)
def test_the_answer_is_kept_in_the_words_that_were_shown(answer: str, words: str, chosen: list[ProposedCampaign]) -> None:
    found = chosen_campaign(PROPOSED, answer)
    assert (found.words, list(found.campaigns)) == (words, chosen)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("7", "没有第 7 项（1、2）"),
        ("340406=2", "没有第 340406=2 项（1）"),
        ("999999=1", "没有第 999999=1 项（本月没有建议）"),
        ("1、2", "看不懂"),
        ("第1项", "看不懂"),
        ("340405=1；340405=2", "选了两次"),
    ],
)
def test_a_number_of_no_proposal_is_refused(answer: str, said: str) -> None:
    with pytest.raises(NotProposed, match=said):
        chosen_campaign(PROPOSED, answer)
    with pytest.raises(NotProposed, match="没有第 1 项（本月没有建议）"):
        chosen_campaign([], "1")


def test_what_was_restated_since_the_close_before_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"month": dt.date(2026, 9, 1), "restatement_no": 1, "mart": "mart_clock_257", "district_code": "340405", "level": "district",
           "key": "340405", "grain": "step=accept", "metric": "on_time_count", "old_value": "8", "new_value": "9", "cause": "late_record",
           "record_count": 1, "records": ["fct_case_step 340405-2026-000001/1/accept"]}  # fmt: skip
    asked_at = dt.datetime(2026, 10, 3, tzinfo=dt.UTC)
    asked: list[dt.datetime] = []

    def restated_since(folder: Path, moment: dt.datetime) -> list[dict[str, Any]]:
        asked.append(moment)
        return [row, row | {"level": "compound", "key": "X1"}]

    before = SimpleNamespace(month=dt.date(2026, 9, 1), asked_at=asked_at, closed_at=None)
    monkeypatch.setattr(closing, "closed_months", lambda folder: [before])
    monkeypatch.setattr(closing, "restated_since", restated_since)
    body = proposal(settings, OCTOBER).body
    assert asked == [asked_at]
    assert "此前已结账各月的更正（重述）2 个数字，其中全区数字 1 个：" in body
    behind = "1 条记录，如 fct_case_step 340405-2026-000001/1/accept"
    assert f"- 2026-09 “257”时钟 340405 环节=2日核实 按期数：8 → 9（补录，{behind}）" in body
