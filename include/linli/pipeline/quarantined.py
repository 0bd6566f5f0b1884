"""Quarantined rows put into words: where, what, which rule, how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from linli.contracts import Check, RecordDecl
from linli.pipeline.steps import catalog, register_of
from linli.pipeline.words import readable, shown
from linli.register import QuarantineEntry, Register, RegisterError
from linli.settings import Settings

_OF_THE_BATCH = {
    "batch_stopped": ("整批多数记录不合格，已整批停在关口", "请先改正批内各条记录，再整批重报"),
    "column_missing": ("整批缺少应有的列", "请用规定的表头重报"),
    "key_repeated": ("同一编号出现多次且内容不同", "请核对编号，每条记录使用各自的编号"),
}

_UNKNOWN = ("违反规则", "请核对后重报")
_VALUE = re.compile(r"[“（]\{value\}[”）]")
"""a value in quotes or brackets stands beside the name of its column, and the sentence goes on without it"""


@dataclass(frozen=True)
class Words:
    """One broken rule as the submitter is told."""

    rule: str
    message: str
    fix: str


@dataclass(frozen=True)
class QuarantinedRow:
    """A quarantined row: `values` are (column, Chinese label, text); personal columns hold pseudonyms."""

    label: str
    where: str | None
    words: list[Words]
    values: list[tuple[str, str, str]]
    closed_reason: str | None


def quarantine_entries(
    settings: Settings, *, source: str | None = None, record: str | None = None, include_closed: bool = False
) -> list[QuarantineEntry]:
    """Quarantine entries in the order of the declarations, oldest first; `record` by its own name or its full one.

    Raises RegisterError for a source or record that is not declared, and when nothing has been loaded yet.
    """
    declared = catalog(settings)
    order = {r.full_name: n for n, r in enumerate(r for s in declared.sources.values() for r in s.records)}
    if source is not None and source not in declared.sources:
        raise RegisterError(f"没有声明过名为 {source} 的来源，已声明的是 {'、'.join(declared.sources)}")
    if record is not None and not any(record in (name, name.partition(".")[2]) for name in order):
        raise RegisterError(f"没有声明过名为 {record} 的记录，已声明的是 {'、'.join(order)}")
    with _loaded(settings) as register:
        found = register.quarantine(source=source, include_closed=include_closed)
    chosen = [e for e in found if record in (None, e.record, f"{e.source}.{e.record}")]
    return sorted(chosen, key=lambda e: order.get(f"{e.source}.{e.record}", len(order)))


@contextmanager
def _loaded(settings: Settings) -> Iterator[Register]:
    if not settings.register_path.exists():
        raise RegisterError(f"{settings.home} 下还没有载入过数据，请先运行 make run 或 linli night --day 日期")
    with register_of(settings) as register:
        yield register


def _words(check: Check, record: RecordDecl, row: dict[str, Any], reading: str | None) -> Words:
    column = check.column.removeprefix("ctx_unreadable_")
    value = shown(reading if reading is not None else row.get(column))
    label = next((c.label for c in record.columns if c.name == column), column)
    places = {"value": value or "空", "column": label, "row": row.get("_source_ref") or ""}
    return Words(check.rule, check.message.format(**places), check.fix.format(**places))


def rule_words(record: RecordDecl, rule: str) -> Words:
    """A broken rule in words that hold for every row: what a row says there is left out."""
    check = next((check for check in record.checks if check.rule == rule), None)
    if check is None:
        return Words(rule, *_OF_THE_BATCH.get(rule, _UNKNOWN))
    column = check.column.removeprefix("ctx_unreadable_")
    label = next((c.label for c in record.columns if c.name == column), column)
    message, fix = (_VALUE.sub("", text).format(value="…", column=label, row="") for text in (check.message, check.fix))
    return Words(check.rule, message, fix)


def quarantined_row(settings: Settings, full_name: str, key: str) -> QuarantinedRow:
    """The newest quarantine entry of `key`, given whole or as lists show it, with its row as landed.

    Raises RegisterError when there is none.
    """
    source, _, name = full_name.partition(".")
    try:
        record = catalog(settings).record(full_name)
    except KeyError:
        raise RegisterError(f"没有声明过名为 {full_name} 的记录，应写作 case_system.callbacks 这样的全名") from None
    with _loaded(settings) as register:
        entries = [e for e in register.quarantine(source=source, record=name, include_closed=True) if key in (e.key, readable(e.key))]
        if not entries:
            raise RegisterError(f"{full_name} 没有键为 {key} 的退回记录；键以 linli quarantine list 所示为准")
        entry = entries[-1]
        batch = register.batch(entry.batch_id)
        verdict_files = [str(settings.home / v.path) for v in register.verdicts_of(entry.batch_id) if v.path]
    con = duckdb.connect()
    try:
        con.execute("set TimeZone='Asia/Shanghai'")
        cursor = con.execute("select * from read_parquet(?) where _row_no = ?", [str(settings.home / batch.path), entry.row_no])
        names = [d[0] for d in cursor.description or ()]
        found = cursor.fetchone()
        said = con.execute(
            "select rules, readings from read_parquet(?, filename = true) where row_no = ? and verdict = 'quarantined'"
            " order by list_position(?, filename) desc limit 1",
            [verdict_files, entry.row_no, verdict_files],
        ).fetchone()
        readings = dict(zip(*said, strict=True)) if said and said[1] else {}
    finally:
        con.close()
    if found is None:
        raise RegisterError(f"{full_name} {key}：批次文件中没有第 {entry.row_no} 行")
    row = dict(zip(names, found, strict=True))
    checks = {check.rule: check for check in record.checks}
    words = [
        _words(checks[rule], record, row, readings.get(rule))
        if rule in checks
        else Words(rule, *_OF_THE_BATCH.get(rule, _UNKNOWN))
        for rule in entry.rules
    ]
    values = [(c.name, c.label, shown(row.get(c.name))) for c in record.columns]
    return QuarantinedRow(record.label, row.get("_source_ref"), words, values, entry.closed_reason)
