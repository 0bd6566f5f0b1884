"""A return slip as a workbook: what it is, a sheet for each record with the bad rows, and the lists to choose from.

Texts are written as texts, never as formulas or links, into cells of the format for text: they stay texts when somebody edits them. The
same slip gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from linli.contracts.model import OF_THE_FILE, Column
from linli.contracts.slip import ACTION, CORRECT, END, HIDDEN, PLACE, READ_ONLY, REASON, REMEDY, SLIP, WITHDRAW, SlipTitle
from linli.slips.content import Fault, Slip, SlipSheet

_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_LONGEST = 32_767
"""characters a cell of Excel can hold"""
_LONGEST_LIST = 255
"""characters a list of choices can have where it is not written into cells"""
_LONGEST_TITLE = 32
_A4 = 9
_FONT = "宋体"
_TEXT = 49
"""the number of Excel's own format for text"""
_WIDEST = {PLACE: 20, ACTION: 8, REASON: 30, REMEDY: 34}
_LISTS = "名录"
_HEADING_ROWS = 3
"""title, a word on how to fill it in, the headings"""

_HOW = (
    f"标红的单元格有问题，批注里写着原因和改法。改好后“{ACTION}”选“{CORRECT}”（空白也视为{CORRECT}）；整行不要的选“{WITHDRAW}”；"
    "一时改不了的可以删去那一行，它仍保留在待改之中。",
    "存盘后放回收件文件夹，文件名随意；也可以把一张表另存为 CSV 放回（UTF-8 或系统默认编码均可）。",
    f"请不要改动各表的标题行、表头、“{PLACE}”和末行“{END}”；不要在这里新增记录，新增的请填入整张台账重报。",
    f"“{HIDDEN}”的单元格不用填，按原来报的保留。编码可在下拉框或“{_LISTS}”表里查。",
)
_UNTIL = "退回的行一直保留，不会丢失，其余的行已经入库，不用再报。月度复盘定稿之前交回的计入当月；定稿之后交回的作为重述另列。"


def render(slip: Slip) -> bytes:
    """The file of a slip."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, _OPTIONS) as book:
        book.set_properties({"title": "", "author": "", "created": dt.datetime.combine(slip.day, dt.time())})
        forms = _forms(book)
        _explanation(book.add_worksheet("说明"), forms, slip)
        lists = _Lists()
        for sheet, name in zip(slip.sheets, _names(slip.sheets), strict=True):
            page = book.add_worksheet(name)
            _rows(page, forms, slip, sheet)
            if sheet.month_on is not None:
                _choices(page, sheet, _own(slip, sheet), lists)
        if lists.columns:
            lists.write(book.add_worksheet(_LISTS), forms)
    return written.getvalue()


def _forms(book: Any) -> dict[str, Any]:
    plain = {"font_name": _FONT, "font_size": 10, "num_format": _TEXT, "text_wrap": True, "valign": "top"}
    boxed = plain | {"border": 1, "border_color": "#bfbfbf"}
    return {
        "plain": book.add_format(plain),
        "title": book.add_format(plain | {"bold": True, "font_size": 14, "text_wrap": False}),
        "hint": book.add_format(plain | {"font_color": "#595959", "text_wrap": False}),
        "head": book.add_format(boxed | {"bold": True, "bg_color": "#1d4f91", "font_color": "#ffffff"}),
        "cell": book.add_format(boxed),
        "bad": book.add_format(boxed | {"bg_color": "#f8cbad"}),
        "own": book.add_format(boxed | {"bg_color": "#f2f2f2"}),
        "count": book.add_format({**boxed, "num_format": "0"}),
    }


def _names(sheets: Sequence[SlipSheet]) -> list[str]:
    names = [f"{s.record.label} {s.month_on:%Y-%m}" if s.month_on else f"{s.record.label}（供查看）" for s in sheets]
    clean = ["".join("_" if sign in r"[]:*?/\'" else sign for sign in name)[:28] for name in names]
    return [name if clean.count(name) == 1 else f"{name}{number}" for number, name in enumerate(clean, 1)]


def _explanation(page: Any, forms: dict[str, Any], slip: Slip) -> None:
    _printed(page, repeat=0)
    for place, width in enumerate((16, 26, 84, 8)):
        page.set_column(place, place, width)
    page.write_string(0, 0, f"{SLIP}说明", forms["title"])
    facts = [
        ("提交方", slip.whose),
        ("来源", slip.source_label),
        ("数据截至", f"{slip.day}"),
        ("编号", slip.number),
        ("退回", f"{slip.row_count} 行"),
    ]
    if slip.stopped:
        facts.append(("", f"另有 {slip.stopped:,} 行本身没有问题，因整批停在关口没有入库：改好下列各行后自动重新核验，不在表内"))
    if slip.left_off:
        facts.append(("", f"另有 {slip.left_off:,} 行一张表列不下，改好一批之后再列"))
    how = _HOW if slip.is_returned else (f"请在{slip.source_label}中更正，不用交回此单；改好后下一夜自动重新核验，通过的自动入库。",)
    line = 2
    for label, text in [*facts, ("怎么改", how[0]), *(("", text) for text in how[1:]), ("到什么时候", _UNTIL)]:
        _write(page, line, 0, label, forms["plain"])
        page.merge_range(line, 1, line, 3, "", forms["plain"])
        page.write_string(line, 1, text, forms["plain"])
        page.set_row(line, 15 * (1 + _width(text) // 110))
        line += 1
    line += 1
    for place, heading in enumerate(("记录", "规则", REMEDY, "行数")):
        page.write_string(line, place, heading, forms["head"])
    for (label, rule), (fix, count) in _by_rule(slip).items():
        line += 1
        for place, text in enumerate((label, rule, fix)):
            _write(page, line, place, text, forms["cell"])
        page.write_number(line, 3, count, forms["count"])


def _by_rule(slip: Slip) -> dict[tuple[str, str], tuple[str, int]]:
    counts = Counter((s.record.label, f.rule) for s in slip.sheets for row in s.rows for f in row.faults)
    fixes = {(s.record.label, f.rule): f.fix for s in slip.sheets for row in s.rows for f in row.faults}
    return {key: (fixes[key], count) for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))}


def _columns(sheet: SlipSheet) -> list[Column]:
    """The declared columns a sheet has; what the transport knows of a file's rows stands in the title of a sheet that is handed back."""
    return [c for c in sheet.record.columns if sheet.month_on is None or c.name not in OF_THE_FILE]


def _own(slip: Slip, sheet: SlipSheet) -> list[str]:
    if sheet.month_on is not None:
        return [PLACE, ACTION, REASON, REMEDY]
    return [PLACE, REASON, REMEDY] if slip.is_returned else [REASON, REMEDY]


def _heading(column: Column) -> str:
    return column.label if column.label in column.headers or not column.headers else column.headers[0]


def _rows(page: Any, forms: dict[str, Any], slip: Slip, sheet: SlipSheet) -> None:
    own, columns = _own(slip, sheet), _columns(sheet)
    _printed(page, repeat=_HEADING_ROWS)
    page.freeze_panes(_HEADING_ROWS, own.index(REASON))
    page.ignore_errors({"number_stored_as_text": f"A1:XFD{len(sheet.rows) + _HEADING_ROWS + 1}"})
    if sheet.month_on is not None:
        said = SlipTitle(slip.number, str(sheet.record.extract.sheet), str(slip.submitter), sheet.month_on)
        _write(page, 0, 0, said.text(slip.submitter_name), forms["title"])
        page.write_string(
            1, 0, "只列退回的行。改标红的单元格，改好后整个文件放回收件文件夹；标题、表头、原位置和末行不要动。", forms["hint"]
        )
    else:
        _write(page, 0, 0, f"{SLIP} {slip.number} {sheet.record.label}（{READ_ONLY}）", forms["title"])
        where = "台账" if slip.is_returned else slip.source_label
        how = "请改正后重报：台账报整个文件，退回单取最新的一份重填；不用改这张表" if slip.is_returned else f"请在{where}中更正，不用交回"
        page.write_string(1, 0, f"{how}。", forms["hint"])
    headings = [*own, *(_heading(column) for column in columns)]
    for place, heading in enumerate(headings):
        _write(page, _HEADING_ROWS - 1, place, heading, forms["head"])
    widths = [_WIDEST.get(heading, max(8, _width(heading) + 2)) for heading in headings]
    for line, row in enumerate(sheet.rows, _HEADING_ROWS):
        told = {PLACE: row.place, ACTION: "", REASON: _lines([f.message for f in row.faults]), REMEDY: _lines([f.fix for f in row.faults])}
        for place, name in enumerate(own):
            _write(page, line, place, told[name], forms["cell" if name == ACTION else "own"])
        for place, column in enumerate(columns, len(own)):
            faults = [fault for fault in row.faults if column.name in fault.columns]
            text = row.values.get(column.name, "")
            _write(page, line, place, text if len(text) <= _LONGEST else HIDDEN, forms["bad" if faults else "cell"])
            widths[place] = min(max(widths[place], _width(text) + 2), 36)
            if faults:
                _comment(page, line, place, faults)
    for place, width in enumerate(widths):
        page.set_column(place, place, width)
    last = _HEADING_ROWS + len(sheet.rows)
    page.write_string(last, 0, END, forms["own"])
    page.write_string(last, 1, f"{len(sheet.rows)} 行", forms["own"])


def _lines(texts: Sequence[str]) -> str:
    different = list(dict.fromkeys(texts))
    return different[0] if len(different) == 1 else "\n".join(f"{number}. {text}" for number, text in enumerate(different, 1))


def _comment(page: Any, line: int, place: int, faults: Sequence[Fault]) -> None:
    text = "\n".join(f"{fault.message}\n→ {fault.fix}（{fault.rule}）" for fault in faults)
    box = {
        "author": "",
        "font_name": _FONT,
        "font_size": 9,
        "width": 260,
        "height": 24 + 18 * sum(1 + _width(t) // 42 for t in text.split("\n")),
    }
    page.write_comment(line, place, text[:_LONGEST], box)


def _printed(page: Any, *, repeat: int) -> None:
    page.set_landscape()
    page.set_paper(_A4)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.5)
    page.fit_to_pages(1, 0)
    page.set_footer("&C第 &P 页，共 &N 页")
    if repeat:
        page.repeat_rows(0, repeat - 1)


def _write(page: Any, line: int, place: int, text: str, form: Any) -> None:
    if text:
        page.write_string(line, place, text[:_LONGEST], form)
    else:
        page.write_blank(line, place, None, form)


def _width(text: str) -> int:
    """Columns of a terminal or a sheet that the longest line of a text takes."""
    return max((sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) for line in text.split("\n")), default=0)


class _Lists:
    """The lists too long to stand in a rule of a cell, each once, side by side on a sheet: code and name."""

    def __init__(self) -> None:
        self.columns: dict[tuple[tuple[str, str], ...], str] = {}

    def place_of(self, label: str, entries: Sequence[tuple[str, str]]) -> str:
        """The cells of the codes, as Excel names them."""
        key = tuple(entries)
        self.columns.setdefault(key, label)
        at = xlsxwriter.utility.xl_col_to_name(3 * list(self.columns).index(key))
        return f"='{_LISTS}'!${at}$2:${at}${len(entries) + 1}"

    def write(self, page: Any, forms: dict[str, Any]) -> None:
        page.freeze_panes(1, 0)
        for number, (entries, label) in enumerate(self.columns.items()):
            page.set_column(3 * number, 3 * number, 18)
            page.set_column(3 * number + 1, 3 * number + 1, 30)
            # not the heading itself: nobody must take the lists for a sheet of the slip
            _write(page, 0, 3 * number, f"可选：{label}", forms["head"])
            for line, entry in enumerate(entries, 1):
                for place, text in enumerate(entry):
                    _write(page, line, 3 * number + place, text, forms["cell"])


def _choices(page: Any, sheet: SlipSheet, own: Sequence[str], lists: _Lists) -> None:
    """Drop-downs. They leave a way out, since a reference list may be older than what is reported, and do not forbid a list of several."""
    first, last = _HEADING_ROWS, _HEADING_ROWS + len(sheet.rows) - 1
    page.data_validation(
        first, own.index(ACTION), last, own.index(ACTION),
        {"validate": "list", "source": [CORRECT, WITHDRAW], "error_title": ACTION, "error_message": f"请选“{CORRECT}”或“{WITHDRAW}”"},
    )  # fmt: skip
    for place, column in enumerate(_columns(sheet), len(own)):
        entries = sheet.choices.get(column.name, ())
        if not entries:
            continue
        codes = [code for code, _ in entries]
        # a comma would end a code in the rule, and a quotation mark the list, which is a formula
        is_plain = not any(name for _, name in entries) and not any({*code} & {",", '"'} for code in codes)
        is_short = is_plain and len(",".join(codes)) <= _LONGEST_LIST
        page.data_validation(
            first, place, last, place,
            {
                "validate": "list",
                "source": codes if is_short else lists.place_of(column.label, entries),
                "show_error": column.type != "list<string>",
                "error_type": "warning",
                "error_title": column.label[:_LONGEST_TITLE],
                "error_message": "不在可选的编码之内，仍要填写吗？",
            },
        )  # fmt: skip
