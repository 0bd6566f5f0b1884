"""Which texts are told to be alike, by hand-made rows."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from linli.settings import SHANGHAI
from linli.similarity import TEXTS, Rules, similar_cases

RULES = Rules(
    window_days=30, corpus_months=3, similar_percent=60, min_pairs=5, lift_percent=200, smoothing=10, common_percent=70, enough_texts=20
)
NOVEMBER = dt.date(2026, 11, 1)
CHARGING = "充电桩车位被油车长期霸占"
LEAKING = "地库顶板渗水滴到车上"


def row(case_no: str, text: str, on: str = "2026-11-10", item: str = "I1", district: str = "D1") -> dict[str, object]:
    day = dt.date.fromisoformat(on)
    return {
        "case_no": case_no,
        "district_code": district,
        "item_code": item,
        "reported_at": dt.datetime.combine(day, dt.time(9), tzinfo=SHANGHAI),
        "reported_on": day,
        "text": text,
    }


def found(rows: Sequence[dict[str, object]], months: Sequence[dt.date] = (NOVEMBER,), rules: Rules = RULES) -> set[tuple[object, ...]]:
    """The clusters, each as its cases in order."""
    table = pa.Table.from_pylist(list(rows), schema=TEXTS)
    clusters: dict[tuple[object, object], list[str]] = {}
    for each in similar_cases(months, lambda month: reported_in(table, month), rules).to_pylist():
        clusters.setdefault((each["month"], each["centre_case_no"]), []).append(each["case_no"])
    return {tuple(sorted(cases)) for cases in clusters.values()}


def reported_in(table: pa.Table, month: dt.date) -> pa.Table:
    return table.filter(pa.array([day.replace(day=1) == month for day in table.column("reported_on").to_pylist()], pa.bool_()))


def test_the_same_thing_in_other_sentences_is_one_cluster() -> None:
    rows = [row("A", f"您好，{CHARGING}，请看看"), row("B", f"最近{CHARGING}"), row("C", f"１２号楼下{CHARGING}！"), row("D", LEAKING)]
    assert found(rows) == {("A", "B", "C")}


@pytest.mark.parametrize("other", [row("B", CHARGING, item="I2"), row("B", CHARGING, district="D2"), row("B", CHARGING, on="2026-10-01")])
def test_another_item_district_or_time_is_not_compared(other: dict[str, object]) -> None:
    assert found([row("A", CHARGING), other]) == set()


def test_the_window_begins_thirty_days_before_the_month() -> None:
    assert found([row("A", CHARGING), row("B", CHARGING, on="2026-10-02")]) == {("A", "B")}


def test_a_text_that_says_too_little_is_like_nothing() -> None:
    assert found([row("A", "车位被占"), row("B", "车位被占")]) == set()
    assert found([row("A", "车位被人占去"), row("B", "车位被人占去")]) == {("A", "B")}


def test_numbers_and_punctuation_do_not_count() -> None:
    assert found([row("A", "三十二号楼水管井盖松动多日"), row("B", "７号楼，水管、井盖松动多日。")]) == {("A", "B")}


def test_what_every_item_says_ties_nothing_together() -> None:
    polite = "您好麻烦有关部门尽快派执法队员来现场核实处理一下谢谢"
    others = [row(f"{item}{n}", polite, item=f"J{item}") for item in range(4) for n in range(10)]
    rows = [*others, row("A", polite + "水箱锈穿"), row("B", polite + "大门脱焊")]
    assert not any({"A", "B"} <= set(cluster) for cluster in found(rows))


def test_what_nearly_every_complaint_about_an_item_says_ties_nothing_together() -> None:
    things = ["灯箱倾斜", "水泵异响", "门禁失灵", "护栏锈断", "雨棚漏水", "井盖翘起", "墙皮剥落", "花坛开裂", "车棚倒塌", "信箱撬开"]
    things += ["电表冒烟", "烟道堵塞", "凉亭歪斜", "座椅缺腿", "滑梯裂缝", "路灯闪烁", "音箱太吵", "大门难关", "窗框松脱", "管道结冰"]
    things += ["地砖翘边", "楼梯掉渣", "栏杆晃动", "水龙滴漏", "电梯困人"]
    rows = [row(f"{n:02d}", f"小区公共设施维护不到位存在安全隐患{thing}") for n, thing in enumerate(things)]
    assert found(rows) == set()
    assert found(rows, rules=replace(RULES, common_percent=100, similar_percent=50))


def test_a_cluster_is_a_star_no_chain_of_small_steps() -> None:
    letters = "鼓乐灯笼旗帜船桨竹筏茶壶棋盘琴弦画卷剪纸泥人风筝"
    steps = [row(str(n), letters[n * 2 : n * 2 + 12]) for n in range(7)]
    assert found(steps[:2]) == {("0", "1")}
    # two steps are alike, three are not
    clusters = found(steps)
    assert ("0", "1", "2", "3", "4", "5", "6") not in clusters
    assert max(len(cluster) for cluster in clusters) > 2
    assert all(int(str(cluster[-1])) - int(str(cluster[0])) <= 4 for cluster in clusters)


def test_the_answer_does_not_hang_on_the_order_of_rows_or_on_the_other_months_asked_for() -> None:
    rng = random.Random(7)
    words = ["楼道", "堆满", "纸箱", "地库", "渗水", "电梯", "异响", "门禁", "失灵", "路灯", "不亮", "护栏", "锈断"]
    rows = [
        row(f"{n:03d}", "".join(rng.choices(words, k=5)), on=str(dt.date(2026, 9, 1) + dt.timedelta(days=rng.randrange(85))))
        for n in range(300)
    ]
    months = [dt.date(2026, 9, 1), dt.date(2026, 10, 1), NOVEMBER]
    whole = found(rows, months)
    assert len(whole) > 10
    shuffled = rng.sample(rows, len(rows))
    assert found(shuffled, months[::-1]) == whole
    assert set.union(*[found(shuffled, [month]) for month in months]) == whole


def test_nothing_reported_is_no_cluster() -> None:
    assert found([]) == set()
    assert found([row("A", "")]) == set()
