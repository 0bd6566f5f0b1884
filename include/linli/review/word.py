"""The review as a Word report an office can edit, laid out as GB/T 9704 lays out official documents.

A4 with margins of 37, 35, 28 and 26 mm, body 仿宋 三号 on lines of 28.95 pt, two characters indented, title 小标宋 二号, sections in
黑体, page numbers below. The fonts are those of the office's machine; none is embedded.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator, Sequence

from docx import Document
from docx.document import Document as Report
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.enum.text import WD_BREAK, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Emu, Mm, Pt
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from linli.review import pdf
from linli.review.blocks import Block, Cell, Chart, Lines, Page, Span, Square, Table
from linli.review.words import Words
from linli.settings import SHANGHAI

_BODY, _TITLE, _SECTION, _LATIN = "仿宋_GB2312", "方正小标宋简体", "黑体", "Times New Roman"
_THREE, _TWO, _FIVE = Pt(16), Pt(22), Pt(10.5)
_LINE = Pt(28.95)
_TEXT_WIDTH = Mm(210 - 28 - 26)
_ZIPPED_AT = (1980, 1, 1, 0, 0, 0)
# what XML cannot hold, whatever it is escaped with
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DISAGREEMENTS_LISTED = 40


def render(page: Page, words: Words) -> bytes:
    """The file of a page: the conclusion, its tiles in a table, a section for every block, the cases to be looked back at, the day."""
    report = Document()
    _lay_out(report, page)
    year, month = page.month.year, page.month.month
    title = words("report.title", name=page.unit.name, year=year, month=month, month_name=f"{page.month:%B}")
    _paragraph(report, [Span(title)], font=_TITLE, size=_TWO, align=ALIGN.CENTER, indent=False)
    _paragraph(report, [])
    number = 1
    _paragraph(report, [Span(words("report.section", number=words.numeral(number), title=words("report.overview")))], font=_SECTION)
    _paragraph(report, page.conclusion)
    tiles = [[Cell(tile.label), Cell(tile.value, "strong"), Cell(f"{tile.remark}　{tile.more}".strip("　"))] for tile in page.tiles]
    _table(report, [], tiles, [1.2, 1, 2])
    for block in (block for row in page.rows for block in row):
        number += 1
        _paragraph(report, [Span(words("report.section", number=words.numeral(number), title=block.title))], font=_SECTION)
        _section(report, block)
    _paragraph(report, [Span(page.definitions)], size=_FIVE)
    _paragraph(report, [])
    day = page.as_of.astimezone(SHANGHAI)
    _paragraph(report, [Span(words("report.day", year=day.year, month=day.month, day=day.day, date=f"{day:%d %B %Y}"))], align=ALIGN.RIGHT)
    _appendix(report, page, words)
    written = io.BytesIO()
    report.save(written)
    return _zipped_again(written.getvalue())


def _lay_out(report: Report, page: Page) -> None:
    section = report.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = Mm(37), Mm(35), Mm(28), Mm(26)
    section.footer_distance = Mm(28)
    properties = report.core_properties
    # Word's own dates know no zone: they are UTC
    properties.created = properties.modified = page.as_of.astimezone(dt.UTC).replace(tzinfo=None)
    properties.author = properties.last_modified_by = properties.comments = properties.title = ""
    properties.language = "zh-CN" if page.language == "zh" else "en"
    footer = section.footer.paragraphs[0]
    footer.alignment = ALIGN.CENTER
    _run(footer, "— ", "宋体", Pt(14))
    _page_number(footer)
    _run(footer, " —", "宋体", Pt(14))


def _page_number(paragraph: Paragraph) -> None:
    run = _run(paragraph, "", "宋体", Pt(14))
    for kind in ("begin", None, "end"):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = "PAGE"
        run._r.append(element)


def _run(paragraph: Paragraph, text: str, font: str, size: Pt, *, bold: bool = False) -> Run:
    run = paragraph.add_run(_UNPRINTABLE.sub("", text))
    run.font.name, run.font.size, run.font.bold = _LATIN, size, bold
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    return run


def _paragraph(
    report: Report, spans: Sequence[Span], *, font: str = _BODY, size: Pt = _THREE, align: ALIGN = ALIGN.JUSTIFY, indent: bool = True
) -> None:
    paragraph = report.add_paragraph()
    form = paragraph.paragraph_format
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, _LINE if size >= _THREE else Pt(16)
    form.space_before = form.space_after = Pt(0)
    form.alignment = align
    if indent and align == ALIGN.JUSTIFY:
        form.first_line_indent = Emu(2 * size)
    for span in spans:
        _run(paragraph, span.text, font, size, bold=span.tone in ("strong", "bad"))


def _section(report: Report, block: Block) -> None:
    if isinstance(block, Table):
        # a bar says what the number beside it says
        shown = [number for number, column in enumerate(block.columns) if any(cells[number].text for cells in block.rows) or column.label]
        rows = [[cells[number] for number in shown] for cells in block.rows]
        _table(report, [block.columns[number].label for number in shown], rows, [block.columns[number].width for number in shown])
    elif isinstance(block, Chart):
        report.add_picture(io.BytesIO(pdf.drawing(block.drawing)), width=_TEXT_WIDTH)
        _paragraph(report, [Span(block.said)], size=_FIVE)
    elif isinstance(block, Square):
        rows = [[Cell(name), *(Cell(f"{number} {meaning}".strip(), tone) for number, meaning, tone in cells)] for name, cells in block.rows]
        _table(report, ["", *block.columns], rows, [1.2, 1, 1])
    elif isinstance(block, Lines):
        for line in block.lines:
            _paragraph(report, line)
    if block.note:
        _paragraph(report, [Span(block.note)], size=_FIVE)


def _table(report: Report, headings: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[float]) -> None:
    if not rows:
        return
    lines = [[Cell(heading, "strong") for heading in headings], *rows] if headings else list(rows)
    table = report.add_table(rows=len(lines), cols=len(widths))
    table.style = "Table Grid"
    table.autofit = False
    for number, width in enumerate(widths):
        table.columns[number].width = Emu(int(_TEXT_WIDTH * width / sum(widths)))
    for row, cells in zip(table.rows, lines, strict=True):
        for place, cell, width in zip(row.cells, cells, widths, strict=True):
            place.width = Emu(int(_TEXT_WIDTH * width / sum(widths)))
            _run(place.paragraphs[0], cell.text, _BODY, _FIVE, bold=cell.tone in ("strong", "bad"))


def _appendix(report: Report, page: Page, words: Words) -> None:
    answer = page.answers["disagreements"]
    if not answer.rows:
        return
    report.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    _paragraph(report, [Span(words("report.appendix", title=words("question.disagreements")))], font=_SECTION, indent=False)
    rows = [
        [Cell(str(row["case_no"])), Cell(row["compound_name"] or ""), Cell(row["item_name"] or ""), Cell(row["department_name"] or "")]
        for row in answer.rows[:_DISAGREEMENTS_LISTED]
    ]
    headings = [words(f"column.{name}") for name in ("case", "compound", "item", "department")]
    _table(report, headings, rows, [1.6, 1, 1.6, 0.8])
    if len(answer.rows) > len(rows):
        _paragraph(report, [Span(words("rows_shown", count=len(answer.rows), shown=len(rows)))], size=_FIVE)


def _zipped_again(written: bytes) -> bytes:
    """The same parts in the same order, all of one moment: two reports of the same data are the same bytes."""
    again = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as before, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as after:
        for name, content in _parts(before):
            after.writestr(zipfile.ZipInfo(name, _ZIPPED_AT), content, zipfile.ZIP_DEFLATED)
    return again.getvalue()


def _parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    # the content types come first, as readers expect
    for name in sorted(archive.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
        yield name, archive.read(name)
