"""Free text without phone and ID numbers, and without what the same row says elsewhere about its person."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

TOKENS = {"name": "[姓名]", "phone": "[电话]", "id_no": "[证件号]", "address": "[住址]"}

_DIGIT = "[0-9０-９]"
_GAP = r"[ \t\-_.·—–－．　]{0,2}"
_AREA_CODE = rf"[(（]?[0０]{_DIGIT}{{2,3}}[)）]?"
_BIRTH = rf"(?:[1１][89８９]|[2２][0０]){_DIGIT}{{2}}{_GAP}(?:[0０][1-9１-９]|[1１][0-2０-２]){_GAP}(?:[0-2０-２]{_DIGIT}|[3３][01０１])"
_PREFIX = rf"(?:[+＋]?[8８][6６]{_GAP})?"

# The same patterns run in RE2 over columns and in `re` over single texts; neither look-around nor back-references are to be had in RE2,
# so what must stand before a number is captured and put back.
# An ID number with a date of birth in it and a phone number that stands alone come first: the looser rules after them would
# otherwise begin in the one and end in the other where the two stand side by side.
_RULES: tuple[tuple[str, str], ...] = (
    (rf"{_DIGIT}{{6}}{_GAP}{_BIRTH}{_GAP}{_DIGIT}{{3}}[0-9０-９XxＸｘ]", TOKENS["id_no"]),
    (rf"(^|[^0-9０-９]){_PREFIX}[1１]{_GAP}[3-9３-９](?:{_GAP}{_DIGIT}){{9}}($|[^0-9０-９])", r"\1" + TOKENS["phone"] + r"\2"),
    (rf"{_DIGIT}{{6}}{_GAP}{_DIGIT}{{4}}{_GAP}{_DIGIT}{{4}}{_GAP}{_DIGIT}{{3}}[0-9０-９XxＸｘ]", TOKENS["id_no"]),
    (rf"{_PREFIX}[1１][3-9３-９]{_DIGIT}{{9}}", TOKENS["phone"]),
    (rf"(^|[^0-9０-９]){_PREFIX}[1１]{_GAP}[3-9３-９](?:{_GAP}{_DIGIT}){{9}}", r"\1" + TOKENS["phone"]),
    (rf"(^|[^0-9０-９])[1-9１-９]{_DIGIT}{{14}}($|[^0-9０-９])", r"\1" + TOKENS["id_no"] + r"\2"),
    (rf"(^|[^0-9０-９\-－]){_AREA_CODE}{_GAP}[2-8２-８]{_DIGIT}{{2,3}}{_GAP}{_DIGIT}{{4}}", r"\1" + TOKENS["phone"]),
    (
        rf"(电话|座机|手机|联系方式|热线)([号码是为:： ]{{0,4}})[2-8２-８]{_DIGIT}{{2,3}}{_GAP}{_DIGIT}{{4}}",
        r"\1\2" + TOKENS["phone"],
    ),
)
_STAGES = (_RULES[:1], _RULES[1:2], _RULES[2:])
"""most numbers go by the first rule or the second; what has no seven digits left then is spared the others"""
_CANDIDATE = rf"{_DIGIT}(?:[ \t\-_.·—–－．　()（）]{{0,3}}{_DIGIT}){{6}}"
_SEVEN_DIGITS_SPAN = 6 * (1 + 3 * 3)
"""bytes from the first of seven digits to the last: six gaps of up to three characters of up to three bytes"""
_BLOCK_BYTES = 96 << 10

_SPACES = " \t\r\n\u00a0\u3000"
_COMPILED = tuple((re.compile(pattern), token) for pattern, token in _RULES)


def scrub(text: str) -> str:
    """`text` with mobile, landline and ID numbers replaced by [电话] or [证件号]; for messages and names of files."""
    for pattern, token in _COMPILED:
        text = pattern.sub(token, text)
    return text


def scrub_column(texts: pa.Array) -> pa.Array:
    """`scrub` for a whole string column; rows without seven digits in a run are not touched."""
    return _scrubbed(texts, _STAGES)


def _scrubbed(texts: pa.Array, stages: Sequence[tuple[tuple[str, str], ...]]) -> pa.Array:
    suspect = suspects(texts)
    if not stages or not suspect.true_count:
        return texts
    found = texts.filter(suspect)
    for pattern, token in stages[0]:
        found = pc.replace_substring_regex(found, pattern, token)
    return pc.replace_with_mask(texts, suspect, _scrubbed(found, stages[1:]))


def suspects(texts: pa.Array) -> pa.BooleanArray:
    """Which texts could hold a phone or ID number at all: seven digits in a run, common separators allowed."""
    sure, unsure = _rows_with_many_digits(texts)
    flags = np.zeros(len(texts), dtype=np.bool_)
    flags[sure] = True
    unsure = unsure[~flags[unsure]]
    if len(unsure):
        found = pc.fill_null(pc.match_substring_regex(texts.take(pa.array(unsure)), _CANDIDATE), False)
        flags[unsure] = found.to_numpy(zero_copy_only=False)
    return pa.array(flags)


def _rows_with_many_digits(texts: pa.StringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows with seven digits side by side, and those with seven digits close together or any full-width digit.

    Found in the bytes of the whole column at once: looking at every text with a regular expression costs many times as much, and
    most texts hold few digits.
    """
    offsets, raw = bytes_of(texts)
    if not len(raw):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    digits, wide = places_of_digits(raw)
    first, last = digits[:-6], digits[6:]
    close = np.flatnonzero((last - first) <= _SEVEN_DIGITS_SPAN)
    first, last = first[close], last[close]
    row = rows_of(first, offsets)
    in_one_row = last + offsets[0] < offsets[row + 1]
    side_by_side = last - first == 6
    return row[in_one_row & side_by_side], np.unique(np.concatenate([row[in_one_row & ~side_by_side], rows_of(wide, offsets)]))


def bytes_of(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """A string column as its offsets (one more than rows) and the bytes from the first of them to the last."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(1, dtype=np.int32), np.empty(0, dtype=np.uint8)
    chosen = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return chosen, np.frombuffer(data, dtype=np.uint8)[chosen[0] : chosen[-1]]


def places_of_digits(raw: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where in UTF-8 text ASCII digits stand, and where full-width ones begin (EF BC 90 to EF BC 99); in blocks that stay in the cache."""
    digits, wide = [], []
    for start in range(0, len(raw), _BLOCK_BYTES):
        block = raw[start : start + _BLOCK_BYTES + 2]
        digits.append(np.flatnonzero((block[:_BLOCK_BYTES] - np.uint8(ord("0"))) < 10) + start)
        places = np.flatnonzero((block[:-2] == 0xEF) & ((block[2:] - np.uint8(0x90)) < 10))
        wide.append(places[block[places + 1] == 0xBC] + start)
    return (np.concatenate(digits), np.concatenate(wide)) if digits else (np.empty(0, np.int64), np.empty(0, np.int64))


def rows_of(places: npt.NDArray[np.int64], offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The row each place in the bytes of `bytes_of` belongs to."""
    begun: npt.NDArray[np.int64] = np.searchsorted(offsets, (places + offsets[0]).astype(np.int32), side="right")
    return begun - 1


class TextCleaner:
    """Cleans the free text columns of a record: the row's own personal values first, then every phone and ID number.

    `personal` names the personal columns and the kind of each.
    """

    def __init__(self, text_columns: Sequence[str], personal: Mapping[str, str]) -> None:
        self.text_columns = tuple(text_columns)
        ordered = sorted(personal, key=lambda column: ("address", "id_no", "phone", "name").index(personal[column]))
        self._own = tuple(ordered)
        # A number of the person stands only in texts with many digits, which are cleaned anyway; words must be looked for in all.
        self._words = [column for column in ordered if personal[column] in ("name", "address")]
        named = [" or ".join(f"coalesce(contains({_q(text)}, {_q(word)}), false)" for word in self._words) for text in self.text_columns]
        self._named = f"select {', '.join(named)} from batch" if self._words and named else None
        self._cleaned = {text: self._cleaning(text, personal) for text in self.text_columns}

    def _cleaning(self, text: str, personal: Mapping[str, str]) -> str:
        expression = _q(text)
        for column in self._own:
            expression = f"replace({expression}, coalesce({_q(column)}, chr(1)), '{TOKENS[personal[column]]}')"
        return f"select {expression} as {_q(text)} from batch"

    def __call__(self, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """The text columns by name, cleaned; `columns` holds them and the personal ones, as they came."""
        texts = {name: columns[name] for name in self.text_columns}
        hits = {name: suspects(text) for name, text in texts.items()}
        if self._named and len(next(iter(texts.values()))):
            trimmed = {name: pc.utf8_trim(columns[name], _SPACES) for name in self._words}
            named = self._ask(self._named, pa.table({**texts, **trimmed})).columns
            hits = {name: pc.or_(hits[name], _one(found)) for name, found in zip(texts, named, strict=True)}
        return {name: self._clean(text, name, hits[name], columns) for name, text in texts.items()}

    def _clean(self, text: pa.Array, name: str, hit: pa.BooleanArray, columns: Mapping[str, pa.Array]) -> pa.Array:
        rows = pc.indices_nonzero(hit)
        if not len(rows):
            return text
        found = {own: _searchable(columns[own].take(rows)) for own in self._own}
        cleaned = _one(self._ask(self._cleaned[name], pa.table({**found, name: text.take(rows)})).column(name))
        # Most of these held the row's own number, which is gone now: only what is left is looked at with all the rules.
        return pc.replace_with_mask(text, hit, scrub_column(cleaned.cast(pa.string())))

    def _ask(self, sql: str, batch: pa.Table) -> pa.Table:
        db = _database()
        db.register("batch", batch)
        try:
            return db.sql(sql).to_arrow_table()
        finally:
            db.unregister("batch")


_OF_THREAD = threading.local()


def _database() -> duckdb.DuckDBPyConnection:
    """One in-memory database a thread: opening one costs as much as cleaning a small file's texts many times over."""
    if not hasattr(_OF_THREAD, "database"):
        _OF_THREAD.database = duckdb.connect(config={"threads": 1})
    database: duckdb.DuckDBPyConnection = _OF_THREAD.database
    return database


def _searchable(values: pa.Array) -> pa.Array:
    """Values as they may be found in a text: trimmed; those of one character are left out, they would match everywhere."""
    trimmed = pc.utf8_trim(values, _SPACES)
    return pc.if_else(pc.greater_equal(pc.utf8_length(trimmed), 2), trimmed, pa.scalar(None, pa.string()))


def _one(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
