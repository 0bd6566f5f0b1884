"""Text as people and programs write it, read as the declared type: whole columns at a time, the unreadable told apart from the empty."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import Column

LOCAL_ZONE = "Asia/Shanghai"

_NULL_TEXT = pa.scalar(None, pa.string())
_YES = pa.array(["是", "√", "✓", "✔", "有", "对", "y", "yes", "true", "t", "1"])
_NO = pa.array(["否", "×", "✗", "x", "无", "没有", "n", "no", "false", "f", "0"])
_FULL_DATE = r"^(?P<y>\d{4})\s*[-./年]\s*(?P<m>\d{1,2})\s*[-./月]\s*(?P<d>\d{1,2})\s*[日号]?(?:\D.*)?$"
_DAY_OF_YEAR = r"^(?P<m>\d{1,2})\s*[-./月]\s*(?P<d>\d{1,2})\s*[日号]?$"
_COMPACT_DATE = r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})$"
_SERIAL = r"^\d{5}(?:\.\d+)?$"
_FIRST_SERIAL, _LAST_SERIAL = 36_526, 73_050
"""2000-01-01 and 2099-12-31 as Excel counts days from 1899-12-30"""
_SERIAL_EPOCH = 25_569
_DAYS_1904 = 1_462
_INSTANT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_WHOLE_NUMBER = r"^(?P<n>[+-]?\d+)(?:\.0+)?\s*(?:人|人次|名|个|户|次|场|件|项|处|分)?$"
_LIST_SEPARATORS = r"[、,，;；/\s]+"


@dataclass(frozen=True)
class Sheetwise:
    """What the sheet says about all its dates: the year (and month) it is about, and whether serials count from 1904.

    A date without a year takes `year`; across the turn of the year next to `month`, the neighbouring one.
    """

    year: int | None = None
    is_1904: bool = False
    month: int | None = None


@dataclass(frozen=True)
class Cast:
    """A column read as its type, and which non-empty texts could not be read (they are null in `values`)."""

    values: pa.Array
    unreadable: pa.BooleanArray


def plain(texts: pa.Array) -> pa.Array:
    """NFKC (full-width digits and letters become plain), outer white space off, empty becomes null."""
    tidy = pc.utf8_trim_whitespace(pc.utf8_normalize(texts, "NFKC"))
    return pc.if_else(pc.equal(tidy, ""), _NULL_TEXT, tidy)


def read_column(texts: pa.Array, column: Column, sheet: Sheetwise | None = None) -> Cast:
    """`texts` (string) read as the declared type of `column`."""
    kind = column.type
    if kind == "string":
        return Cast(texts, _none(len(texts)))
    tidy = plain(texts)
    if kind == "list<string>":
        parts = pc.split_pattern_regex(pc.utf8_trim(tidy, "、,，;；/ \t\n"), _LIST_SEPARATORS)
        return Cast(parts.cast(column.arrow_type), _none(len(texts)))
    if kind == "bool":
        values = _as_bool(tidy)
    elif kind == "date":
        values = _cast_each(_as_iso_date(tidy, sheet or Sheetwise()), pa.date32())
    elif kind == "timestamp":
        values = _as_instant(tidy)
    else:
        values = _cast_each(_group(tidy, _WHOLE_NUMBER, "n"), column.arrow_type)
    return Cast(values, pc.and_(tidy.is_valid(), values.is_null()))


def unreadable_columns(texts: Mapping[str, pa.Array], casts: Mapping[str, Cast], rows: int) -> tuple[pa.Array, pa.Array]:
    """The META columns `_unreadable` (names) and `_raw` (JSON object name → original text) of `rows` rows; null where all is readable."""
    bad = {name: cast.unreadable for name, cast in casts.items() if pc.any(cast.unreadable).as_py()}
    names: list[list[str] | None] = [None] * rows
    originals: list[dict[str, str] | None] = [None] * rows
    for name, unreadable in bad.items():
        places = pc.indices_nonzero(unreadable)
        for place, text in zip(places.to_pylist(), texts[name].take(places).to_pylist(), strict=True):
            names[place] = [*(names[place] or []), name]
            originals[place] = {**(originals[place] or {}), name: text}
    raw = [json.dumps(cells, ensure_ascii=False) if cells else None for cells in originals]
    return pa.array(names, pa.list_(pa.string())), pa.array(raw, pa.string())


def text_of(values: Sequence[object]) -> pa.Array:
    """Values of mixed kinds as text: strings as they are, whole floats without a fraction, dates in ISO form, everything else as JSON."""
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    iso = getattr(value, "isoformat", None)
    if iso is not None:
        return str(iso())
    return json.dumps(value, ensure_ascii=False, default=str)


def _none(rows: int) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), rows)


def _group(texts: pa.Array, pattern: str, group: str) -> pa.Array:
    return pc.struct_field(pc.extract_regex(texts, pattern), group)


def _cast_each(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts cast to `kind`, null where one cannot be: halves are tried until each bad text stands alone."""
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, kind)
        middle = len(texts) // 2
        return pa.concat_arrays([_cast_each(texts[:middle], kind), _cast_each(texts[middle:], kind)])


def _as_bool(tidy: pa.Array) -> pa.Array:
    lowered = pc.utf8_lower(tidy)
    yes, no = pc.is_in(lowered, _YES), pc.is_in(lowered, _NO)
    return pc.if_else(yes, pa.scalar(True), pc.if_else(no, pa.scalar(False), pa.scalar(None, pa.bool_())))


def _as_iso_date(tidy: pa.Array, sheet: Sheetwise) -> pa.Array:
    found = _joined(tidy, _FULL_DATE)
    if found.null_count == tidy.null_count:
        return found
    found = pc.coalesce(found, _joined(tidy, _COMPACT_DATE))
    if sheet.year is not None:
        found = pc.coalesce(found, _joined(tidy, _DAY_OF_YEAR, sheet))
    serials = pc.if_else(pc.match_substring_regex(tidy, _SERIAL), tidy, _NULL_TEXT).cast(pa.float64())
    days = pc.add(pc.floor(serials).cast(pa.int32()), _DAYS_1904 if sheet.is_1904 else 0)
    usable = pc.and_(pc.greater_equal(days, _FIRST_SERIAL), pc.less_equal(days, _LAST_SERIAL))
    days = pc.if_else(usable, pc.subtract(days, _SERIAL_EPOCH), pa.scalar(None, pa.int32())).cast(pa.int32())
    return pc.coalesce(found, days.cast(pa.date32()).cast(pa.string()))


def _joined(tidy: pa.Array, pattern: str, sheet: Sheetwise | None = None) -> pa.Array:
    parts = pc.extract_regex(tidy, pattern)
    month, day = (pc.utf8_lpad(pc.struct_field(parts, name), 2, "0") for name in ("m", "d"))
    year = pc.struct_field(parts, "y") if sheet is None else _year_beside(month, sheet)
    return pc.binary_join_element_wise(year, month, day, "-")


def _year_beside(month: pa.Array, sheet: Sheetwise) -> pa.Array:
    """The year of each month of a sheet: a January in a December's return is the next year's, a December in a January's the last's."""
    assert sheet.year is not None
    beyond, step = {12: ("01", 1), 1: ("12", -1)}.get(sheet.month or 0, ("", 0))
    return pc.if_else(pc.equal(month, beyond), f"{sheet.year + step:04d}", f"{sheet.year:04d}")


def _as_instant(tidy: pa.Array) -> pa.Array:
    """RFC 3339; without an offset the local time of Shanghai."""
    kind = pa.timestamp("us", tz="UTC")
    zoned = pc.match_substring_regex(tidy, _INSTANT + r"\s*(?:[Zz]|[+-]\d{2}:?\d{2})$")
    local = pc.match_substring_regex(tidy, _INSTANT + "$")
    with_zone = _cast_each(pc.if_else(zoned, pc.replace_substring_regex(tidy, r"(\.\d{6})\d+", r"\1"), _NULL_TEXT), kind)
    without = _cast_each(pc.if_else(local, tidy, _NULL_TEXT), pa.timestamp("us"))
    return pc.coalesce(with_zone, pc.assume_timezone(without, LOCAL_ZONE, ambiguous="earliest", nonexistent="latest").cast(kind))
