"""The workbook of a slip: what stands where, what may be chosen, and that texts stay texts."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from linli.contracts import Catalog
from linli.contracts.slip import slip_title
from linli.slips import write_folder
from linli.slips.book import render
from unit.slips.hand_made import OCTOBER, cells, of_a_system, slip


def trees(content: bytes) -> dict[str, etree._Element]:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return {name: etree.fromstring(book.read(name)) for name in book.namelist() if name.endswith((".xml", ".rels", ".vml"))}


def test_a_slip_says_what_is_wrong_where_and_how_to_mend_it(catalog: Catalog) -> None:
    content = render(slip(catalog))
    sheets = cells(content)
    assert list(sheets) == ["说明", "会议 2026-10", "名录"]
    title, _, head, row, footer = sheets["会议 2026-10"]
    said = slip_title(str(title[0]))
    assert said is not None and (said.sheet, said.community_code, said.month_on) == ("会议", "340405-C01", OCTOBER)
    assert head[:6] == ["原位置", "处理", "退回原因", "改法", "会议编号", "会议类型"] and "社区编码" not in head
    assert row[0] == "台账-1.xlsx 会议!第7行" and row[1] == ""
    assert row[2] == "1. 会议类型“茶话会”不在规定选项内\n2. 整批多数记录不合格"
    assert row[3] == "1. 请从以下选项中选择：会谈\n2. 请整批重报"
    assert footer[0] == "合计"
    [comments] = [tree for name, tree in trees(content).items() if name.startswith("xl/comments")]
    [comment] = comments.iter("{*}comment")
    assert comment.get("ref") == "F4"
    assert "会议类型“茶话会”不在规定选项内\n→ 请从以下选项中选择：会谈（meeting_type_listed）" in "".join(comment.itertext())
    counts = [line[:4] for line in sheets["说明"] if line[1] in ("meeting_type_listed", "batch_stopped")]
    assert counts == [["会议", "batch_stopped", "请整批重报", 1.0], ["会议", "meeting_type_listed", "请从以下选项中选择：会谈", 1.0]]


def test_codes_are_chosen_from_lists(catalog: Catalog) -> None:
    content = render(slip(catalog))
    rules = {
        rule.get("sqref"): (rule.findtext("{*}formula1"), rule.get("showErrorMessage"), rule.get("errorStyle"))
        for rule in trees(content)["xl/worksheets/sheet2.xml"].iter("{*}dataValidation")
    }
    assert rules["B4"] == ('"更正,作废"', "1", None)
    assert rules["F4"] == ('"党建联席会议,三方议事会,片区会商,会谈"', "1", "warning")
    assert rules["G4"] == ("'名录'!$A$2:$A$2", "1", "warning")
    # several departments and officers stand in one cell, which no rule may forbid
    assert [rules[cell][1] for cell in ("K4", "L4")] == [None, None]
    assert cells(content)["名录"][1][:2] == ["340405-C01-X01", "C01苑"]
    assert rules["L4"][0] == '"E001"' and "某某" not in str(cells(content))


def test_a_slip_is_printed_on_a4_across_with_its_headings_repeated(catalog: Catalog) -> None:
    files = trees(render(slip(catalog)))
    page = files["xl/worksheets/sheet2.xml"]
    setup = page.find("{*}pageSetup")
    assert setup is not None
    assert (setup.get("paperSize"), setup.get("orientation"), setup.get("fitToHeight")) == ("9", "landscape", "0")
    [pane] = page.iter("{*}pane")
    assert (pane.get("ySplit"), pane.get("state")) == ("3", "frozen")
    assert "'会议 2026-10'!$1:$3" in {name.text for name in files["xl/workbook.xml"].iter("{*}definedName")}


def test_the_slip_of_a_system_is_only_read(catalog: Catalog) -> None:
    [explanation, sheet] = cells(render(of_a_system(catalog))).values()
    assert sheet[2][:2] == ["退回原因", "改法"] and "处理" not in sheet[2] and "原位置" not in sheet[2]
    assert sheet[1][0] == "请在案件系统中更正，不用交回。" and slip_title(str(sheet[0][0])) is None
    assert any("请在案件系统中更正，不用交回此单" in str(line) for line in explanation)


def test_cells_are_of_the_format_for_text(catalog: Catalog) -> None:
    """So that what begins with = stays a text when somebody edits the cell."""
    files = trees(render(slip(catalog, "=1+1")))
    styles = [style.get("numFmtId") for style in files["xl/styles.xml"].find("{*}cellXfs")]
    used = {int(cell.get("s")) for cell in files["xl/worksheets/sheet2.xml"].iter("{*}c")}
    assert {styles[style] for style in used} == {"49"}


def test_the_same_slips_are_the_same_bytes(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def written(folder: Path) -> dict[str, bytes]:
        write_folder(folder, [slip(catalog), of_a_system(catalog)], lambda *_: None)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    first = written(tmp_path / "a")
    later = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert written(tmp_path / "b") == first == written(tmp_path / "a")
    assert set(first) == {"meeting_returns-340405-C01.xlsx", "case_system-340405-S01.xlsx", "slips.json"}
    listed = json.loads(first["slips.json"])["files"]["meeting_returns-340405-C01.xlsx"]
    assert (listed["submitter"], listed["rows"], listed["number"]) == ("340405-C01", 1, slip(catalog).number)


def test_a_folder_with_something_else_in_it_is_left_alone(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("x")
    with pytest.raises(FileExistsError):
        write_folder(tmp_path, [slip(catalog)], lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["own.txt"]


def test_a_submitter_with_odd_characters_has_a_file_of_its_own(catalog: Catalog) -> None:
    import dataclasses

    names = [dataclasses.replace(of_a_system(catalog), submitter=who).name for who in ("../a", "..\\a", "a", None)]
    assert len(set(names)) == 4 and names[2:] == ["case_system-a.xlsx", "case_system-unknown.xlsx"]
    assert not any("/" in name or ".." in name or "\\" in name for name in names)
