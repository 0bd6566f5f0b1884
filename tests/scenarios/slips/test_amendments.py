"""Filled-in slips at the door: what they change, what they leave, and when they are refused as a whole."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from linli import pipeline
from linli.demo.reference import write_reference
from linli.failures import Refusal
from linli.pipeline import slips as slips_of_pipeline
from linli.pipeline.words import readable
from linli.register import QuarantineEntry, Register
from linli.settings import SHANGHAI, Settings
from payloads import PAYLOADS
from scenarios.slips.filled_in import lines, matter, meeting
from scenarios.slips.office import HEADING_ROW, Cells, as_csv, as_workbook, change, column, opened

DAYS = [dt.date(2026, 11, day) for day in range(3, 8)]
SLIP = "meeting_returns-340405-C01.xlsx"


@dataclass
class Inbox:
    """A home with an inbox and nothing else; a night goes as far as the gate."""

    settings: Settings
    nights: int = 0

    def drop(self, name: str, content: bytes, hour: int = 9) -> None:
        path = Path(self.settings.connections["meeting_returns"]) / name
        path.write_bytes(content)
        os.utime(path, (dt.datetime.combine(DAYS[self.nights], dt.time(hour), SHANGHAI).timestamp(),) * 2)

    def night(self) -> list[QuarantineEntry]:
        """Loads and judges what has been dropped; the entries then open."""
        run_id = pipeline.begin(self.settings, DAYS[self.nights]).run_id
        pipeline.extract_feed(self.settings, run_id, pipeline.FeedRef("meeting_returns", "returns"))
        pipeline.gate_run(self.settings, run_id)
        self.nights += 1
        with Register(self.settings.register_path) as register:
            return register.quarantine()

    def slip(self, name: str = SLIP) -> dict[str, Cells]:
        return opened(pipeline.write_slips(self.settings).folder / name)

    def newest(self, record: str = "meetings") -> list[dict[str, Any]]:
        """The rows of the newest batch of a record, with the verdict on each that was not accepted."""
        with Register(self.settings.register_path) as register:
            batch = register.batches(source="meeting_returns", record=record)[-1]
            verdict = register.latest_verdict(batch.batch_id)
        assert verdict is not None
        assert verdict.landed == verdict.accepted + verdict.quarantined + verdict.held + verdict.duplicates
        with duckdb.connect() as con:
            rows = con.sql(f"from read_parquet('{self.settings.home / batch.path}') order by _row_no").to_arrow_table().to_pylist()
            states = {}
            if verdict.path:
                listed = con.execute("select row_no, verdict from read_parquet(?)", [str(self.settings.home / verdict.path)])
                states = dict(listed.fetchall())
        return [row | {"verdict": states.get(row["_row_no"], "accepted")} for row in rows]

    def problem(self) -> str:
        """What is said of the one file that was refused."""
        with Register(self.settings.register_path) as register:
            [entry] = [e for e in register.quarantine() if e.record == "returns"]
        found = pipeline.quarantined_row(self.settings, "meeting_returns.returns", entry.key)
        return found.words[0].message.removeprefix("文件没有被接收：")


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    write_reference(tmp_path / "reference", scale=1)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "clock").write_text("2026-12-31")
    monkeypatch.setattr(slips_of_pipeline, "latest_day", lambda settings: DAYS[0])
    settings = Settings.load(
        {
            "LINLI_HOME": str(tmp_path / "home"),
            "LINLI_REFERENCE": str(tmp_path / "reference"),
            "LINLI_MEETING_INBOX": str(tmp_path / "inbox"),
            "LINLI_INBOX_QUIET_SECONDS": "0",
            "LINLI_CLOCK": str(tmp_path / "clock"),
        }
    )
    return Inbox(settings)


@pytest.fixture
def three_bad(inbox: Inbox) -> Inbox:
    """One good meeting and three of no known type, in the book of October."""
    rows = [meeting("C01", 1), *(meeting("C01", number, "茶话会", host=f"单位{number}") for number in (2, 3, 4))]
    inbox.drop("340405-C01_202610_会议.xlsx", as_workbook({"会议": lines("C01", "会议", *rows)}))
    assert len(inbox.night()) == 3
    return inbox


def test_corrected_withdrawn_and_untouched_rows(three_bad: Inbox) -> None:
    before = three_bad.newest()
    slip = three_bad.slip()
    cells = slip["会议 2026-10"]
    change(cells, 0, 会议类型="会谈")
    change(cells, 1, 处理="作废")
    del cells[HEADING_ROW + 3]
    three_bad.drop("x.xlsx", as_workbook(slip))
    [still_open] = three_bad.night()
    rows = three_bad.newest()
    assert [(row["meeting_no"], row["meeting_type"], row["verdict"]) for row in rows] == [
        ("HY1", "三方议事会", "accepted"), ("HY2", "会谈", "accepted"), ("HY4", "茶话会", "quarantined"),
    ]  # fmt: skip
    assert [row["_source_ref"] for row in rows] == [before[n]["_source_ref"] for n in (0, 1, 3)] and still_open.key.endswith("HY4")
    assert {row["_parent_version"] for row in rows}.isdisjoint({row["_parent_version"] for row in before})
    [entry] = three_bad.newest("returns")
    assert entry["row_count"] == 3 and entry["file_label"].startswith("340405-C01_202610_退回单-")
    # the place is the same on the next slip, though the row has come another way since
    again = three_bad.slip()["会议 2026-10"]
    assert column(again, "原位置") == [before[3]["_source_ref"]]


def test_a_slip_handed_back_twice_changes_nothing_more(three_bad: Inbox) -> None:
    slip = three_bad.slip()
    cells = slip["会议 2026-10"]
    for line, values in enumerate(({"会议类型": "会谈"}, {"处理": "作废"}, {"处理": " 更正 ", "会议类型": "三方议事会"})):
        change(cells, line, **values)
    content = as_workbook(slip)
    three_bad.drop("a.xlsx", content)
    assert three_bad.night() == []
    first = three_bad.newest()
    three_bad.drop("b.xlsx", content)
    assert three_bad.night() == [] and three_bad.newest() == first
    three_bad.drop("c.csv", as_csv(cells, "utf-8"))
    assert three_bad.night() == []
    again = three_bad.newest()
    assert [(row["meeting_no"], row["meeting_type"], row["verdict"]) for row in again] == [
        (row["meeting_no"], row["meeting_type"], row["verdict"]) for row in first
    ]
    assert [row["meeting_no"] for row in again] == ["HY1", "HY2", "HY4"]


def test_a_slip_that_a_newer_file_has_overtaken_is_refused(three_bad: Inbox) -> None:
    slip = three_bad.slip()
    change(slip["会议 2026-10"], 0, 会议类型="会谈")
    whole = as_workbook({"会议": lines("C01", "会议", meeting("C01", 1), meeting("C01", 2, "圆桌会"))})
    three_bad.drop("340405-C01_202610_会议(更正).xlsx", whole)
    three_bad.drop("x.xlsx", as_workbook(slip), hour=10)
    assert {(e.record, e.rules) for e in three_bad.night()} == {("returns", ("file_readable",)), ("meetings", ("meeting_type_listed",))}
    assert three_bad.problem() == (
        "会议（2026-10）第4行、会议（2026-10）第5行、会议（2026-10）第6行不在最新的台账里（已有更新的文件，或原位置被改动）：请取最新的退回单重填"
    )
    [[told]] = [row[:1] for row in three_bad.slip()["台账文件（供查看）"][3:-1]]
    assert str(told).startswith("340405-C01_202610_退回单-")
    newest = three_bad.slip()
    change(newest["会议 2026-10"], 0, 会议类型="会谈")
    three_bad.drop("y.xlsx", as_workbook(newest))
    assert three_bad.night() == []


def _added(slip: dict[str, Cells]) -> None:
    cells = slip["会议 2026-10"]
    cells.insert(-1, ["", "", "", "", *cells[-2][4:]])


def _unclear(slip: dict[str, Cells]) -> None:
    change(slip["会议 2026-10"], 1, 处理="删除")


def _copied(slip: dict[str, Cells]) -> None:
    cells = slip["会议 2026-10"]
    cells.insert(-1, list(cells[-2]))


def _without_title(slip: dict[str, Cells]) -> None:
    slip["会议 2026-10"][0] = ["会议台账"]


def _without_places(slip: dict[str, Cells]) -> None:
    for row in slip["会议 2026-10"][HEADING_ROW:]:
        del row[0]


def _without_a_column(slip: dict[str, Cells]) -> None:
    for row in slip["会议 2026-10"][HEADING_ROW:]:
        row.pop()


def _emptied(slip: dict[str, Cells]) -> None:
    del slip["会议 2026-10"][HEADING_ROW + 1 : -1]


def _with_another_sheet(slip: dict[str, Cells]) -> None:
    slip["普法"] = lines("C01", "普法", ["PF1", "340405-C01-X01", "2026-10-08", "普法讲座", "法官", 30])


def _of_another_month(slip: dict[str, Cells]) -> None:
    cells = slip["会议 2026-10"]
    cells[0][0] = str(cells[0][0]).replace("2026年10月", "2026年09月")


SPOILT: dict[str, tuple[Callable[[dict[str, Cells]], None], str]] = {
    "a row added": (_added, "会议（2026-10）第7行没有原位置：退回单只用来更正退回的行，新增的记录请填入整张台账重报"),
    "an unclear action": (_unclear, "会议（2026-10）第5行的处理应为“更正”或“作废”，空白视为更正"),
    "a row copied": (_copied, "会议（2026-10）第6行、会议（2026-10）第7行的原位置相同：一行只能更正一次，请删去多余的行"),
    "no title": (_without_title, "退回单里有一张会议表没有标题行，或标题行被改动"),
    "no places": (_without_places, "退回单的会议表缺少列：原位置"),
    "a column gone": (_without_a_column, "会议表缺少列：是否有执法部门参加"),
    "no row left": (_emptied, "退回单里没有留下任何一行，请取最新的退回单重填"),
    "a whole sheet beside": (_with_another_sheet, "退回单里有一张普法表不是退回单的表"),
    "another month": (_of_another_month, "没有找到退回单所改的台账：340405-C01 2026年09月会议；请报整张台账"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_slip_that_cannot_be_taken_as_it_is_changes_nothing(three_bad: Inbox, what: str) -> None:
    spoil, said = SPOILT[what]
    before, slip = three_bad.newest(), three_bad.slip()
    spoil(slip)
    three_bad.drop("x.xlsx", as_workbook(slip))
    opened_now = three_bad.night()
    assert sorted(e.record for e in opened_now) == ["meetings"] * 3 + ["returns"]
    assert three_bad.newest() == before
    assert three_bad.problem().startswith(said)


def test_a_slip_cut_off_is_told_of_until_it_comes_whole(three_bad: Inbox) -> None:
    cells = three_bad.slip()["会议 2026-10"]
    for line in range(3):
        change(cells, line, 会议类型="会谈")
    content = as_csv(cells, "utf-8")
    three_bad.drop("x.csv", content[: content.index("合计".encode())])
    assert len(three_bad.night()) == 4
    assert three_bad.problem() == "缺少表尾（“合计”起的末行），文件可能没有传完整"
    three_bad.drop("x.csv", content, hour=10)
    assert three_bad.night() == []


def test_the_slip_of_a_system_is_refused_in_words(three_bad: Inbox) -> None:
    three_bad.drop(
        "340405-C01.xlsx", as_workbook({"案件（供查看）": [["退回单 20261103-ABCDEF 案件（只供查看）"], ["退回原因", "改法", "案件编号"]]})
    )
    three_bad.night()
    assert three_bad.problem().startswith("退回单里没有可以交回的行：业务系统的记录请在原系统中更正")


def test_rows_of_a_refused_file_come_again_with_it_and_do_not_hinder_the_others(three_bad: Inbox) -> None:
    """A book whose month has not come is refused at the gate; its bad row stands on a sheet of the same slip that is only for reading."""
    row = meeting("C01", 1, "茶话会", on="2027-01-05")
    three_bad.drop("340405-C01_202701_会议.xlsx", as_workbook({"会议": lines("C01", "会议", row, month="2027年1月")}))
    assert sorted(e.record for e in three_bad.night()) == ["meetings"] * 4 + ["returns"]
    slip = three_bad.slip()
    assert list(slip) == ["说明", "会议 2026-10", "台账文件（供查看）", "会议（供查看）", "名录"]
    assert "处理" not in slip["会议（供查看）"][HEADING_ROW]
    for line in range(3):
        change(slip["会议 2026-10"], line, 会议类型="会谈")
    three_bad.drop("x.xlsx", as_workbook(slip))
    assert sorted(e.record for e in three_bad.night()) == ["meetings", "returns"]


def test_a_file_that_will_not_come_again_is_dismissed_with_its_rows(three_bad: Inbox) -> None:
    row = meeting("C01", 1, "茶话会", on="2027-01-05")
    three_bad.drop("340405-C01_202701_会议.xlsx", as_workbook({"会议": lines("C01", "会议", row, month="2027年1月")}))
    refused = next(e for e in three_bad.night() if e.record == "returns")
    for key, reason, said in ((refused.key, "联系 13812345678", "不能作罢"), ("nothing", "投错了", "没有键为 nothing 的待改记录")):
        with pytest.raises(Refusal, match=said):
            pipeline.dismiss(three_bad.settings, "meeting_returns.returns", key, reason=reason, owner="区数据组")
    with pytest.raises(Refusal, match="的记录不能作罢：在来源改正"):
        pipeline.dismiss(three_bad.settings, "meeting_returns.meetings", "x", reason="投错了", owner="区数据组")
    shown = pipeline.quarantined_row(three_bad.settings, "meeting_returns.returns", refused.key)
    assert len(shown.file_sha) == 8 and shown.file_sha in (shown.where or "")
    assert pipeline.dismiss(three_bad.settings, "meeting_returns.returns", readable(refused.key), reason="投错了", owner="区数据组") == 2
    dismissed = pipeline.quarantined_row(three_bad.settings, "meeting_returns.returns", refused.key)
    assert dismissed.dismissal == ("投错了", "区数据组") and dismissed.entry.closed_reason == "dismissed"
    assert sorted(e.record for e in three_bad.night()) == ["meetings"] * 3
    assert set(three_bad.slip()) == {"说明", "会议 2026-10", "名录"}


def test_rows_given_twice_alike_go_together(inbox: Inbox) -> None:
    rows = [meeting("C01", 1), meeting("C01", 2, "茶话会"), meeting("C01", 2, "茶话会")]
    inbox.drop("340405-C01_202610_会议.xlsx", as_workbook({"会议": lines("C01", "会议", *rows)}))
    assert len(inbox.night()) == 1
    slip = inbox.slip()
    change(slip["会议 2026-10"], 0, 会议类型="会谈")
    inbox.drop("x.xlsx", as_workbook(slip))
    assert inbox.night() == []
    assert [row["meeting_type"] for row in inbox.newest()] == ["三方议事会", "会谈"]


def test_one_slip_amends_several_months(inbox: Inbox) -> None:
    for month in (9, 10):
        rows = [meeting("C01", 1, on=f"2026-{month:02d}-08"), meeting("C01", 2, "茶话会", on=f"2026-{month:02d}-09")]
        inbox.drop(f"340405-C01_2026{month:02d}_会议.xlsx", as_workbook({"会议": lines("C01", "会议", *rows, month=f"2026年{month}月")}))
    assert len(inbox.night()) == 2
    slip = inbox.slip()
    for month in ("2026-09", "2026-10"):
        change(slip[f"会议 {month}"], 0, 会议类型="会谈")
    inbox.drop("x.xlsx", as_workbook(slip))
    assert inbox.night() == []
    assert [(row["month_on"].month, row["row_count"]) for row in inbox.newest("returns")] in ([(9, 2), (10, 2)], [(10, 2), (9, 2)])
    assert len({row["_parent_version"] for row in inbox.newest()}) == 2


def test_what_is_typed_into_a_slip_is_protected_like_anything_else(inbox: Inbox) -> None:
    sheets = {"会议": lines("C01", "会议", meeting("C01", 1)), "议题": lines("C01", "议题", matter("C01", 1, 1, "9-99"))}
    inbox.drop("340405-C01_202610.xlsx", as_workbook(sheets))
    inbox.night()
    slip = inbox.slip()
    change(slip["议题 2026-10"], 0, 清单事项编码="4-02", 议题内容="楼道堆物，电话13812345678", 提出方="居民")
    inbox.drop("13912345678.xlsx", as_workbook(slip))
    assert inbox.night() == []
    [row] = inbox.newest("matters")
    assert row["content"] == "楼道堆物，电话[电话]"
    assert "13912345678" not in inbox.newest("returns")[0]["file_label"]


def test_good_rows_of_a_stopped_batch_need_nothing(inbox: Inbox) -> None:
    rows = [meeting("C01", n, "会谈" if n <= 10 else "茶话会", on="2026-10-08") for n in range(1, 26)]
    inbox.drop("340405-C01_202610_会议.xlsx", as_workbook({"会议": lines("C01", "会议", *rows)}))
    assert len(inbox.night()) == 25
    slip = inbox.slip()
    assert len(column(slip["会议 2026-10"], "原位置")) == 15
    assert any("另有 10 行本身没有问题" in str(line) for line in slip["说明"])
    for line in range(15):
        change(slip["会议 2026-10"], line, 会议类型="会谈")
    inbox.drop("x.xlsx", as_workbook(slip))
    assert inbox.night() == [] and len(inbox.newest()) == 25


def test_a_slip_has_as_many_rows_as_can_be_corrected_at_a_time(three_bad: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slips_of_pipeline, "_LONGEST_SHEET", 2)
    slip = three_bad.slip()
    assert column(slip["会议 2026-10"], "会议编号") == ["HY2", "HY3"]
    assert any("另有 1 行一张表列不下" in str(line) for line in slip["说明"])


def test_what_is_waived_is_on_no_slip(three_bad: Inbox) -> None:
    settings, on = three_bad.settings, dt.date(2026, 12, 31)
    given = {"submitter": None, "reason": "名录待更新", "owner": "区数据组", "until": on, "on": on}
    made = pipeline.waive(settings, "meeting_returns.meetings", "meeting_type_listed", ceiling=3, **given)
    written = pipeline.write_slips(settings, on=on)
    assert (list(written.slips), written.waived) == ([], 3)
    assert [path.name for path in written.folder.iterdir()] == ["slips.json"]
    pipeline.unwaive(settings, made.waiver_id, on)
    assert pipeline.write_slips(settings, on=on).slips[0].row_count == 3


def test_texts_come_back_as_they_went_out(inbox: Inbox) -> None:
    """Formulas, markup, templates, control characters: nothing of them is carried out or changed on the way; and a stopped batch."""
    rows = [meeting("C01", number, "茶话会", host=f"x{text}", on="2026-10-08") for number, text in enumerate(PAYLOADS, 1)]
    inbox.drop("340405-C01_202610_会议.xlsx", as_workbook({"会议": lines("C01", "会议", *rows)}))
    assert all("batch_stopped" in entry.rules for entry in inbox.night())
    before, slip = inbox.newest(), inbox.slip()
    for line in range(len(PAYLOADS)):
        change(slip["会议 2026-10"], line, 会议类型="会谈")
    inbox.drop("x.xlsx", as_workbook(slip))
    assert inbox.night() == []
    assert [row["host_unit"] for row in inbox.newest()] == [row["host_unit"] for row in before]
