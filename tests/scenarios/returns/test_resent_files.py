"""A file that was cut off on its way is told of until its whole self has come, and no longer."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter

from linli import pipeline
from linli.demo.reference import write_reference
from linli.demo.returns import HEADERS
from linli.pipeline.words import readable
from linli.register import QuarantineEntry, Register
from linli.settings import SHANGHAI, Settings

FIRST, SECOND = dt.date(2026, 10, 30), dt.date(2026, 10, 31)
MEETING = ["HY0001", "三方议事会", "340405-C02-X01", "2026-10-08", "09:00", "和畅社区", "城管", "E001", 12, "是"]
EVENT = ["PF0001", "340405-C02-X01", "2026-10-08", "普法讲座", "法官", 30]


def lines(sheet: str, row: Sequence[object], month: int = 10) -> list[Sequence[object]]:
    title = f"八公山区和畅社区2026年{month}月{sheet}台账"
    return [[title], [names[0] for _, names in HEADERS[sheet]], row, ["合计", 1], ["制表人：某某"]]


def csv(sheet: str, row: Sequence[object], month: int = 10) -> bytes:
    return "\r\n".join(",".join(map(str, cells)) for cells in lines(sheet, row, month)).encode()


def workbook(**sheets: Sequence[object]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for sheet, row in sheets.items():
            page = book.add_worksheet(sheet)
            for at, cells in enumerate(lines(sheet, row)):
                page.write_row(at, 0, cells)
    return content.getvalue()


MEETINGS, EVENTS = workbook(会议=MEETING), csv("普法", EVENT)
CUTS = {
    "a workbook": ("340405-C02_202610_会议.xlsx", MEETINGS[:-60], MEETINGS),
    "a workbook of all sheets": ("340405-C02_202610.xlsx", workbook(会议=MEETING, 普法=EVENT)[:-60], workbook(会议=MEETING, 普法=EVENT)),
    "a workbook named in words": ("和畅社区2026年10月台账.xlsx", MEETINGS[:-60], MEETINGS),
    "a CSV without its footer": ("340405-C02_202610_普法.csv", EVENTS.split("合计".encode())[0], EVENTS),
    "a CSV in the middle of a character": ("340405-C02_202610_普法.csv", EVENTS[: EVENTS.index("法官".encode()) + 1], EVENTS),
    "a CSV only its title tells of": ("台账.csv", EVENTS.split("合计".encode())[0], EVENTS),
    "a title cut in the middle of a character": ("台账.csv", EVENTS[: EVENTS.index("法官".encode()) + 1], EVENTS),
    "in GB18030": ("台账.csv", EVENTS.decode().encode("gb18030").split("合计".encode("gb18030"))[0], EVENTS.decode().encode("gb18030")),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_reference(tmp_path / "reference", scale=1)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "clock").write_text("2026-12-31")
    return Settings.load(
        {
            "LINLI_HOME": str(tmp_path / "home"),
            "LINLI_REFERENCE": str(tmp_path / "reference"),
            "LINLI_MEETING_INBOX": str(tmp_path / "inbox"),
            "LINLI_INBOX_QUIET_SECONDS": "0",
            "LINLI_CLOCK": str(tmp_path / "clock"),
        }
    )


def drop(settings: Settings, name: str, content: bytes, day: dt.date, hour: int = 9) -> None:
    path = Path(settings.connections["meeting_returns"]) / name
    path.write_bytes(content)
    os.utime(path, (dt.datetime.combine(day, dt.time(hour), SHANGHAI).timestamp(),) * 2)


def load(settings: Settings, day: dt.date) -> list[QuarantineEntry]:
    """A night up to the gate; the entries then open."""
    run_id = pipeline.begin(settings, day).run_id
    pipeline.extract_feed(settings, run_id, pipeline.FeedRef("meeting_returns", "returns"))
    pipeline.gate_run(settings, run_id)
    with Register(settings.register_path) as register:
        return register.quarantine()


def ends(settings: Settings) -> list[str | None]:
    with Register(settings.register_path) as register:
        return [entry.closed_reason for entry in register.quarantine(include_closed=True)]


def accepted(settings: Settings) -> int:
    with Register(settings.register_path) as register:
        return sum(int(account["accepted"]) for account in register.accounts() if account["record"] == "publicity_events")


@pytest.mark.parametrize("what", CUTS)
def test_the_whole_file_ends_what_its_cut_one_opened(settings: Settings, what: str) -> None:
    name, cut, whole = CUTS[what]
    drop(settings, name, cut, FIRST)
    (entry,) = load(settings, FIRST)
    assert (entry.record, entry.rules) == ("returns", ("file_readable",))
    drop(settings, name, whole, SECOND)
    assert load(settings, SECOND) == []
    assert ends(settings) == ["superseded"]


def test_a_file_that_came_whole_in_the_same_night_leaves_nothing_open(settings: Settings) -> None:
    drop(settings, "340405-C02_202610_会议.xlsx", MEETINGS[:-60], FIRST)
    drop(settings, "340405-C02_202610_会议(1).xlsx", MEETINGS, FIRST, hour=10)
    assert load(settings, FIRST) == []
    assert ends(settings) == ["superseded"]


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("340405-C02_202610_普法.csv", EVENTS),
        ("340405-C01_202610_会议.xlsx", MEETINGS),
        ("340405-C02_202609_会议.csv", csv("会议", MEETING, 9)),
    ],
    ids=["another sheet", "another community", "another month"],
)
def test_another_file_does_not_end_it(settings: Settings, name: str, whole: bytes) -> None:
    drop(settings, "340405-C02_202610_会议.xlsx", MEETINGS[:-60], FIRST)
    load(settings, FIRST)
    drop(settings, name, whole, SECOND)
    assert [entry for entry in load(settings, SECOND) if entry.record == "returns" and entry.rules == ("file_readable",)]


def test_a_file_refused_for_its_name_comes_in_under_another_one(settings: Settings) -> None:
    nameless = EVENTS.replace("八公山区和畅社区2026年10月".encode(), b"")
    drop(settings, "和畅普法.csv", nameless, FIRST)
    assert {rule for entry in load(settings, FIRST) if entry.record == "returns" for rule in entry.rules} == {"month_on_present"}
    # as it was, and under a name that says no more than the first
    drop(settings, "和畅的普法.csv", nameless, FIRST, hour=10)
    assert load(settings, FIRST) and accepted(settings) == 0
    inbox = Path(settings.connections["meeting_returns"])
    (inbox / "和畅普法.csv").unlink()
    drop(settings, "340405-C02_202610_普法.csv", nameless, SECOND)
    assert load(settings, SECOND) == [] and accepted(settings) == 1
    assert set(ends(settings)) == {"superseded"}
    drop(settings, "340405-C02_202610_普法(1).csv", nameless, SECOND, hour=10)
    assert load(settings, SECOND) == [] and accepted(settings) == 1


def test_an_earlier_whole_file_does_not_end_it(settings: Settings) -> None:
    drop(settings, "340405-C02_202610_会议.xlsx", MEETINGS, FIRST)
    load(settings, FIRST)
    drop(settings, "340405-C02_202610_会议(更正).xlsx", MEETINGS[:-60], SECOND)
    assert len(load(settings, SECOND)) == len(load(settings, SECOND)) == 1


def test_a_file_dropped_after_the_day_is_told_and_loaded_the_next_night(settings: Settings) -> None:
    drop(settings, "340405-C02_202610_会议.xlsx", MEETINGS, SECOND)
    load(settings, FIRST)
    load(settings, SECOND)
    with Register(settings.register_path) as register:
        runs = [register.run(run["run_id"]) for run in reversed(register.runs())]
        first, second = (next(s for s in register.source_statuses(run) if s.source == "meeting_returns") for run in runs)
    assert (first.state, first.landed, first.detail) == ("loaded", 0, "有 1 个文件在 2026-10-31 00:00 之后放入或仍在写入，等下一夜载入")
    assert (second.state, second.landed, second.detail) == ("loaded", 2, "")


def test_a_returned_file_is_found_by_the_key_as_it_is_shown(settings: Settings) -> None:
    drop(settings, "340405-C02_202610_会议.xlsx", MEETINGS[:-60], FIRST)
    (entry,) = load(settings, FIRST)
    shown = readable(entry.key)
    assert len(shown) < 20 < len(entry.key)
    found = pipeline.quarantined_row(settings, "meeting_returns.returns", shown)
    assert found == pipeline.quarantined_row(settings, "meeting_returns.returns", entry.key)
    assert [word.message for word in found.words] == ["文件没有被接收：文件不完整，可能上传中断"]
    values = {name: value for name, _, [value] in found.values}
    assert (values["file_sha"], values["received_at"], values["is_complete"]) == (entry.key[:12], "2026-10-30 09:00", "否")


def test_a_date_nobody_can_read_is_not_called_missing(settings: Settings) -> None:
    drop(settings, "340405-C02_202610_普法.csv", csv("普法", [*EVENT[:2], "下周三", *EVENT[3:]]), FIRST)
    (entry,) = load(settings, FIRST)
    (word,) = pipeline.quarantined_row(settings, "meeting_returns.publicity_events", entry.key).words
    assert word.message == "活动日期“下周三”不能识别为日期"
