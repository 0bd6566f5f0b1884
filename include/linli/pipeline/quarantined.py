"""Quarantined rows put into words: where, what, which rule, how to mend it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from linli.contracts import Check, RecordDecl
from linli.pipeline.declared import NotDeclared, check_source, record_of
from linli.pipeline.deployment import catalog, register_of
from linli.pipeline.places import places_of
from linli.pipeline.words import readable, shown
from linli.register import QuarantineEntry, Register, RegisterError
from linli.settings import SHANGHAI, Settings

COLUMN_MISSING = "column_missing"
_UNREADABLE = "ctx_unreadable_"
_OF_THE_BATCH = {
    "batch_stopped": ("整批多数记录不合格，已整批停在关口", "请先改正批内各条记录，再整批重报"),
    COLUMN_MISSING: ("整批缺少应有的列", "请用规定的表头重报"),
    "key_repeated": ("同一编号出现多次且内容不同", "请核对编号，每条记录使用各自的编号"),
}
_UNKNOWN = ("违反规则", "请核对后重报")
_OF_A_FILE = re.compile(r"-([0-9a-f]{8})(?:\.\w+)?(?: |$)")
"""how the safe name of a file ends"""
_VALUE = re.compile(r"[“（]\{value\}[”）]")
"""a value in quotes or brackets stands beside the name of its column, and the sentence goes on without it"""


@dataclass(frozen=True)
class Words:
    """One broken rule as the submitter is told; `columns` are the cells it is about, none when it is about the row or its batch."""

    rule: str
    message: str
    fix: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowBehind:
    """A row behind a quarantine entry: its landed columns, none when its whole batch could not be judged, and what is wrong with it.

    An entry whose number stands in several differing rows of a batch has all of them behind it.
    """

    entry: QuarantineEntry
    row: Mapping[str, Any]
    words: list[Words]


@dataclass(frozen=True)
class QuarantinedRow:
    """A quarantined row: `values` are (column, Chinese label, text), of an entry whose number stands in several rows the texts of all of
    them; personal columns hold pseudonyms. `file_sha` is how the checksum of the file it came in begins, empty for a system's."""

    entry: QuarantineEntry
    label: str
    where: str | None
    words: list[Words]
    values: list[tuple[str, str, list[str]]]
    file_sha: str = ""
    dismissal: tuple[str, str] | None = None
    """why it was dismissed and who answers for it"""


def quarantine_entries(
    settings: Settings, *, source: str | None = None, record: str | None = None, submitter: str | None = None, include_closed: bool = False
) -> list[QuarantineEntry]:
    """Quarantine entries in the order of the declarations, oldest first; `record` by its own name or its full one.

    Raises NotDeclared for a source or record, NoSuchSubmitter, and RegisterError when nothing has been loaded yet.
    """
    declared = catalog(settings)
    if source and record and "." in record and not record.startswith(f"{source}."):
        raise NotDeclared(f"--source {source} 与 --record {record} 说的不是同一来源，只给一个即可")
    order = {r.full_name: n for n, r in enumerate(r for s in declared.sources.values() for r in s.records)}
    check_source(declared, source)
    if record is not None and not any(record in (name, name.partition(".")[2]) for name in order):
        raise NotDeclared(f"没有声明过名为 {record} 的记录，已声明的是 {'、'.join(order)}")
    with loaded(settings) as register:
        found = register.quarantine(source=source, include_closed=True)
    places_of(settings).check_submitter(submitter, {e.submitter for e in found})
    told = [e for e in found if include_closed or e.closed_at is None]
    chosen = [e for e in told if record in (None, e.record, f"{e.source}.{e.record}") and submitter in (None, e.submitter)]
    return sorted(chosen, key=lambda e: order.get(f"{e.source}.{e.record}", len(order)))


@contextmanager
def loaded(settings: Settings) -> Iterator[Register]:
    """The register. Raises RegisterError when nothing has been loaded yet."""
    if not settings.register_path.exists():
        raise RegisterError(f"{settings.home} 下还没有载入过数据，请先运行 make run 或 linli night --day 日期")
    with register_of(settings) as register:
        yield register


def _words(check: Check, record: RecordDecl, row: Mapping[str, Any], reading: str | None) -> Words:
    column = check.column.removeprefix(_UNREADABLE)
    value = shown(reading if reading is not None else row.get(column))
    label = next((c.label for c in record.columns if c.name == column), column)
    places = {"value": value or "空", "column": label, "row": row.get("_source_ref") or ""}
    return Words(check.rule, check.message.format(**places), check.fix.format(**places), _columns_of(check, record))


def _columns_of(check: Check, record: RecordDecl) -> tuple[str, ...]:
    """The column a rule is about: the one it names, or, where it looks at the context, the one with whose label its message begins.

    Labels further on may be those of another record or of another row.
    """
    names = {column.name for column in record.columns}
    column = check.column.removeprefix(_UNREADABLE)
    if column in names:
        return (column,)
    begun = [c for c in record.columns if check.message.startswith(c.label)]
    return (max(begun, key=lambda c: len(c.label)).name,) if begun else ()


def rows_behind(settings: Settings, register: Register, record: RecordDecl, entries: Sequence[QuarantineEntry]) -> list[RowBehind]:
    """The rows behind `entries`, all of `record`, in their order: all batches and verdicts concerned are read at once."""
    batches = [register.batch(batch_id) for batch_id in sorted({entry.batch_id for entry in entries})]
    listed = [(str(settings.home / v.path), v.n) for batch in batches for v in register.verdicts_of(batch.batch_id) if v.path]
    if not listed:
        return []
    with duckdb.connect() as con:
        con.execute("set TimeZone='Asia/Shanghai'")
        con.register("wanted", _wanted(entries))
        con.register("files", pa.table({"path": [path for path, _ in listed], "n": [n for _, n in listed]}))
        cursor = con.execute(
            """with listed as (
              select v.* exclude (path), f.n
              from read_parquet($verdicts, filename = 'path', union_by_name = true) v join files f using (path)
            ), newest as (
              from listed qualify n = max(n) over (partition by _batch_id, row_no)
            ), said as (
              from listed where verdict = 'quarantined' qualify n = max(n) over (partition by _batch_id, row_no)
            ), chosen as (
              select w.number, s._batch_id, s.row_no, s.rules, s.readings from wanted w join said s
                on s._batch_id = w.batch_id and s.row_no = w.row_no
              union
              select w.number, s._batch_id, s.row_no, s.rules, s.readings from wanted w join newest s
                on s._batch_id = w.batch_id and s.key = w.key and s.verdict = 'quarantined' where not w.is_whole_batch
            )
            select c.number as _number, c.rules as _rules, c.readings as _readings, l.*
            from chosen c join read_parquet($batches, union_by_name = true) l on l._batch_id = c._batch_id and l._row_no = c.row_no
            order by c.number, l._row_no""",
            {"verdicts": [path for path, _ in listed], "batches": [str(settings.home / batch.path) for batch in batches]},
        )
        names = [d[0] for d in cursor.description or ()]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    found: dict[int, list[RowBehind]] = {}
    for row in rows:
        readings = dict(zip(row["_rules"], row["_readings"] or [None] * len(row["_rules"]), strict=True))
        entry = entries[row["_number"]]
        found.setdefault(row["_number"], []).append(RowBehind(entry, row, _in_words(record, row, readings)))
    return [row for n, entry in enumerate(entries) for row in found.get(n) or [_without_row(record, entry)]]


def _wanted(entries: Sequence[QuarantineEntry]) -> pa.Table:
    return pa.table(
        {
            "number": range(len(entries)),
            "batch_id": [entry.batch_id for entry in entries],
            "row_no": [entry.row_no for entry in entries],
            "key": [entry.key for entry in entries],
            "is_whole_batch": [COLUMN_MISSING in entry.rules for entry in entries],
        }
    )


def _without_row(record: RecordDecl, entry: QuarantineEntry) -> RowBehind:
    return RowBehind(entry, {}, _in_words(record, {}, dict.fromkeys(entry.rules)))


def _in_words(record: RecordDecl, row: Mapping[str, Any], readings: Mapping[str, str | None]) -> list[Words]:
    """Each broken rule of a row in words; `readings` has what was read of it by rule."""
    checks = {check.rule: check for check in record.checks}
    return [
        _words(checks[rule], record, row, reading)
        if rule in checks
        else Words(rule, *_OF_THE_BATCH.get(rule, _UNKNOWN))
        for rule, reading in readings.items()
    ]


def as_landed(row: Mapping[str, Any], column: str) -> str:
    """The value of a column as it can be typed again: instants in local time to the second, a cell that could not be read as it was."""
    if column in (row.get("_unreadable") or ()):
        return str(json.loads(row.get("_raw") or "{}").get(column) or "")
    value = row.get(column)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(map(str, value))
    if isinstance(value, dt.datetime):
        return value.astimezone(SHANGHAI).replace(tzinfo=None).isoformat(" ", "seconds")
    return "" if value is None else str(value)


def _checksum(row: Mapping[str, Any]) -> str:
    found = _OF_A_FILE.search(str(row.get("_source_ref") or ""))
    return found[1] if found else ""


def _told(row: Mapping[str, Any], column: str) -> str:
    """The value of a column as people read it; of a cell that could not be read, what stood in it."""
    return as_landed(row, column) if column in (row.get("_unreadable") or ()) else shown(row.get(column))


def rule_words(record: RecordDecl, rule: str) -> Words:
    """A broken rule in words that hold for every row: what a row says there is left out."""
    check = next((check for check in record.checks if check.rule == rule), None)
    if check is None:
        return Words(rule, *_OF_THE_BATCH.get(rule, _UNKNOWN))
    column = check.column.removeprefix(_UNREADABLE)
    label = next((c.label for c in record.columns if c.name == column), column)
    message, fix = (_VALUE.sub("", text).format(value="…", column=label, row="") for text in (check.message, check.fix))
    return Words(check.rule, message, fix)


def quarantined_row(settings: Settings, full_name: str, key: str) -> QuarantinedRow:
    """The newest quarantine entry of `key`, given whole or as lists show it, with its row as landed.

    Raises NotDeclared for the record, and RegisterError when there is no such entry.
    """
    source, _, name = full_name.partition(".")
    record = record_of(catalog(settings), full_name)
    with loaded(settings) as register:
        entries = [e for e in register.quarantine(source=source, record=name, include_closed=True) if key in (e.key, readable(e.key))]
        if not entries:
            raise RegisterError(f"{full_name} 没有键为 {key} 的退回记录；键以 linli quarantine list 所示为准")
        entry = entries[-1]
        behind, dismissal = rows_behind(settings, register, record, [entry]), register.files.dismissal_of(entry)
    found = next((b for b in behind if b.row.get("_row_no") == entry.row_no), None)
    if found is None:
        raise RegisterError(f"{full_name} {key}：批次文件中没有第 {entry.row_no} 行")
    rows = [found.row, *(other.row for other in behind if other is not found)]
    values = [(c.name, c.label, [_told(row, c.name) for row in rows]) for c in record.columns]
    return QuarantinedRow(entry, record.label, found.row.get("_source_ref"), found.words, values, _checksum(found.row), dismissal)
