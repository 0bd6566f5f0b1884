"""The returns as the bytes people send: workbooks with title rows and merged cells, and CSV in three encodings."""

from __future__ import annotations

import csv
import io
from datetime import date
from random import Random

import xlsxwriter

from linli.demo.history import Row
from linli.demo.meetings import SHEETS, Drop
from linli.demo.people import person_name

# Per sheet: column of the row, then the headers people write for it.
HEADERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "会议": (
        ("meeting_no", ("会议编号", "会议编号 ", "会 议 编 号")),
        ("meeting_type", ("会议类型", "会议类型（四选一）", "会议类别")),
        ("compound_code", ("小区编码", "小区代码", "小区编码 ")),
        ("met_on", ("会议日期", "日期", "召开时间")),
        ("started_time", ("开始时间", "开始时间")),
        ("host_unit", ("主持人单位", "主持单位")),
        ("departments", ("参会执法部门", "参会部门")),
        ("officer_nos", ("参会队员编号", "参会队员")),
        ("resident_count", ("居民代表人数", "居民代表人数（人）", "居民代表")),
        ("has_enforcement", ("是否有执法部门参加", "是否有执法部门参加（是/否）")),
    ),
    "议题": (
        ("matter_no", ("议题编号", "议 题 编 号")),
        ("meeting_no", ("会议编号", "所属会议编号")),
        ("compound_code", ("小区编码", "小区代码")),
        ("item_code", ("清单事项编码", "事项编码")),
        ("content", ("议题内容", "议题")),
        ("raised_by", ("提出方", "提出方（居民/社区/物业/部门）")),
        ("heard_on", ("支部听取日期", "听取日期")),
        ("department", ("承办部门", "承办单位")),
        ("solved_on", ("办结日期", "解决日期")),
        ("case_no", ("关联案件编号", "案件编号")),
    ),
    "普法": (
        ("event_no", ("活动编号", "活动编号 ")),
        ("compound_code", ("小区编码", "小区代码")),
        ("held_on", ("活动日期", "日期", "开展时间")),
        ("event_type", ("活动类型", "活动类别")),
        ("speaker_kind", ("主讲人类别", "主讲人")),
        ("attendee_count", ("参加人数", "参加人数（人）", "人数")),
    ),
}
_DATE_COLUMNS = frozenset(("met_on", "heard_on", "solved_on", "held_on"))
_COUNT_COLUMNS = frozenset(("resident_count", "attendee_count"))
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_EXCEL_DAY_0 = date(1899, 12, 30)
_CSV_ENCODINGS = {"csv-utf8": "utf-8", "csv-bom": "utf-8-sig", "csv-gb18030": "gb18030"}
Cell = str | int | None


class _Hand:
    """One person's way of filling in a form."""

    def __init__(self, style: str, year: int, *, is_workbook: bool) -> None:
        self.rng = Random(style)
        self.year = year
        text_dates = ("slash", "dash", "chinese", "short")
        self.date_style = self.rng.choice(("serial", "serial", *text_dates) if is_workbook else text_dates)
        self.separator = self.rng.choice(("、", "，", "；", " "))
        self.yes, self.no = self.rng.choice((("是", "否"), ("√", ""), ("是", "")))
        self.full_width = self.rng.random() < 0.2
        self.with_unit = self.rng.random() < 0.25
        self.maker, self.checker = person_name(self.rng), person_name(self.rng)
        self.two_titles = self.rng.random() < 0.6

    def headers(self, sheet: str) -> list[str]:
        return [self.rng.choice(names) if self.rng.random() < 0.4 else names[0] for _, names in HEADERS[sheet]]

    def cell(self, column: str, value: object) -> Cell:
        if isinstance(value, bool):
            return self.yes if value else self.no
        if isinstance(value, date):
            return self._date(value)
        if isinstance(value, list):
            return self.separator.join(value)
        if column in _COUNT_COLUMNS and isinstance(value, int):
            text = f"{value}人" if self.with_unit else str(value)
            return text.translate(_FULL_WIDTH) if self.full_width else text if self.with_unit else value
        return None if value is None else str(value)

    def _date(self, day: date) -> Cell:
        if self.date_style == "serial":
            return (day - _EXCEL_DAY_0).days
        text = {
            "slash": f"{day.year}/{day.month}/{day.day}",
            "dash": day.isoformat(),
            "chinese": f"{day.year}年{day.month}月{day.day}日",
            "short": f"{day.month}月{day.day}日",
        }["chinese" if self.date_style == "short" and day.year != self.year else self.date_style]
        return text.translate(_FULL_WIDTH) if self.full_width else text

    def titles(self, drop: Drop, sheet: str) -> list[str]:
        m = drop.source
        name = "议题" if sheet == "议题" else sheet
        title = f"八公山区{m.community_name}{m.year}年{m.month}月{name}台账"
        if not m.community_code.startswith("340405"):
            title = f"{m.community_name}{m.year}年{m.month}月{name}台账"
        filled = f"填报单位：{m.community_name}　社区编码：{m.community_code}　填报日期：{drop.content_at.date().isoformat()}"
        return [title, filled] if self.two_titles else [title]

    def footer(self, count: int) -> list[list[Cell]]:
        return [["合计", count], [f"制表人：{self.maker}", "", f"审核人：{self.checker}"]]


def _table(hand: _Hand, sheet: str, rows: list[Row]) -> list[list[Cell]]:
    columns = [column for column, _ in HEADERS[sheet]]
    return [[hand.cell(column, row[column]) for column in columns] for row in rows]


def files(drop: Drop) -> list[tuple[str, bytes]]:
    """File names and contents of one upload: a workbook, or one CSV a sheet. The same drop gives the same bytes."""
    is_workbook = drop.format == "xlsx"
    hand = _Hand(drop.style, drop.source.year, is_workbook=is_workbook)
    if is_workbook:
        contents = [(f"{drop.name}.xlsx", _workbook(hand, drop))]
    else:
        contents = [(f"{drop.name.replace('会议', sheet, 1)}.csv", _csv(hand, drop, sheet)) for sheet in SHEETS]
    return [(name, _cut(content, drop)) for name, content in contents]


def _cut(content: bytes, drop: Drop) -> bytes:
    """What arrived of an upload that broke off; of a CSV never the footer, without which it cannot be taken for complete."""
    if drop.cut == 1.0:
        return content
    end = int(len(content) * drop.cut)
    if drop.format in _CSV_ENCODINGS:
        end = min(end, content.rfind("合计".encode(_CSV_ENCODINGS[drop.format].removesuffix("-sig"))))
    return content[:end]


def _workbook(hand: _Hand, drop: Drop) -> bytes:
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    # A fixed creation time keeps the bytes of one upload the same whenever it is rendered.
    workbook.set_properties({"created": drop.content_at.replace(tzinfo=None)})
    title_format = workbook.add_format({"bold": True, "align": "center"})
    date_format = workbook.add_format({"num_format": "yyyy/m/d"})
    for sheet in SHEETS:
        page = workbook.add_worksheet(sheet)
        line = 0
        width = len(HEADERS[sheet])
        for title in hand.titles(drop, sheet):
            page.merge_range(line, 0, line, width - 1, title, title_format)
            line += 1
        page.write_row(line, 0, hand.headers(sheet))
        columns = [column for column, _ in HEADERS[sheet]]
        rows = drop.source.rows_at(sheet, drop.content_at)
        for cells in _table(hand, sheet, rows):
            line += 1
            for n, cell in enumerate(cells):
                is_serial = columns[n] in _DATE_COLUMNS and isinstance(cell, int)
                page.write(line, n, cell, date_format if is_serial else None)
        for cells in hand.footer(len(rows)):
            line += 1
            page.write_row(line, 0, cells)
    workbook.close()
    return target.getvalue()


def _csv(hand: _Hand, drop: Drop, sheet: str) -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    width = len(HEADERS[sheet])
    rows = drop.source.rows_at(sheet, drop.content_at)
    for title in hand.titles(drop, sheet):
        writer.writerow([title] + [""] * (width - 1))
    writer.writerow(hand.headers(sheet))
    writer.writerows(_table(hand, sheet, rows))
    for cells in hand.footer(len(rows)):
        writer.writerow(cells + [""] * (width - len(cells)))
    return target.getvalue().encode(_CSV_ENCODINGS[drop.format])
