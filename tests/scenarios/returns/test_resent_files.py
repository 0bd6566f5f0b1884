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
    return Settings.load(
        {
            "LINLI_HOME": str(tmp_path / "home"),
            "LINLI_REFERENCE": str(tmp_path / "reference"),
            "LINLI_MEETING_INBOX": str(tmp_path / "inbox"),
            "LINLI_INBOX_QUIET_SECONDS": "0",
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


def test_an_earlier_whole_file_does_not_end_it(settings: Settings) -> None:
    drop(settings, "340405-C02_202610_会议.xlsx", MEETINGS, FIRST)
    load(settings, FIRST)
    drop(settings, "340405-C02_202610_会议(更正).xlsx", MEETINGS[:-60], SECOND)
    assert len(load(settings, SECOND)) == len(load(settings, SECOND)) == 1
