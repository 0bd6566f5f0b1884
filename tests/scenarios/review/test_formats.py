"""The four formats: the same bytes twice, one sheet, nothing from outside, and no text that becomes an order."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import re
import time
import zipfile
from typing import Any

import pytest
from lxml import etree

from linli import fonts
from linli.review import FORMATS, excel, html, word
from linli.review.blocks import Page
from linli.review.pack import name_of
from linli.review.pdf import Sheet
from linli.review.questions import LEVELS, QUESTIONS, Unit
from linli.review.words import Words
from payloads import LONG, PAYLOADS, Structure, live_in_workbook
from unit.review.answers import DISTRICT, OCTOBER, Rows, closed, restated, rows, written

ZH = Words("zh")
TEXTS = [*PAYLOADS, LONG]
_CODES = {"step", "mart", "cause", "verdict"}
"""columns whose values are the project's own and decide what is written"""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def full() -> Rows:
    found = rows()
    found["closed"] = [closed()]
    found["restatements"] = [restated("mart_clock_257", "due_count", "1", "2")]
    return found


def filled_with(text: str) -> Page:
    """A page on which every text that comes from the data is `text`."""

    def changed(column: str, value: Any) -> Any:
        if isinstance(value, str) and column not in _CODES:
            return text
        return [text for _ in value] if isinstance(value, list) else value

    found = {name: [{column: changed(column, value) for column, value in row.items()} for row in given] for name, given in full().items()}
    return written(found, dataclasses.replace(DISTRICT, name=text))


def as_html(page: Page) -> str:
    [content] = html.render([(page, 1.0)], ZH)
    return content.decode()


@pytest.fixture(scope="module", autouse=True)
def one_font() -> Any:
    """The same few characters for every page here: what the font holds is not what is tested."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fonts, "subset", lambda characters: b"font")
        yield


@pytest.fixture(scope="module")
def harmless() -> Structure:
    return Structure(as_html(filled_with("x")))


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_no_text_becomes_markup(payload: str, harmless: Structure) -> None:
    found = Structure(as_html(filled_with(payload)))
    assert found.elements == harmless.elements
    assert all(re.fullmatch(r"#[a-z_]+", link) for link in found.links)
    assert found.holds(payload)


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_no_text_becomes_markup_of_the_list_of_pages(payload: str) -> None:
    listed, harmless = (Structure(contents(text)) for text in (payload, "x"))
    assert listed.elements == harmless.elements
    assert listed.holds(payload)
    assert all(re.fullmatch(r"[0-9A-Za-z_.-]+", link) and not link.startswith(".") for link in listed.links)


def contents(text: str) -> str:
    """The list of the pages of one unit of every level, all of whose codes and names are `text`."""
    units = [Unit(text, level, text, text) for level in LEVELS]
    return html.contents([(unit, name_of(unit)) for unit in units], filled_with(text), FORMATS, ZH).decode()


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_no_text_becomes_a_formula(payload: str) -> None:
    content = excel.render(filled_with(payload), ZH)
    assert live_in_workbook(content) == []
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert not [name for name in book.namelist() if "comments" in name]


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_no_text_becomes_a_field(payload: str) -> None:
    with zipfile.ZipFile(io.BytesIO(word.render(filled_with(payload), ZH))) as report:
        for name in report.namelist():
            if name.endswith((".xml", ".rels")):
                tree = etree.fromstring(report.read(name))
                assert [element.text for element in tree.iter(f"{_W}instrText")] == ["PAGE"] * (name == "word/footer1.xml")
                assert not list(tree.iter(f"{_W}fldSimple", f"{_W}hyperlink", f"{_W}object", f"{_W}altChunk"))
                assert "External" not in {element.get("TargetMode") for element in tree.iter("{*}Relationship")}


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_no_text_is_read_by_the_typesetter(payload: str) -> None:
    # a text of 40,000 characters in a hundred places is no page any more
    sheet = Sheet(filled_with(payload[:400]))
    content = sheet.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    assert not re.findall(rb"/(JavaScript|JS|Launch|URI|OpenAction|EmbeddedFile)\b", content)


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_page_is_the_same_bytes(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = written(full(), Unit(DISTRICT.district_code, level, "k", "某单位"))
    writers = (lambda: Sheet(page).pdf(), lambda: word.render(page, ZH), lambda: excel.render(page, ZH), lambda: as_html(page).encode())
    first = [write() for write in writers]
    later = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert [write() for write in writers] == first


def test_nothing_comes_from_outside() -> None:
    text = as_html(written(full()))
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)", text.replace("data:font/woff;base64,", ""))
    assert "default-src 'none'" in text


def test_a_sheet_too_full_is_made_smaller() -> None:
    assert Sheet(written()).shrunk == 1.0
    crowded = rows()
    crowded["compounds"] = [crowded["compounds"][0] | {"compound_name": "很长的名字" * 8}] * 26
    assert 0.3 < Sheet(written(crowded)).shrunk < 1.0


def test_the_report_is_laid_out_as_the_standard_has_it() -> None:
    with zipfile.ZipFile(io.BytesIO(word.render(written(full()), ZH))) as report:
        tree = etree.fromstring(report.read("word/document.xml"))
    margins = next(tree.iter(f"{_W}pgMar"))
    millimetres = {side: round(int(margins.get(f"{_W}{side}")) / 1440 * 25.4) for side in ("top", "bottom", "left", "right")}
    assert millimetres == {"top": 37, "bottom": 35, "left": 28, "right": 26}
    paragraphs = ["".join(t.text or "" for t in paragraph.iter(f"{_W}t")) for paragraph in tree.iter(f"{_W}p")]
    assert paragraphs[0] == "关于八公山区2026年10月小区执法进驻工作情况的复盘报告"
    assert [text for text in paragraphs if re.match("[一二三四五六七八]、", text)] == [
        "一、总体情况", "二、部门", "三、两方满意率", "四、十二个月", "五、两方回访是否一致", "六、2 个小区 × 2 类问题",
        "七、下月专项建议", "八、更正（重述）",
    ]  # fmt: skip
    assert "2026年11月12日" in paragraphs
    fonts_used = {fonts.get(f"{_W}eastAsia") for fonts in tree.iter(f"{_W}rFonts")}
    assert {"仿宋_GB2312", "方正小标宋简体", "黑体"} <= fonts_used


def test_the_appendix_holds_the_rows_and_their_queries() -> None:
    with zipfile.ZipFile(io.BytesIO(excel.render(written(full()), ZH))) as book:
        names = [sheet.get("name") for sheet in etree.fromstring(book.read("xl/workbook.xml")).iter("{*}sheet")]
        shared = etree.fromstring(book.read("xl/sharedStrings.xml"))
    strings = ["".join(t.text or "" for t in si.iter("{*}t")) for si in shared.iter("{*}si")]
    assert names == ["目录", *written(full()).answers]
    assert "select 1" in strings and "340405-2026-000430" in strings


def test_the_font_draws_different_words_differently() -> None:
    fonts.loaded()
    with pytest.raises(fonts.FontMissing, match="不在软件包"):
        fonts._look_at(fonts.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[]))


def test_no_answer_has_a_score() -> None:
    assert not [column for question in QUESTIONS for column in re.findall(r"\w*_score\b", question.sql) if column != "score"]


def test_dates_are_written_as_dates() -> None:
    with zipfile.ZipFile(io.BytesIO(excel.render(written(full()), ZH))) as book:
        sheets = [etree.fromstring(book.read(name)) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    serial = str((OCTOBER - dt.date(1899, 12, 30)).days)
    assert serial in {value.text for sheet in sheets for value in sheet.iter("{*}v")}
