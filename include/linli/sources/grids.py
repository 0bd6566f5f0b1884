"""Files as grids of cells. A file of which one cannot be sure that it is whole gives no grid at all."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import python_calamine

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LAST_BYTES = 4
"""a character cut off at the end of a file is at most this long"""
_TITLE_BYTES = 4096
_HEADING_CELLS = 3
"""a line of a title fills fewer cells than this"""


class Refused(Exception):
    """A file that is not taken in; `problem` (Chinese) is told to whoever sent it and holds nothing from inside the file."""

    def __init__(self, problem: str, *, is_complete: bool = True) -> None:
        super().__init__(problem)
        self.problem, self.is_complete = problem, is_complete


@dataclass(frozen=True)
class Grid:
    """Cells as rows of Python values, merged cells filled downwards; `needs_footer` where only a footer tells that the file is whole."""

    sheet: str
    rows: Sequence[Sequence[object]]
    is_1904: bool = False
    needs_footer: bool = False


def read_grids(suffix: str, content: bytes) -> list[Grid]:
    """The grids of a file. Raises Refused when it is cut off, unreadable or of no known kind."""
    if not content:
        raise Refused("文件是空的", is_complete=False)
    if suffix == ".csv":
        return [_csv(content)]
    if suffix in WORKBOOKS:
        return _workbook(suffix, content)
    raise Refused("不是 Excel（.xlsx）或 CSV 文件")


def _workbook(suffix: str, content: bytes) -> list[Grid]:
    is_1904 = False
    if suffix != ".xls":
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                broken = archive.testzip() is not None
                is_1904 = bool(re.search(rb'date1904="(1|true)"', archive.read("xl/workbook.xml")))
        except (zipfile.BadZipFile, KeyError, EOFError, zipfile.zlib.error):  # type: ignore[attr-defined]
            broken = True
        if broken:
            raise Refused("文件不完整，可能上传中断", is_complete=False)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
        return [
            Grid(name, _filled(sheet.to_python(skip_empty_area=False), sheet.merged_cell_ranges or []), is_1904) for name, sheet in sheets
        ]
    except (python_calamine.CalamineError, OSError, ValueError):
        raise Refused("文件打不开，请用 Excel 重新保存后上报", is_complete=False) from None


def _filled(rows: Sequence[Sequence[object]], merges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> list[list[object]]:
    """A cell merged over several rows holds for each of them; merged over columns it stays where it is."""
    width = max(map(len, rows), default=0)
    cells: list[list[object]] = [[*row, *[""] * (width - len(row))] for row in rows]
    for (top, left), (bottom, _) in merges:
        for row in range(top + 1, min(bottom + 1, len(cells))):
            cells[row][left] = cells[top][left]
    return cells


def decoded(content: bytes) -> str:
    """The text of a CSV file: by its byte order mark, else strict UTF-8, else strict GB18030. Raises Refused for anything else."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                raise Refused("文件不完整，可能上传中断", is_complete=False) from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(content) - _LAST_BYTES and error.start > 0 and not content[: error.start].isascii():
            raise Refused("文件不完整，可能上传中断", is_complete=False) from None
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError as error:
        if error.start >= len(content) - _LAST_BYTES:
            raise Refused("文件不完整，可能上传中断", is_complete=False) from None
        raise Refused("文件编码无法识别，请另存为 UTF-8 编码的 CSV") from None


def title_of(suffix: str, content: bytes) -> str:
    """What stands above the heading of a CSV file that may be cut off anywhere; empty when nothing of it can be read."""
    if suffix != ".csv":
        return ""
    for encoding in [name for mark, name in _BOMS if content.startswith(mark)] or ["utf-8", "gb18030"]:
        with contextlib.suppress(UnicodeDecodeError):
            lines = codecs.getincrementaldecoder(encoding)().decode(content[:_TITLE_BYTES]).splitlines()
            return " ".join(takewhile(lambda line: len(re.findall(r"[^,;\t]+", line)) < _HEADING_CELLS, lines))
    return ""


def _csv(content: bytes) -> Grid:
    text = decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise Refused("文件编码无法识别，请另存为 UTF-8 编码的 CSV")
    head = text[:4096]
    delimiter = max((",", "\t", ";"), key=head.count)
    if text.count('"') % 2:
        raise Refused("有引号没有成对，无法确定各行的起止", is_complete=False)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise Refused("有引号没有成对，无法确定各行的起止") from None
    width = max(map(len, rows), default=0)
    swallowed = any("\n" in cell and cell.count(delimiter) >= max(width // 2, 1) for row in rows for cell in row)
    if len(rows) != _records(text) or swallowed:
        raise Refused("行数与文件内容对不上，请检查单元格内的引号和换行")
    return Grid("", [[*row, *[""] * (width - len(row))] for row in rows], needs_footer=True)


def _records(text: str) -> int:
    """Records as the line ends outside quotes tell, independently of the reader."""
    outside = text.split('"')[::2]
    return sum(part.count("\n") for part in outside) + (0 if text.endswith("\n") or not text else 1)
