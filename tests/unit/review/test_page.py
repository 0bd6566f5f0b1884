"""What a page says of numbers: in sentences, with their counts, and nothing of too small a sample."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from linli.review.blocks import Chart, Lines, Page, Square, Table
from linli.review.page import page
from linli.review.questions import LEVELS, OF_RESIDENTS, Unit
from linli.review.words import Words
from unit.review.answers import DISTRICT, OCTOBER, SEPTEMBER, Rows, answered, clock, closed, restated, rows, satisfaction, sides, written


def conclusion(page: Page) -> str:
    return "".join(span.text for span in page.conclusion)


def blocks(page: Page) -> dict[str, Table | Chart | Square | Lines]:
    return {block.title: block for row in page.rows for block in row}


def lines(page: Page, title: str) -> list[str]:
    found = blocks(page)[title]
    assert isinstance(found, Lines)
    return ["".join(span.text for span in line) for line in found.lines]


def test_the_conclusion_comes_first_and_gives_its_counts() -> None:
    assert conclusion(written()) == (
        "本月收到 1,284 件，比上月多 1,234 件；5 日办结按期率 96.4%（54/56，含超期未办），比上月高 4.4 个百分点；双回访均满意 80.0%"
        "（28/35，95% 区间 64.0%–88.0%），回访覆盖 76.1%（35/46）。住建5 日办结按期率最低（83.3%，10/12）；"
        "占用消防通道、飞线充电合占 36.5%，建议列为下月专项。"
        "今年以来居民投诉 196 件，比去年同期−20%。"
    )


def test_it_is_said_in_english_too() -> None:
    said = conclusion(written(language="en"))
    assert said.startswith("1,284 cases were received, 1,234 more than the month before; 96.4% were resolved within 5 working days (54/56")
    assert said.endswith("196 complaints this year so far, −20% on last year.")


def test_a_month_without_cases_says_so() -> None:
    found = {name: [] for name in rows()} | {"release": rows()["release"]}
    page = written(found)
    assert conclusion(page) == "本月没有收到案件；到期 0 件，没有一件按期访到两方。"
    assert [tile.value for tile in page.tiles] == ["0", "—", "—", "—", "—", "0"]


def test_a_small_sample_is_said_to_be_one_and_compared_with_nothing() -> None:
    found = rows()
    found["satisfaction"] = [satisfaction(OCTOBER, 1, 3, 4)]
    found["clock"] = [clock(OCTOBER, "resolve", 3, 3), clock(SEPTEMBER, "resolve", 3, 6)]
    page = written(found)
    assert "双回访 3 件中 1 件两方均满意（不足 10 件，不作比较）" in conclusion(page)
    assert "100.0%（3/3，含超期未办），不足 10 件；双回访" in conclusion(page)
    tile = page.tiles[2]
    assert (tile.value, tile.remark, tile.tone) == ("100.0%", "3/3　不足 10 件", "dim")


def test_the_lowest_department_is_one_that_can_be_compared() -> None:
    # 消防 has one of five on time, which is too few to say anything of
    assert "住建5 日办结按期率最低" in conclusion(written())
    table = blocks(written())["部门"]
    assert isinstance(table, Table)
    told = {cells[0].text: (cells[4].text, cells[4].tone) for cells in table.rows}
    assert told == {"城管": ("100.0%", ""), "住建": ("83.3%", "bad"), "消防": ("(20.0%)", "dim")}


def test_a_compound_is_marked_where_it_is_well_below_the_district() -> None:
    matrix = next(block for row in written().rows for block in row if isinstance(block, Table) and block.ask == "compounds")
    by_name = {cells[0].text: [(cell.text, cell.tone) for cell in cells[1:]] for cells in matrix.rows}
    assert by_name["春晖花苑"] == [("8", ""), ("", ""), ("19", "strong"), ("(100%)", "dim"), ("50%", "bad"), ("1/2", "bad")]
    assert by_name["和畅佳园"] == [("", ""), ("", ""), ("18", "strong"), ("75%", "bad"), ("50%", "bad"), ("2/2", "")]
    assert [cell.heat for cell in matrix.rows[0][1:3]] == [1.0, None]


def test_the_backlog_counts_what_is_beyond_the_clock() -> None:
    tile = written().tiles[5]
    assert (tile.value, tile.remark, tile.tone) == ("14", "超 7 个工作日 4", "bad")


def test_the_square_of_the_two_sides() -> None:
    square = blocks(written())["两方回访是否一致"]
    assert isinstance(square, Square)
    assert square.note == "同一件，n=35，一致性 κ=0.36"
    assert [[cell[0] for cell in cells] for _, cells in square.rows] == [["28", "2"], ["3", "2"]]


def test_next_month_and_what_came_of_the_last_campaign() -> None:
    assert lines(written(), "下月专项建议") == [
        "消防安全（占用消防通道、飞线充电）：全区近三个月 21 件；重点 春晖花苑、和畅佳园；轮值 消防",
        "9 月专项（消防）成效，与未开展的小区相比：看不出变化（相对倍数 0.80，95% 区间 0.50–1.25）",
        "同类同推：噪声扰民 在 4 个小区同时出现（6 件，未结 2），牵头 和畅佳园",
        "书记/网格员满意而居民不满意 2 件，须回头看（逐件见网页附录、Word 附件和 Excel 附表）",
    ]


def test_restatements_are_told_by_mart_the_headlines_first() -> None:
    found = rows()
    found["restatements"] = [
        restated("mart_lead", "act_count", "3", "4"),
        restated("mart_two_callback_satisfaction", "matured_count", "40", "41"),
        restated("mart_two_callback_satisfaction", "pending_count", "2", "1"),
        restated("mart_two_callback_satisfaction", "satisfaction_rate", "0.8", "0.805555555556"),
        restated("mart_clock_257", "due_count", None, "1", month=SEPTEMBER) | {"grain": "step=accept"},
    ]
    found["release"][0]["restatement_no"] = 1
    page = written(found)
    assert lines(page, "更正（重述）") == [
        "2026-10 双回访满意率：3 个数字有变，如 双回访满意率 80.0% → 80.6%（补录，涉及 1 条）",
        "2026-10 一老一小：被带动者入账行为数 3 → 4（补录，涉及 1 条）",
        "2026-09 “257”时钟：环节=2日核实 到期环节数 无 → 1（补录，涉及 1 条）",
    ]
    found["restatements"] = [restated("mart_two_callback_satisfaction", "satisfaction_rate", "0.8", "0.800099700897")]
    assert lines(written(found), "更正（重述）") == ["2026-10 双回访满意率：双回访满意率 80.00% → 80.01%（补录，涉及 1 条）"]
    assert page.remarks[-1] == "版本 2026-10·r1　校验 9f3a00…c41e"


def test_what_was_closed_is_said_to_be() -> None:
    found = rows()
    assert written(found).remarks[1] == "本月尚未结账，数字还会变化"
    found["closed"] = [closed()]
    page = written(found)
    assert page.remarks[1] == "2026-11-12 已结账（李主任 批准），所列除标明未经结账的外，为批准的数字"
    assert lines(page, "下月专项建议")[0] == "已选定：消防"


def test_a_month_that_is_not_over_is_compared_with_nothing() -> None:
    found = rows()
    found["release"][0]["as_of"] -= dt.timedelta(days=20)
    page = written(found)
    assert page.remarks[1] == "本月未满，不与上月相比，数字还会变化"
    assert "比上月" not in conclusion(page)
    assert [tile.remark for tile in page.tiles[:3]] == ["", "54/56", "54/56"]
    departments = blocks(page)["部门"]
    assert isinstance(departments, Table)
    assert {cells[2].text for cells in departments.rows} == {""}
    matrix = next(block for row in page.rows for block in row if isinstance(block, Table) and block.ask == "compounds")
    assert {cells[-1].tone for cells in matrix.rows} == {""}


COMPOUND = Unit("340405", "compound", "340405-C01-X01", "春晖花苑")


def told(called: int | None, satisfied: int | None) -> Rows:
    """The rows of a place's page whose callbacks are told as far as they are given."""
    found = rows() | {"agreement": [], "disagreements": []}
    rate = None if called is None or satisfied is None else satisfied / called
    found["satisfaction"] = [
        {
            "month": OCTOBER, "matured_count": 46, "double_called_count": called, "double_satisfied_count": satisfied,
            "coverage_rate": None, "satisfaction_rate": rate, "satisfaction_low": rate, "satisfaction_high": rate, "is_small_sample": False,
        }
    ]  # fmt: skip
    return found


@pytest.mark.parametrize(("called", "satisfied"), [(None, None), (12, None), (None, 12)])
def test_answers_that_are_withheld_are_not_told(called: int | None, satisfied: int | None) -> None:
    page = written(told(called, satisfied), COMPOUND)
    assert "双回访涉及的居民过少，结果不列" in conclusion(page)
    assert (page.tiles[4].label, page.tiles[4].value, page.tiles[4].remark) == ("双回访满意率", "—", "居民过少，不列")


def test_how_many_have_matured_is_withheld_too() -> None:
    found = told(1, 1)
    found["satisfaction"][0] |= {"matured_count": None, "double_called_count": 0, "double_satisfied_count": 0, "satisfaction_rate": None}
    assert "双回访涉及的居民过少，结果不列" in conclusion(written(found, COMPOUND))


def test_a_place_is_told_of_the_callbacks_in_time_as_the_copies_are() -> None:
    found = told(40, 30)
    found["clock_today"] = [clock(OCTOBER, "follow_up", 55, 57)]
    tile = written(found | {"closed": [closed()]}, COMPOUND).tiles[3]
    assert (tile.value, tile.remark, tile.more, tile.ask) == ("96%", "", "", "follow_up")
    untold = found | {"follow_up": []}
    assert written(untold, COMPOUND).tiles[3].remark == "居民过少，不列"
    assert written(untold | {"satisfaction": []}, COMPOUND).tiles[3].remark == "结账后列出"
    assert written(untold | {"satisfaction": [], "closed": [closed()]}, COMPOUND).tiles[3].remark == "未经结账，不列"


@pytest.mark.parametrize("level", LEVELS)
def test_which_clock_broke_stays_in_the_team(level: str) -> None:
    found = rows() if level in ("district", "department") else told(40, 30)
    titles = set(blocks(written(found, Unit("340405", level, "K", "某单位"))))
    assert ("卡在哪一环" in titles) == (level == "department")
    assert ("月末未结" in titles) == (level != "district")


def test_a_restatement_says_how_many_records_are_behind_it_where_that_is_told() -> None:
    found = rows()
    found["restatements"] = [restated("mart_clock_257", "due_count", "1", "2") | {"record_count": None}]
    assert lines(written(found, COMPOUND), "更正（重述）") == ["2026-10 “257”时钟：到期环节数 1 → 2（补录）"]


def test_that_nobody_was_called_is_said_in_words() -> None:
    found = told(1, 1)
    found["satisfaction"][0] |= {"double_called_count": 0, "double_satisfied_count": 0, "satisfaction_rate": None}
    tile = written(found, COMPOUND).tiles[4]
    assert (tile.value, tile.remark) == ("—", "没有一件按期访到两方")


def test_a_place_is_told_its_answers_once_they_are_closed() -> None:
    page = written(told(40, 30), COMPOUND)
    assert (page.tiles[4].value, page.tiles[4].remark) == ("75.0%", "30/40")
    page = written(told(40, 30) | {"satisfaction": []}, COMPOUND)
    assert "双回访结果在结账后列出" in conclusion(page)
    assert (page.tiles[4].value, page.tiles[4].remark) == ("—", "结账后列出")


@pytest.mark.parametrize("level", LEVELS)
def test_how_the_two_sides_answered_stays_in_the_team(level: str) -> None:
    found = rows() if level in ("district", "department") else told(40, 30)
    titles = set(blocks(written(found, Unit("340405", level, "K", "某单位"))))
    assert ("两方回访是否一致" in titles) == (level in ("district", "department"))


def test_both_sides_reached_late_are_not_said_not_to_be_reached() -> None:
    found = rows()
    found["satisfaction"] = [satisfaction(OCTOBER, 0, 0, 9, late=2)]
    assert "；到期 9 件，没有一件按期访到两方，超期才访到两方 2 件。" in conclusion(written(found))


def test_a_closed_month_tells_what_was_approved_and_beside_it_what_reads_otherwise() -> None:
    found = rows() | {"closed": [closed()]}
    found["volume_today"] = [found["volume"][1] | {"received_count": 1285}]
    found["clock_today"] = [clock(OCTOBER, "resolve", 55, 57), *(row for row in found["clock"] if row["step"] != "resolve")]
    found["satisfaction_today"] = [satisfaction(OCTOBER, 29, 36, 46)]
    found["agreement_today"] = [found["agreement"][0] | sides((30, 35), (32, 38))]
    found["backlog_today"] = found["backlog"][:1]
    page = written(found)
    assert "；双回访均满意 80.0%（28/35，95% 区间 64.0%–88.0%），现为 80.6%，回访覆盖" in conclusion(page)
    assert [(tile.value, tile.more) for tile in page.tiles] == [
        ("1,284", "现为 1,285"), ("96.4%", ""), ("96.4%", "现为 96.5%"), ("96.4%", ""), ("83.8%", "现为 84.2%"),
        ("14", "环比 +14　现为 10"),
    ]  # fmt: skip
    assert blocks(page)["下月专项建议"].note.endswith("未经结账，截至 2026-11-12")


def test_what_was_not_among_what_was_closed_says_so() -> None:
    found = rows() | {"closed": [closed()]}
    answers = answered(found)
    answers["backlog"] = dataclasses.replace(answers["backlog"], is_approved=False)
    page_of_older_close = page(COMPOUND, OCTOBER, answers, Words("zh"), small_sample_n=10, satisfied_min_score=4)
    assert blocks(page_of_older_close)["月末未结"].note == "按自报告起已历工作日；未经结账，截至 2026-11-12"
    assert [("未经结账" in tile.more) for tile in page_of_older_close.tiles] == [False] * 5 + [True]


def test_a_district_that_was_not_there_at_the_close_is_not_closed() -> None:
    page = written(rows() | {"closed": [closed() | {"is_of_district": False}]})
    assert page.remarks[1] == "2026-11-12 结账时没有本区的数字：未经结账，数字还会变化"
    assert [tile.more for tile in page.tiles] == ["", "", "", "", "", "环比 +14"]


def test_a_month_that_is_not_closed_has_no_second_figures() -> None:
    assert [tile.more for tile in written().tiles] == ["", "", "", "", "", "环比 +14"]


def test_every_tile_is_compared_with_the_month_before() -> None:
    found = rows()
    found["agreement"].append(found["agreement"][0] | {"month": SEPTEMBER} | sides((30, 35), (30, 40)))
    found["backlog"].append(found["backlog"][0] | {"month": SEPTEMBER, "open_count": 16})
    compared = [f"{tile.remark} {tile.more}" for tile in written(found).tiles]
    assert [said for said in compared if not any(mark in said for mark in ("环比", "▲", "▼", "＝"))] == []
    assert compared[4:] == ["31/37　67–92.2% ▲8.8 点", "超 7 个工作日 4 环比 −2"]


def test_what_counts_as_satisfied_is_said_as_it_is_set() -> None:
    assert "两项评分均≥4" in written().definitions
    page_of_five = page(DISTRICT, OCTOBER, answered(rows()), Words("zh"), small_sample_n=10, satisfied_min_score=5)
    assert "两项评分均≥5" in page_of_five.definitions


def test_what_is_open_in_a_running_month_is_not_said_of_its_end() -> None:
    found = told(None, None)
    assert "月末未结" in blocks(written(found, COMPOUND))
    found["release"][0]["as_of"] -= dt.timedelta(days=20)
    running = written(found, COMPOUND)
    assert "目前未结" in blocks(running) and "月末未结" not in blocks(running)
    assert running.tiles[5].label == "目前未结"


def test_nobody_is_lowest_where_all_are_alike() -> None:
    found = rows()
    for row in found["departments"]:
        row |= {"on_time_rate": 1.0, "is_small_sample": False}
    assert "最低" not in conclusion(written(found))


def test_figures_of_a_few_residents_are_not_shown() -> None:
    found = rows()
    shown = blocks(written(found, COMPOUND))["进驻工作"]
    found["programme"][0] |= dict.fromkeys(OF_RESIDENTS)
    hidden = blocks(written(found, COMPOUND))["进驻工作"]
    assert isinstance(shown, Table) and isinstance(hidden, Table)
    assert {cells[0].text for cells in shown.rows} - {cells[0].text for cells in hidden.rows} == {"带头人", "积分挣得", "积分兑换"}


@pytest.mark.parametrize("level", LEVELS)
def test_every_number_names_a_question(level: str) -> None:
    page = written(unit=Unit(DISTRICT.district_code, level, "k", "某单位"))
    asked = {tile.ask for tile in page.tiles} | {block.ask for row in page.rows for block in row}
    asked |= {span.ask for span in page.conclusion if any(c.isdigit() for c in span.text)}
    assert asked <= set(page.answers)
