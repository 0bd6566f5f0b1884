"""From a bad file to a slip, from the filled-in slip to the marts: in Excel, in the CSV encodings, and beside whole files sent again."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from linli import pipeline, publication
from linli.demo.reference import write_reference
from linli.pipeline.night import NightReport
from linli.register import QuarantineEntry, Register
from linli.settings import SHANGHAI, Settings
from scenarios.slips.filled_in import lines, matter, meeting
from scenarios.slips.office import Cells, as_csv, as_workbook, change, opened

FIRST, SECOND = dt.date(2026, 11, 3), dt.date(2026, 11, 4)
OCTOBER = dt.date(2026, 10, 1)


@dataclass(frozen=True)
class Way:
    """One community: what it sent, and what it sends back. `bad` rows are on its slip; `counts` (meetings, matters) stand in the end."""

    sent: Callable[[str], tuple[str, bytes]]
    bad: int
    returned: Callable[[str, dict[str, Cells]], tuple[str, bytes]]
    counts: tuple[int, int]


def book_sent(community: str) -> tuple[str, bytes]:
    """A meeting of no known type, a matter of it that waits, and one of an unknown item."""
    meetings = [meeting(community, 1), meeting(community, 2, "茶话会"), meeting(community, 3)]
    matters = [matter(community, 1, 1), matter(community, 2, 2), matter(community, 3, 1, "9-99")]
    sheets = {"会议": lines(community, "会议", *meetings), "议题": lines(community, "议题", *matters)}
    return f"340405-{community}_202610.xlsx", as_workbook(sheets)


def sheet_sent(community: str, encoding: str = "utf-8-sig") -> tuple[str, bytes]:
    """Two meetings under one number, one on a day nobody can read."""
    twice = [meeting(community, 1), meeting(community, 1, "会谈"), meeting(community, 2), meeting(community, 3, on="下周三")]
    return f"340405-{community}_202610_会议.csv", as_csv(lines(community, "会议", *twice), encoding)


def slip_as_workbook(community: str, slip: dict[str, Cells]) -> tuple[str, bytes]:
    change(slip["会议 2026-10"], 0, 会议类型="会谈", 处理="更正")
    change(slip["议题 2026-10"], 0, 清单事项编码="4-01")
    return "填好的.xlsx", as_workbook(slip)


def slip_as_csv(encoding: str, name: str) -> Callable[[str, dict[str, Cells]], tuple[str, bytes]]:
    def filled(community: str, slip: dict[str, Cells]) -> tuple[str, bytes]:
        cells = slip["会议 2026-10"]
        change(cells, 0, 处理="作废")
        change(cells, 2, 会议日期="10月21日")
        return name, as_csv(cells, encoding)

    return filled


def whole_again(community: str, slip: dict[str, Cells]) -> tuple[str, bytes]:
    rows = [meeting(community, 1), meeting(community, 2), meeting(community, 3), meeting(community, 4, "会谈")]
    sheets = {"会议": lines(community, "会议", *rows), "议题": lines(community, "议题", matter(community, 1, 1))}
    return f"340405-{community}_202610(更正).xlsx", as_workbook(sheets)


def sheet_again(community: str, slip: dict[str, Cells]) -> tuple[str, bytes]:
    return f"340405-{community}_202610_会议(更正).csv", as_csv(
        lines(community, "会议", meeting(community, 1), meeting(community, 2)), "gb18030"
    )


WAYS = {
    "C01": Way(book_sent, 2, slip_as_workbook, (3, 3)),
    "C02": Way(sheet_sent, 3, slip_as_csv("utf-8-sig", "新建 文件.csv"), (3, 0)),
    "C03": Way(sheet_sent, 3, slip_as_csv("utf-8", "会议.csv"), (3, 0)),
    "C04": Way(lambda c: sheet_sent(c, "gb18030"), 3, slip_as_csv("gb18030", "340405-C04退回单.csv"), (3, 0)),
    "C05": Way(book_sent, 2, whole_again, (4, 1)),
    "C06": Way(sheet_sent, 3, sheet_again, (2, 0)),
}


@dataclass(frozen=True)
class Story:
    """The two nights, what was open after each, and the slips between them."""

    settings: Settings
    open_before: list[QuarantineEntry]
    slips: dict[str, dict[str, Cells]]
    before: dict[str, tuple[int, int]]
    second: NightReport


def drop(settings: Settings, name: str, content: bytes, day: dt.date) -> None:
    path = Path(settings.connections["meeting_returns"]) / name
    path.write_bytes(content)
    os.utime(path, (dt.datetime.combine(day, dt.time(9), SHANGHAI).timestamp(),) * 2)


def counted(settings: Settings) -> dict[str, tuple[int, int]]:
    """Meetings and matters of October as published, by community."""
    con = publication.open_published(settings)
    try:
        found = {}
        for community in WAYS:
            key = f"340405-{community}"
            sums = "select coalesce(sum({}), 0)::int from mart.{} where level = 'community' and key = ? and month = ?"
            [[meetings]] = con.execute(sums.format("meeting_count", "mart_meeting"), [key, OCTOBER]).fetchall()
            [[matters]] = con.execute(sums.format("raised_count", "mart_matter"), [key, OCTOBER]).fetchall()
            found[community] = (meetings, matters)
        return found
    finally:
        con.close()


def register_of(settings: Settings) -> Register:
    return Register(settings.register_path)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("resubmission")
    write_reference(folder / "reference", scale=1)
    (folder / "inbox").mkdir()
    (folder / "clock").write_text(f"{SECOND}")
    settings = Settings.load(
        {
            **os.environ,
            "LINLI_HOME": str(folder / "home"),
            "LINLI_REFERENCE": str(folder / "reference"),
            "LINLI_MEETING_INBOX": str(folder / "inbox"),
            "LINLI_INBOX_QUIET_SECONDS": "0",
            "LINLI_CLOCK": str(folder / "clock"),
        }
    )
    for community, way in WAYS.items():
        drop(settings, *way.sent(community), FIRST)
    pipeline.night(settings, FIRST)
    with register_of(settings) as register:
        entries = register.quarantine()
    written = pipeline.write_slips(settings)
    slips = {community: opened(written.folder / f"meeting_returns-340405-{community}.xlsx") for community in WAYS}
    before = counted(settings)
    for community, way in WAYS.items():
        drop(settings, *way.returned(community, {name: [list(row) for row in cells] for name, cells in slips[community].items()}), SECOND)
    return Story(settings, entries, slips, before, pipeline.night(settings, SECOND))


@pytest.mark.parametrize("community", WAYS)
def test_a_slip_has_the_bad_rows_and_no_others(story: Story, community: str) -> None:
    rows = [row for name, cells in story.slips[community].items() if name not in ("说明", "名录") for row in cells[3:-1]]
    assert len(rows) == WAYS[community].bad
    assert len([e for e in story.open_before if e.submitter == f"340405-{community}"]) <= len(rows)


@pytest.mark.parametrize("community", WAYS)
def test_what_is_handed_back_reaches_the_marts(story: Story, community: str) -> None:
    assert story.before[community] != WAYS[community].counts
    assert counted(story.settings)[community] == WAYS[community].counts


def test_every_entry_closes_by_itself(story: Story) -> None:
    with register_of(story.settings) as register:
        assert register.quarantine() == []
        assert {e.closed_reason for e in register.quarantine(include_closed=True)} <= {"accepted", "superseded"}


def test_every_landed_row_is_accounted_for(story: Story) -> None:
    with register_of(story.settings) as register:
        accounts = {a["record"]: a for a in register.accounts()}
        assert all(a["landed"] == a["accepted"] + a["quarantined"] + a["held"] + a["duplicates"] for a in accounts.values())
        assert register.held_rows("meeting_returns", "matters") == []
        amended = [b for b in register.batches(record="meetings") if "amends" in b.meta]
    assert sorted(b.rows for b in amended) == [3, 3, 3, 3]
    assert story.second.state == "succeeded"


def test_the_night_says_what_was_corrected(story: Story) -> None:
    settled = story.second.table.settled
    assert settled.months == [OCTOBER] and settled.counts["accepted"] > 0
    assert sum(settled.counts.values()) == len(story.open_before)
