"""Return slips among the files of the inbox: recognised by their cells, read as amendments of the sheets they were made from."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import RecordDecl
from linli.contracts.slip import (
    ACTION,
    CORRECT,
    HIDDEN,
    IS_WITHDRAWN,
    PLACE,
    READ_ONLY,
    REASON,
    SLIP,
    SLIP_ROW,
    WITHDRAW,
    SlipTitle,
    kept,
    slip_title,
    some_of,
)
from linli.sources.casting import plain, text_of
from linli.sources.grids import Grid, Refused
from linli.sources.returns import HEADER_WITHIN, Sheet, find_sheet, header_name, typed

_AGAIN = "请取最新的退回单重填"


@dataclass(frozen=True)
class SlipSheet:
    """One sheet of a filled-in slip: the rows of one sheet of one community and month, and the version that they make of it."""

    said: SlipTitle
    version: str
    record: RecordDecl
    table: pa.Table
    """declared and META columns; `_source_ref` is where the row stood first; SLIP_ROW, IS_WITHDRAWN and the `kept` columns beside them"""


def is_slip(grids: Sequence[Grid]) -> bool:
    """Whether a file is a return slip: a sheet begins as one, or has its own columns."""
    return any(_is_slip(grid) for grid in grids)


def titles(grids: Sequence[Grid], kinds: Sequence[RecordDecl]) -> list[SlipTitle]:
    """What the sheets of a slip say that they hold, also those that cannot be taken in."""
    sheets = {record.extract.sheet for record in kinds}
    found = (slip_title(" ".join(str(cell) for row in grid.rows[:HEADER_WITHIN] for cell in row)) for grid in grids if _is_slip(grid))
    return list({_held_by(title): title for title in found if title and title.sheet in sheets}.values())


def version_of(sha: str, title: SlipTitle) -> str:
    """The checksum by which the sheets of one community and month that a slip amends are known: a slip may hold several months."""
    return hashlib.sha256(f"{sha} {title.community_code} {title.month_on}".encode()).hexdigest()


def slip_label(said: Sequence[SlipTitle], sha: str, suffix: str) -> str:
    """What may be said of a slip's name; '340405-C01_202610_退回单-1a2b3c4d.xlsx'."""
    communities, months = ({getattr(title, name) for title in said} for name in ("community_code", "month_on"))
    parts = [*(communities if len(communities) == 1 else ()), *(f"{month:%Y%m}" for month in months if len(months) == 1), SLIP]
    return f"{'_'.join(parts)}-{sha[:8]}{suffix}"


def read_slip(grids: Sequence[Grid], kinds: Sequence[RecordDecl], sha: str, received_at: dt.datetime) -> list[SlipSheet]:
    """The filled-in sheets of a slip. Raises Refused, in words for whoever sent it, when any part of it cannot be taken as it is."""
    found: dict[tuple[str, str, dt.date], SlipSheet] = {}
    for grid in grids:
        sheet = _sheet(grid, kinds)
        if sheet is None:
            continue
        read = _read(grid, *sheet, sha, received_at)
        if _held_by(read.said) in found:
            raise Refused(f"{SLIP}里有两张同一月份的{read.record.extract.sheet}表，请只保留一张")
        found[_held_by(read.said)] = read
    if not found:
        raise Refused(f"{SLIP}里没有可以交回的行：业务系统的记录请在原系统中更正，整个文件没有被接收的请改正后重报整个文件")
    filled = [sheet for sheet in found.values() if sheet.table.num_rows]
    if not filled:
        raise Refused(f"{SLIP}里没有留下任何一行，{_AGAIN}")
    return filled


def _is_slip(grid: Grid) -> bool:
    return _beginning(grid).startswith(SLIP) or _own_columns(grid) is not None


def _beginning(grid: Grid) -> str:
    return next((str(cell).strip() for row in grid.rows[:1] for cell in row if cell not in ("", None)), "")


def _held_by(title: SlipTitle) -> tuple[str, str, dt.date]:
    return title.sheet, title.community_code, title.month_on


def _own_columns(grid: Grid) -> Sequence[str] | None:
    """The heading row that has a slip's own columns."""
    for row in grid.rows[:HEADER_WITHIN]:
        if any(isinstance(cell, str) and PLACE in cell for cell in row):
            names = [header_name(cell) for cell in row]
            if PLACE in names and (REASON in names or ACTION in names):
                return names
    return None


def _sheet(grid: Grid, kinds: Sequence[RecordDecl]) -> tuple[SlipTitle, Sheet] | None:
    said = next(iter(titles([grid], kinds)), None)
    if said is None:
        if READ_ONLY in _beginning(grid):
            return None
        sheet = find_sheet(grid, kinds, grid.sheet)
        if sheet is None:
            return None
        what = "没有标题行，或标题行被改动" if _is_slip(grid) else f"不是{SLIP}的表"
        raise Refused(
            f"{SLIP}里有一张{sheet.record.extract.sheet}表{what}：请保留{SLIP}原有的标题行，不要与其他台账放在一个文件里；或{_AGAIN}"
        )
    records = [record for record in kinds if record.extract.sheet == said.sheet]
    sheet = find_sheet(grid, records, grid.sheet)
    if sheet is None:
        raise Refused(f"{SLIP}的{said.sheet}表没有表头，{_AGAIN}")
    return said, sheet


def _read(grid: Grid, said: SlipTitle, sheet: Sheet, sha: str, received_at: dt.datetime) -> SlipSheet:
    names = _own_columns(grid) or ()
    missing = [name for name in (PLACE, ACTION) if name not in names]
    if missing:
        raise Refused(f"{SLIP}的{said.sheet}表缺少列：{'、'.join(missing)}；{_AGAIN}")
    own = {name: [grid.rows[number - 1][names.index(name)] for number in sheet.row_numbers] for name in (PLACE, ACTION)}
    places = pc.utf8_trim_whitespace(text_of(own[PLACE])).to_pylist()
    actions = [text or CORRECT for text in plain(text_of(own[ACTION])).to_pylist()]
    where = [f"{said.sheet}（{said.month_on:%Y-%m}）第{number}行" for number in sheet.row_numbers]
    _check(places, actions, where)
    version, rows = version_of(sha, said), len(where)
    columns, are_kept = dict(sheet.columns), {}
    for column in sheet.record.columns:
        if column.personal and column.personal != "text" and column.name in columns:
            hidden = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(columns[column.name]), HIDDEN), False)
            columns[column.name] = pc.if_else(hidden, pa.scalar(None, pa.string()), columns[column.name])
            are_kept[kept(column.name)] = hidden
    given = {
        "community_code": pa.repeat(pa.scalar(said.community_code), rows),
        "month_on": pa.repeat(pa.scalar(said.month_on, pa.date32()), rows),
    }
    filled = Sheet(sheet.record, sheet.title, columns, sheet.row_numbers, sheet.is_1904)
    table = typed(filled, given, version, "", said.month_on, received_at.year)
    table = table.set_column(table.schema.get_field_index("_source_ref"), "_source_ref", pa.array(places, pa.string()))
    beside = {SLIP_ROW: pa.array(where, pa.string()), IS_WITHDRAWN: pa.array([action == WITHDRAW for action in actions], pa.bool_())}
    for name, values in (beside | are_kept).items():
        table = table.append_column(name, values)
    return SlipSheet(said, version, sheet.record, table)


def _check(places: Sequence[str | None], actions: Sequence[str], where: Sequence[str]) -> None:
    """Raises Refused for rows that the slip did not have, that stand in it twice, or of which it is not said what to do with them."""
    added = [at for at, place in zip(where, places, strict=True) if not place]
    if added:
        raise Refused(f"{some_of(added)}没有{PLACE}：{SLIP}只用来更正退回的行，新增的记录请填入整张台账重报")
    counts = Counter(places)
    twice = [at for at, place in zip(where, places, strict=True) if counts[place] > 1]
    if twice:
        raise Refused(f"{some_of(twice)}的{PLACE}相同：一行只能更正一次，请删去多余的行")
    unclear = [at for at, action in zip(where, actions, strict=True) if action not in (CORRECT, WITHDRAW)]
    if unclear:
        raise Refused(f"{some_of(unclear)}的{ACTION}应为“{CORRECT}”或“{WITHDRAW}”，空白视为{CORRECT}")
