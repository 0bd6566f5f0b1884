"""Hand-filled returns: names, encodings, headers, footers, and files of which one cannot be sure that they are whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from linli.contracts import Catalog, Feed
from linli.sources import Reading, SourceUnavailable, Window
from linli.sources.files import WHOLE_FILE, InboxSource
from linli.sources.inbox import community_in, dropped, month_in, safe_label

WINDOW = Window(None, dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
MEETING_HEAD = [
    "会议编号",
    "会议类型",
    "小区编码",
    "会议日期",
    "开始时间",
    "主持人单位",
    "参会执法部门",
    "参会队员编号",
    "居民代表人数",
    "是否有执法部门参加",
]
MEETING = ["M1", "三方议事会", "340405-C01-X02", "2026-10-08", "14:30", "社区", "城管、公安", "E001", "12人", "√"]
PUBLICITY = (
    "八公山区和畅社区2026年10月普法台账,,,,,\r\n活动编号,小区编码,日期,活动类型,主讲人,人数\r\n"
    "P1,340405-C02-X01,2026/10/8,普法讲座,法官,30\r\nP2,340405-C02-X01,10月9日,普法讲座,法官,３１\r\n合计,2,,,,\r\n制表人：某某,,,,,\r\n"
)


@pytest.fixture(scope="module")
def feed(catalog: Catalog) -> Feed:
    return catalog.sources["meeting_returns"].feeds[0]


def workbook(sheets: dict[str, Sequence[Sequence[Any]]], merges: Sequence[tuple[int, int, int, int, str]] = (), **options: Any) -> bytes:
    target = BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, **options})
    for name, rows in sheets.items():
        page = book.add_worksheet(name)
        for number, cells in enumerate(rows):
            page.write_row(number, 0, cells)
        for merge in merges:
            page.merge_range(*merge)
    book.close()
    return target.getvalue()


def read(inbox: Path, feed: Feed, known: frozenset[str] = frozenset()) -> list[tuple[Reading, dict[str, list[dict[str, Any]]]]]:
    source = InboxSource(inbox, quiet_seconds=0)
    readings = source.readings(feed, WINDOW, seen=known.__contains__)
    return [(r, {name: rows.read_all().to_pylist() for name, rows in r.tables.items()}) for r in readings]


def only(inbox: Path, feed: Feed, name: str, content: bytes) -> tuple[Reading, dict[str, list[dict[str, Any]]]]:
    (inbox / name).write_bytes(content)
    [found] = read(inbox, feed)
    return found


def test_a_workbook_with_titles_and_odd_headings(tmp_path: Path, feed: Feed) -> None:
    head = [
        "会 议 编 号",
        "会议类型（四选一）",
        "小区代码",
        "召开时间",
        *MEETING_HEAD[4:8],
        "居民代表人数\n（人）",
        "是否有执法部门参加(是/否)",
    ]
    rows = [
        ["八公山区春晖社区2026年10月会议台账"], ["填报日期：2026年11月2日"], head, MEETING,
        ["M2", "会谈", "３４０４０５－Ｃ０１－Ｘ０２", 46303, "9:00", "社区", "", "", "１２", ""], [],
        ["M3", "会谈", "340405-C01-X02", "10月9日", "9:00", "社区", "城管 公安", "", "十二", "否"],
        ["合计", 3], ["制表人：某某", "", "审核人：某某"],
    ]  # fmt: skip
    reading, tables = only(tmp_path, feed, "340405-C01_202610_会议.xlsx", workbook({"会议": rows, "填表说明": [["请勿修改表头"]]}))
    first, second, third = tables["meetings"]
    assert (first["met_on"], first["departments"], first["resident_count"]) == (dt.date(2026, 10, 8), ["城管", "公安"], 12)
    assert [row["has_enforcement"] for row in tables["meetings"]] == [True, False, False]
    assert (second["compound_code"], second["met_on"], second["resident_count"]) == ("340405-C01-X02", dt.date(2026, 10, 8), 12)
    assert (third["met_on"], third["resident_count"], third["_unreadable"]) == (dt.date(2026, 10, 9), None, ["resident_count"])
    assert reading.file is not None
    assert third["_source_ref"] == f"{reading.file.label} 会议!第7行"
    [entry] = tables["returns"]
    assert (entry["sheet"], entry["community_code"], entry["district_code"]) == ("会议", "340405-C01", "340405")
    assert (entry["month_on"], entry["row_count"], entry["is_complete"], entry["problem"]) == (dt.date(2026, 10, 1), 3, True, None)
    assert {row["_parent_version"] for row in tables["meetings"]} == {reading.file.sha256} == {entry["file_sha"]}
    assert reading.expected_rows == {"returns": 1, "meetings": 3}


def test_cells_merged_downwards_hold_for_each_row(tmp_path: Path, feed: Feed) -> None:
    rows = [MEETING_HEAD, MEETING, ["M2", *MEETING[1:]], ["合计"]]
    content = workbook({"会议": rows}, [(1, 2, 2, 2, "340405-C01-X05")])
    _, tables = only(tmp_path, feed, "202610.xlsx", content)
    assert [row["compound_code"] for row in tables["meetings"]] == ["340405-C01-X05"] * 2


def test_serials_from_1904(tmp_path: Path, feed: Feed) -> None:
    rows = [MEETING_HEAD, [*MEETING[:3], 44841, *MEETING[4:]]]
    _, tables = only(tmp_path, feed, "202610.xlsx", workbook({"会议": rows}, date_1904=True))
    assert [row["met_on"] for row in tables["meetings"]] == [dt.date(2026, 10, 8)]


@pytest.mark.parametrize(
    ("month", "written", "meant"),
    [
        ("202512", "1月5日", dt.date(2026, 1, 5)),
        ("202601", "12月30日", dt.date(2025, 12, 30)),
        ("202601", "1月5日", dt.date(2026, 1, 5)),
        ("202611", "1月5日", dt.date(2026, 1, 5)),
    ],
)
def test_a_date_without_a_year_lies_beside_the_month_of_the_file(
    tmp_path: Path, feed: Feed, month: str, written: str, meant: dt.date
) -> None:
    content = PUBLICITY.replace("2026/10/8", written).replace("2026年10月", "").encode()
    _, tables = only(tmp_path, feed, f"340405-C02_{month}_普法.csv", content)
    assert tables["publicity_events"][0]["held_on"] == meant


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_csv_in_any_of_the_encodings(tmp_path: Path, feed: Feed, encoding: str) -> None:
    _, tables = only(tmp_path, feed, "普法.csv", PUBLICITY.encode(encoding))
    assert [(row["event_no"], row["attendee_count"]) for row in tables["publicity_events"]] == [("P1", 30), ("P2", 31)]
    assert [row["held_on"].day for row in tables["publicity_events"]] == [8, 9]
    assert [(row["sheet"], row["community_code"], row["row_count"]) for row in tables["returns"]] == [("普法", "340405-C02", 2)]


@pytest.mark.parametrize(
    ("name", "content", "is_complete", "problem"),
    [
        ("a.csv", PUBLICITY.split("合计")[0].encode(), False, "缺少表尾"),
        ("a.csv", PUBLICITY.encode()[:-52], False, "不完整"),
        ("a.csv", PUBLICITY.encode()[:200], False, "不完整"),
        ("a.csv", PUBLICITY.replace("法官", '"法官', 1).encode(), False, "引号"),
        ("a.csv", PUBLICITY.replace("法官", '"法官').encode(), True, "引号"),
        ("a.csv", PUBLICITY.replace("主讲人", "讲的人").encode(), True, "普法表缺少列：主讲人类别"),
        ("a.csv", b"\x81\x20,\xff\n" * 9, True, "编码无法识别"),
        ("a.csv", "小區,數量\n陽光小區,5\n".encode("big5"), True, "没有找到"),
        ("a.csv", b"x,y\n1,2\n", True, "没有找到"),
        ("a.csv", b"", False, "空的"),
        ("a.docx", b"PK", True, "不是 Excel"),
        ("a.xlsx", workbook({"会议": [MEETING_HEAD, MEETING]})[:-40], False, "不完整"),
        ("a.xlsx", workbook({"会议": [MEETING_HEAD, MEETING], "会议二": [MEETING_HEAD, MEETING]}), True, "两张会议表"),
    ],
)
def test_a_file_in_doubt_is_refused_whole(tmp_path: Path, feed: Feed, name: str, content: bytes, is_complete: bool, problem: str) -> None:
    _, tables = only(tmp_path, feed, f"340405-C01_202610_{name}", content)
    [entry] = tables.pop("returns")
    assert tables == {}
    assert problem in entry["problem"]
    sheet = "普法" if "普法台账".encode() in content else WHOLE_FILE
    assert (entry["is_complete"], entry["sheet"], entry["row_count"]) == (is_complete, sheet, 0)
    assert (entry["community_code"], entry["month_on"]) == ("340405-C01", dt.date(2026, 10, 1))


def test_no_cut_of_a_csv_is_read_short(tmp_path: Path, feed: Feed) -> None:
    content = PUBLICITY.encode()
    for cut in range(0, len(content), 3):
        name = tmp_path / "普法.csv"
        name.write_bytes(content[:cut])
        [(_, tables)] = read(tmp_path, feed)
        assert len(tables.get("publicity_events", [])) in (0, 2), f"cut at byte {cut}"


def test_two_quotes_far_apart_swallow_nothing_silently(tmp_path: Path, feed: Feed) -> None:
    lines = [f"P{n},340405-C02-X01,2026/10/8,普法讲座,法官,30" for n in range(50)]
    lines[10] = lines[10].replace("普法讲座", '"普法讲座')
    lines[40] = lines[40].replace("法官", '法官"')
    head, tail = PUBLICITY.split("P1,")[0], "合计,50,,,,\r\n"
    reading, tables = only(tmp_path, feed, "普法.csv", (head + "\r\n".join(lines) + "\r\n" + tail).encode())
    assert "publicity_events" not in tables
    assert reading.file is not None
    assert reading.file.problem


def test_the_same_bytes_are_read_once(tmp_path: Path, feed: Feed) -> None:
    for name in ("a.csv", "b (1).csv"):
        (tmp_path / name).write_bytes(PUBLICITY.encode())
    [(reading, _)] = read(tmp_path, feed)
    assert reading.file is not None
    assert read(tmp_path, feed, frozenset({reading.file.sha256})) == []


def test_temporary_and_fresh_files_wait_and_older_ones_come_first(tmp_path: Path, feed: Feed) -> None:
    for name, age in (("new.csv", 5), ("old.csv", 500), ("~$x.xlsx", 500), ("x.csv.part", 500), ("fresh.csv", 0)):
        (tmp_path / name).write_bytes(PUBLICITY.encode() + name.encode())
        moment = dt.datetime.now(dt.UTC).timestamp() - age
        os.utime(tmp_path / name, (moment, moment))
    readings = list(InboxSource(tmp_path, quiet_seconds=3).readings(feed, WINDOW, seen=lambda _: False))
    assert [reading.file.path.name for reading in readings if reading.file] == ["old.csv", "new.csv"]


def test_an_inbox_that_is_not_there_is_an_outage(tmp_path: Path, feed: Feed) -> None:
    with pytest.raises(SourceUnavailable):
        next(InboxSource(tmp_path / "gone").readings(feed, WINDOW, seen=lambda _: False))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("340405-C01_202610_会议.xlsx", "340405-C01_202610_会议-0123abcd.xlsx"),
        ("340405-C01_202610_会议 申屠测试 13900001234(更正).xlsx", "340405-C01_202610_会议(更正)-0123abcd.xlsx"),
        ("340405-c01 2026年10月 议题v2.CSV", "340405-C01_202610_议题(v2)-0123abcd.csv"),
        ("申屠测试的表.xlsx", "台账-0123abcd.xlsx"),
        ("（更正）340405-C01_202610_普法（1）.csv", "340405-C01_202610_普法(更正)(1)-0123abcd.csv"),
    ],
)
def test_labels_keep_only_what_can_be_recognised(name: str, label: str) -> None:
    assert safe_label(name, "0123abcd" + "0" * 56) == label


def test_months_and_communities_in_texts() -> None:
    assert month_in("八公山区春晖社区２０２６年１０月会议台账 填报日期：2026年11月2日") == (2026, 10)
    assert month_in("填报日期:2026-11-02") is None
    assert month_in("340405-C01_202609_会议") == (2026, 9)
    assert community_in("社区编码：３４０４０５-C01") == "340405-C01"
    assert community_in("春晖社区") is None


def test_a_file_dropped_after_the_window_is_left_for_its_own_night(tmp_path: Path, feed: Feed) -> None:
    path = tmp_path / "340405-C02_202610_普法.csv"
    path.write_bytes(PUBLICITY.encode())
    dropped = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
    os.utime(path, (dropped.timestamp(), dropped.timestamp()))
    source = InboxSource(tmp_path, quiet_seconds=0)
    assert list(source.readings(feed, Window(None, dropped), seen=lambda _: False)) == []
    assert len(list(source.readings(feed, Window(None, dropped + dt.timedelta(hours=1)), seen=lambda _: False))) == 1


def test_files_whose_turn_comes_later_are_counted_once(tmp_path: Path, feed: Feed) -> None:
    night = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    contents = {"early.csv": b"1", "late.csv": b"2", "late again.csv": b"2", "known.csv": b"3", "~$late.xlsx": b"4", "later.csv": b"5"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        moment = night.timestamp() + (-60 if name == "early.csv" else 0)
        os.utime(tmp_path / name, (moment, moment))
    known = hashlib.sha256(b"3").hexdigest()
    assert InboxSource(tmp_path, quiet_seconds=0).waiting(Window(None, night), seen=lambda sha: sha == known) == 2


def test_a_file_still_being_written_waits(tmp_path: Path, feed: Feed) -> None:
    (tmp_path / "普法.csv").write_bytes(PUBLICITY.encode())
    assert InboxSource(tmp_path, quiet_seconds=60).waiting(WINDOW, seen=lambda _: False) == 1
    assert InboxSource(tmp_path, quiet_seconds=0).waiting(WINDOW, seen=lambda _: False) == 0


def test_a_file_of_a_machine_whose_clock_is_ahead_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("x")
    ahead = time.time() + 3600
    os.utime(path, (ahead, ahead))
    later = dt.datetime.fromtimestamp(ahead + 60, dt.UTC)
    assert dropped(tmp_path, 30, later) == ([path], [])
    assert dropped(tmp_path, 7200, later) == ([], [path])
