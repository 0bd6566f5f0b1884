"""What people do with a slip: open it, change cells, save it again by some office program, as a workbook or one sheet as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import python_calamine
import xlsxwriter

Cells = list[list[object]]
HEADING_ROW = 2


def opened(path: Path) -> dict[str, Cells]:
    """The sheets of a workbook, by name."""
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    return {name: [list(row) for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)] for name in book.sheet_names}


def change(cells: Cells, line: int, **values: object) -> None:
    """Fills cells of the row `line` (0: the first below the headings) under the headings named."""
    for heading, value in values.items():
        cells[HEADING_ROW + 1 + line][cells[HEADING_ROW].index(heading)] = value


def column(cells: Cells, heading: str) -> list[object]:
    """The cells below a heading, without the footer."""
    return [row[cells[HEADING_ROW].index(heading)] for row in cells[HEADING_ROW + 1 : -1]]


def as_workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """Saved again: the cells, and nothing of what was beside them."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for line, row in enumerate(rows):
                page.write_row(line, 0, row)
    return content.getvalue()


def as_csv(cells: Sequence[Sequence[object]], encoding: str) -> bytes:
    """One sheet saved as CSV, each line as wide as the sheet."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(cells)
    return text.getvalue().encode(encoding)
