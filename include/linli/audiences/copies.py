"""The copies of one closed month: a folder an audience, a file a table as CSV, all tables as one Excel workbook, and what they mean.

All copies of a month appear together and are never written again. A hidden count is
written as HIDDEN, and so is a rate of one. Texts are written so that no spreadsheet takes one for a formula.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter

from linli.audiences.figures import Before, Names, Parents, Row, districts_of, guarded, read, told_with
from linli.audiences.model import AUDIENCES, Audience, Table, declaration
from linli.durable import name_of, whole
from linli.spreadsheets import write_csv

HIDDEN = "*"
_ACCOUNT = "copies.json"
Line = list[str | int | float]
_LEVELS = {
    "district": "区", "community": "社区", "compound": "小区", "station": "工作站", "department": "部门",
    "category": "事项类别", "officer": "队员",
}  # fmt: skip
_ABOUT = """\
邻里 {month} 数据副本：{audience}

数字取自 {month} 结账时的冻结数，此后不再改动；结账以后的更正见月度复盘的重述。
“{hidden}”为不公布：涉及 1 至 {most} 名居民的数字不对外公布，凭其余数字能推算出它们的数字也一并不公布；
比率的分子或分母不公布的，比率也不公布。时限只公布按期率，取整到百分之一，计入考核的环节不足 {least} 个的不公布，
回访到期数或双方接通数不公布的，7日回访按期率也不公布。没有载入来源的表不在其中，不等于零。
比率一律由本行的分子、分母相除，合计不等于各行比率的平均。

"""


@dataclass(frozen=True)
class Place:
    """Whom a copy is for: everybody, or one station or department; `key` is empty for everybody."""

    audience: Audience
    district_code: str = ""
    key: str = ""
    name: str = "公众"

    @property
    def folder(self) -> str:
        return name_of("-".join(part for part in (self.audience, self.district_code, self.key) if part))


@dataclass(frozen=True)
class Directory:
    """What the copies of a month need of the reference data: parents of keys at its end and before, and names by (district_code, level,
    key)."""

    parents: Parents
    names: Names
    before: Before = ()

    def to_json(self) -> str:
        """As `from_json` reads it."""
        names, *parents = ([[list(key), value] for key, value in sorted(part.items())] for part in (self.names, self.parents, *self.before))
        return json.dumps({"names": names, "parents": parents}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Directory:
        """What `to_json` wrote."""
        said = json.loads(text)
        names, *states = ({tuple(key): value for key, value in part} for part in (said["names"], *said["parents"]))
        return cls(states[0], names, states[1:])

    def places(self) -> list[Place]:
        """Everybody to write a copy for."""
        own = [
            Place(audience, district, key, name)
            for audience in AUDIENCES
            for (district, level, key), name in sorted(self.names.items())
            if level == audience and key != "none"
        ]
        return [Place("public"), *own]


@dataclass(frozen=True)
class Copies:
    """The copies of a month: their folder, for how many audiences, and how many counts of all are hidden."""

    month: dt.date
    folder: Path
    audiences: int
    counts: int
    hidden: int


def copies_of(folder: Path, month: dt.date) -> Copies | None:
    """The copies that lie in `folder`; None when none do."""
    account = folder / _ACCOUNT
    return Copies(month, folder, **json.loads(account.read_text(encoding="utf-8"))) if account.exists() else None


def write_copies(figures: Path, folder: Path, month: dt.date, directory: Directory, *, few: int) -> Copies:
    """Writes the copies of a closed month of which `figures` are frozen; counts of fewer than `few` residents are hidden.

    Raises FileExistsError where some lie already, NotSolved.
    """
    declared = declaration()
    found = read(figures, declared.tables, directory.names, directory.parents)
    rows = {table.name: of_table for table, of_table in guarded(found, declared, directory.parents, directory.before, few=few)}
    tables = [(table, told_with(rows[table.name], table, rows)) for table in declared.tables]
    places = directory.places()
    shown = [count for table, rows in tables if table.shows == "counts" for row in rows for count in row.counts.values()]
    account = {"audiences": len(places), "counts": len(shown), "hidden": shown.count(None)}
    with whole(folder) as aside:
        for place in places:
            (aside / place.folder).mkdir(mode=0o700)
            _write(aside / place.folder, [(t, _open_to(place, t, rows, directory)) for t, rows in tables], place, month, directory, few)
        (aside / _ACCOUNT).write_text(json.dumps(account) + "\n", encoding="utf-8")
    return Copies(month, folder, **account)


def withheld(figures: Path, table: str, directory: Directory, *, few: int) -> dict[tuple[str, str, str], frozenset[str]]:
    """Which counts of a declared table are hidden in the copies of the month of which `figures` are frozen, by (district_code, level,
    key), and which rows of others that are told with them (`follow_up`); whatever else tells them has to hide the same. A district of
    which nothing is frozen is not there. Raises NotSolved."""
    declared = declaration()
    found = read(figures, declared.tables, directory.names, directory.parents)
    rows = {each.name: of_table for each, of_table in guarded(found, declared, directory.parents, directory.before, few=few)}
    [of_name] = [each for each in declared.tables if each.name == table]
    frozen = districts_of(figures, of_name)
    hidden = {
        (row.district_code, row.level, row.key): {name for name, count in row.counts.items() if count is None}
        for row in rows[table]
        if row.district_code in frozen
    }
    for other in declared.tables:
        if other.told_with and other.told_with.table == table:
            told = told_with(rows[other.name], other, rows)
            shown = {(row.district_code, row.level, row.key) for row in told if other.told_with.value in row.by and _shows(other, row)}
            for place in hidden.keys() - shown:
                hidden[place].add(other.told_with.value)
    return {place: frozenset(names) for place, names in hidden.items()}


def _shows(table: Table, row: Row) -> bool:
    """Whether a row tells any of its rates."""
    return any(_rate(table, row.counts[rate.numerator], row.counts[rate.denominator]) != HIDDEN for rate in table.rates.values())


def _open_to(place: Place, table: Table, rows: Sequence[Row], directory: Directory) -> list[Row]:
    """What everybody sees, and what is the place's own."""
    everybody, own = (table.open_to.get(audience, []) for audience in ("public", place.audience))
    return [row for row in rows if row.level in everybody or (row.level in own and _is_own(place, table, row, directory))]


def _is_own(place: Place, table: Table, row: Row, directory: Directory) -> bool:
    if row.district_code != place.district_code:
        return False
    if row.level == place.audience:
        return row.key == place.key
    column = f"{place.audience}_code"
    if column in table.by:
        return row.by[list(table.by).index(column)] == place.key
    return directory.parents.get((row.district_code, row.level, place.audience), {}).get(row.key) == place.key


def _write(
    folder: Path, tables: Sequence[tuple[Table, list[Row]]], place: Place, month: dt.date, directory: Directory, few: int
) -> None:
    filled: list[tuple[Table, list[Line]]] = [
        (table, [_labels(table), *_lines(table, rows, month, directory)]) for table, rows in tables if rows
    ]
    for table, lines in filled:
        text = io.StringIO(newline="")
        write_csv(text, lines)
        (folder / f"{table.name}.csv").write_bytes(text.getvalue().encode("utf-8-sig"))
    least = max(table.least for table, _ in tables)
    about = _ABOUT.format(month=f"{month:%Y-%m}", audience=place.name, hidden=HIDDEN, most=few - 1, least=least)
    about += "".join(f"{table.name}.csv  {table.label}\n" for table, _ in filled)
    (folder / "说明.txt").write_text(about, encoding="utf-8-sig")
    _write_workbook(folder / f"linli-{place.folder}-{month:%Y-%m}.xlsx", filled, about, month)


def _labels(table: Table) -> Line:
    counts = table.counts.values() if table.shows == "counts" else ()
    given = ("月份", "区划代码", "层级", "编码", "名称")
    return [*given, *(by.label for by in table.by.values()), *counts, *(rate.label for rate in table.rates.values())]


def _lines(table: Table, rows: Sequence[Row], month: dt.date, directory: Directory) -> Iterator[Line]:
    for row in rows:
        by = [
            column.names.get(value) or directory.names.get((row.district_code, name.removesuffix("_code"), value), value)
            for (name, column), value in zip(table.by.items(), row.by, strict=True)
        ]
        counts = [HIDDEN if count is None else count for count in row.counts.values()] if table.shows == "counts" else []
        rates = [_rate(table, row.counts[rate.numerator], row.counts[rate.denominator]) for rate in table.rates.values()]
        name = directory.names.get((row.district_code, row.level, row.key), "未注明" if row.key == "none" else row.key)
        yield [f"{month:%Y-%m}", row.district_code, _LEVELS[row.level], row.key, name, *by, *counts, *rates]


def _rate(table: Table, numerator: int | None, denominator: int | None) -> str | float:
    if numerator is None or denominator is None or denominator < table.least:
        return HIDDEN
    return round(numerator / denominator, 4 if table.shows == "counts" else 2) if denominator else ""


def _write_workbook(path: Path, filled: Sequence[tuple[Table, list[Line]]], about: str, month: dt.date) -> None:
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, plain) as book:
        book.set_properties({"created": dt.datetime(month.year, month.month, 1)})  # noqa: DTZ001 - Excel knows no zones
        bold, share = book.add_format({"bold": True}), book.add_format({"num_format": "0.0%"})
        page = book.add_worksheet("说明")
        for at, text in enumerate(about.splitlines()):
            page.write_string(at, 0, text)
        for table, (labels, *lines) in filled:
            page = book.add_worksheet(table.label)
            page.freeze_panes(1, 5)
            page.set_column(0, len(labels) - 1, 14)
            page.write_row(0, 0, labels, bold)
            for at, line in enumerate(lines, 1):
                for column, cell in enumerate(line):
                    if isinstance(cell, str):
                        page.write_string(at, column, cell)
                    else:
                        page.write_number(at, column, cell, share if isinstance(cell, float) else None)
