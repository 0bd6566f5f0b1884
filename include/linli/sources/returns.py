"""Hand-filled grids as records: the header found by its declared names, the rows below it, what title and footer say."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import RecordDecl
from linli.sources.casting import Cast, Sheetwise, plain, read_column, text_of, unreadable_columns
from linli.sources.grids import Grid, Refused

HEADER_WITHIN = 15
"""a header stands in the first rows of a sheet, below at most a few title rows"""

_LEAST_SHARE = 0.5
_FOOTER = re.compile(r"^(合计|总计|小计|共计|制表|审核|填表|填报人|负责人|复核|备注[::]|说明[::])")
_FEW_CELLS = 3
_REMARKS = re.compile(r"\s+|\([^)]*\)|\[[^\]]*\]|[*:]")


@dataclass(frozen=True)
class Sheet:
    """One sheet of a return: its record, the cells under each declared column, and the row numbers people see."""

    record: RecordDecl
    title: str
    columns: dict[str, pa.Array]
    row_numbers: list[int]
    is_1904: bool


def header_name(cell: object) -> str:
    """A column heading without what varies: width, spaces, line breaks, remarks in brackets."""
    return _plain_heading(str(cell))


# The same headings stand in every file, and one file's rows are all compared with its heading.
@lru_cache(maxsize=4096)
def _plain_heading(text: str) -> str:
    return _REMARKS.sub("", unicodedata.normalize("NFKC", text))


def find_sheet(grid: Grid, records: Sequence[RecordDecl], hint: str) -> Sheet | None:
    """The record whose header the grid holds, or None when it holds none (a sheet of instructions, an empty one).

    `hint` (sheet or file name) decides where two fit alike. Raises Refused when columns are missing, or the end of the file is.
    """
    best: tuple[float, bool, int, RecordDecl, dict[str, int]] | None = None
    for at, row in enumerate(grid.rows[:HEADER_WITHIN]):
        names = [header_name(cell) for cell in row]
        for record in records:
            places = _places(record, names)
            wanted = sum(1 for column in record.columns if column.headers)
            score = (len(places) / wanted, str(record.extract.sheet) in hint, -at)
            if score[0] >= _LEAST_SHARE and (best is None or score > best[:3]):
                best = (*score, record, places)
    if best is None:
        return None
    _, _, negative, record, places = best
    missing = [column.label for column in record.columns if column.headers and column.name not in places]
    if missing:
        raise Refused(f"{record.extract.sheet}表缺少列：{'、'.join(missing)}")
    return _sheet(grid, record, -negative, places)


def _places(record: RecordDecl, names: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for column in record.columns:
        wanted = [header_name(name) for name in column.headers]
        found = next((names.index(name) for name in wanted if name in names and names.index(name) not in places.values()), None)
        if found is not None:
            places[column.name] = found
    return places


def _sheet(grid: Grid, record: RecordDecl, header: int, places: dict[str, int]) -> Sheet:
    title = " ".join(str(cell) for row in grid.rows[:header] for cell in row if cell not in ("", None))
    heading = [header_name(cell) for cell in grid.rows[header]]
    kept: list[tuple[int, Sequence[object]]] = []
    ended = False
    for at in range(header + 1, len(grid.rows)):
        row = grid.rows[at]
        filled = [cell for cell in row if not _is_blank(cell)]
        if not filled or [header_name(cell) for cell in row] == heading:
            continue
        if _FOOTER.match(unicodedata.normalize("NFKC", str(filled[0])).strip()):
            ended = True
        elif not ended or len(filled) >= _FEW_CELLS:
            kept.append((at + 1, row))
    if grid.needs_footer and not ended:
        raise Refused("缺少表尾（“合计”起的末行），文件可能没有传完整", is_complete=False)
    cells = {name: text_of([_cell(row[place]) for _, row in kept]) for name, place in places.items()}
    return Sheet(record, title, cells, [number for number, _ in kept], grid.is_1904)


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _cell(cell: object) -> object:
    return None if _is_blank(cell) else cell


def typed(sheet: Sheet, given: dict[str, pa.Array], sha: str, label: str, month_on: dt.date | None, received_year: int) -> pa.Table:
    """The sheet as its record: declared types, `given` columns of the file, and the META columns a file knows.

    A date without a year takes the year that brings it closest to the return's month, or else the year the file was received in.
    A yes/no cell left blank says no.
    """
    rows = len(sheet.row_numbers)
    wise = Sheetwise(month_on.year if month_on else received_year, sheet.is_1904, month_on.month if month_on else None)
    casts: dict[str, Cast] = {}
    for column in sheet.record.columns:
        if column.name in sheet.columns:
            texts = sheet.columns[column.name]
            cast = read_column(texts, column, wise)
            if column.type == "string":
                cast = Cast(pc.utf8_trim_whitespace(texts) if column.personal == "text" else plain(texts), cast.unreadable)
            elif column.type == "bool":
                cast = Cast(pc.if_else(cast.unreadable, cast.values, pc.fill_null(cast.values, False)), cast.unreadable)
            casts[column.name] = cast
    unreadable, raw = unreadable_columns(sheet.columns, casts, rows)
    columns = {name: cast.values for name, cast in casts.items()} | given
    columns = {name: columns[name] for name in sheet.record.declared_schema().names}
    columns["_source_ref"] = pa.array([f"{label} {sheet.record.extract.sheet}!第{number}行" for number in sheet.row_numbers], pa.string())
    columns["_parent_version"] = pa.repeat(pa.scalar(sha), rows)
    columns["_unreadable"], columns["_raw"] = unreadable, raw
    return pa.table(columns)
