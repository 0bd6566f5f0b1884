"""Columns of codes, into which somebody may have typed a phone or ID number."""

from __future__ import annotations

import functools
import re
import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linli.privacy.freetext import TOKENS, bytes_of, places_of_digits, rows_of
from linli.privacy.keyring import KeyRing

_DIGIT = "[0-9０-９]"
_GAP = r"[ \t\-_.·—–－．　]{1,2}"
_YEAR = rf"(?:[1１][89８９]|[2２][0０]){_DIGIT}{{2}}"
_DAY = r"(?:[0０][1-9１-９]|[1１][0-2０-２])(?:[0-2０-２][0-9０-９]|[3３][01０１])"
_COUNTRY = rf"(?:(?:[0０][0０])?[8８][6６](?:{_GAP})?)?"
_MOBILE = rf"[1１][3-9３-９]{_DIGIT}"

# Narrower than those for free text: without gaps, or with them just where people write them. Codes are full of digits in groups
# (区划代码-年份-序号), in which the others would find a phone number where a district's code begins with 13.
_NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("id_no", "0-9０-９", rf"{_DIGIT}{{6}}(?:{_GAP})?{_YEAR}(?:{_GAP})?{_DAY}(?:{_GAP})?{_DIGIT}{{3}}[0-9０-９XxＸｘ]"),
    ("phone", "0-9０-９", rf"{_COUNTRY}{_MOBILE}(?:{_GAP})?{_DIGIT}{{4}}(?:{_GAP})?{_DIGIT}{{4}}"),
    # what follows a hyphen is a group of a code
    ("phone", r"0-9０-９\-－", rf"[0０][1-9１-９]{_DIGIT}{{1,2}}[)）]?(?:{_GAP})?[2-8２-８]{_DIGIT}{{6,7}}"),
)
_FOUND = tuple((kind, re.compile(rf"(?<![{not_after}]){number}(?![0-9０-９])")) for kind, not_after, number in _NUMBERS)
# RE2 looks for them in columns; it has no look-around, so that of two numbers it sees the first, which is enough to look closer
_ANY = "|".join(f"(?:^|[^{not_after}]){number}(?:$|[^0-9０-９])" for _, not_after, number in _NUMBERS)
_HEXADECIMAL = re.compile(r"(?=.*[a-fA-F])[0-9a-fA-F]{16,}")
"""a token that nobody types: what looks like a number in it is none"""
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
"""of an ID number (GB 11643): by the sum of its weighted digits modulo 11"""
_DIGITS, _SPAN = 10, 9 + 2 * 2 * 3
"""digits of the shortest number the rules find, and the bytes from the first of ten to the last: two gaps of two characters of three"""

_FIRST_OF_WIDE = 0xEF
_SHAPE_OF_BYTE = np.arange(256, dtype=np.uint8)
_SHAPE_OF_BYTE[list(b"0123456789")] = ord("0")
_SHAPE_OF_BYTE[list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] = ord("a")
_ANY_SHAPE = re.compile(re.sub(r"\[[0-9][^]]*X[^]]*\]", "[0a]", re.sub(r"\[[0-9][^X\]]*\]", "0", _ANY)).replace("[^0-9０-９", "[^0"))
"""`_ANY` with any digit for every digit: a shape it is not found in is one of values no rule is found in"""


class CodeCleaner:
    """A string column, or one of lists of strings, without phone and ID numbers.

    A value with such a number in it lands with the number replaced, as in free text, and the value's pseudonym after it: 'E001
    13812345678' as 'E001 [电话]#p1_…'. Two values that differed differ still, so a key stays a key, and what refers to it still finds it.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def __call__(self, column: pa.Array) -> pa.Array:
        """`column` with such values replaced; the same array where there are none."""
        if pa.types.is_list(column.type):
            return self._list(column)
        cleaned = self._cleaned(column)
        return column if cleaned is None else cleaned

    def _list(self, column: pa.ListArray) -> pa.ListArray:
        """A list is looked through as one text, for lists are cut where numbers have gaps; one with a number in it is that text."""
        items = pc.fill_null(column.flatten(), "")
        _, raw = bytes_of(items)
        if not (_SHAPE_OF_BYTE[raw] == ord("0")).any() and not (raw == _FIRST_OF_WIDE).any():
            return column
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        texts = pc.binary_join(pa.ListArray.from_arrays(offsets, items), " ")
        cleaned = self._cleaned(texts)
        if cleaned is None:
            return column
        single = pa.ListArray.from_arrays(pa.array(np.arange(len(column) + 1, dtype=np.int32)), cleaned)
        return pc.if_else(pc.equal(texts, cleaned), column, single)

    def _cleaned(self, column: pa.StringArray) -> pa.StringArray | None:
        """`column` without numbers, or None where there are none."""
        suspect = np.unique(_suspects(column))
        if not len(suspect):
            return None
        values = column.take(pa.array(suspect))
        found = np.flatnonzero(pc.fill_null(pc.match_substring_regex(values, _ANY), False).to_numpy(zero_copy_only=False))
        if not len(found):
            return None
        bad = values.take(pa.array(found)).to_pylist()
        cleaned = [without_numbers(value) for value in bad]
        places = [n for n, (value, clean) in enumerate(zip(bad, cleaned, strict=True)) if value != clean]
        if not places:
            return None
        # of the oldest key: a key that other rows refer to must not change when the ring is rotated
        codes = self._ring.codes("code", [bad[n].encode() for n in places], min(self._ring.keys))
        marked = [f"{cleaned[n]}#{code.tobytes().decode()}" for n, code in zip(places, codes, strict=True)]
        mask = np.zeros(len(column), dtype=np.bool_)
        mask[suspect[found[places]]] = True
        return pc.replace_with_mask(column, pa.array(mask), pa.array(marked, pa.string()))


def without_numbers(value: str) -> str:
    """A code with [电话] or [证件号] for the phone and ID numbers in it."""
    for kind, pattern in _FOUND:
        value = pattern.sub(functools.partial(_token, kind), value)
    return value


def _token(kind: str, found: re.Match[str]) -> str:
    number = unicodedata.normalize("NFKC", found[0])
    digits = re.sub(r"[^0-9Xx]", "", number)
    text, first, last = found.string, found.start(), found.end()
    while first and text[first - 1].isascii() and text[first - 1].isalnum():
        first -= 1
    while last < len(text) and text[last].isascii() and text[last].isalnum():
        last += 1
    if _HEXADECIMAL.fullmatch(text[first:last]):
        return found[0]
    if kind == "id_no":
        weighted = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False))
        # a district, a date and a serial number look the same, and go on being a code
        if _CHECK_DIGITS[weighted % 11] != digits[-1].upper():
            return found[0]
    return TOKENS[kind]


def _suspects(column: pa.StringArray) -> npt.NDArray[np.int64]:
    """The rows that may hold a number: ten digits close together, or any full-width digit.

    None where all values are of one harmless shape, as codes are.
    """
    offsets, raw = bytes_of(column)
    lengths = np.diff(offsets)
    width = int(lengths.max(initial=0))
    if width < _DIGITS or (((lengths == width) | (lengths == 0)).all() and _is_harmless(raw.reshape(-1, width))):
        return np.empty(0, dtype=np.int64)
    digits, wide = places_of_digits(raw)
    last = digits[_DIGITS - 1 :]
    close = last - digits[: len(last)] <= _SPAN
    row = rows_of(last[close], offsets)
    begun = digits[: len(last)][close] + offsets[0] >= offsets[row]
    return np.concatenate([row[begun], rows_of(wide, offsets)])


def _is_harmless(values: npt.NDArray[np.uint8]) -> bool:
    """Whether all values, one a row, have one shape and no rule could be found in it."""
    shapes = _SHAPE_OF_BYTE[values]
    shape = shapes[0].tobytes()
    return shape.isascii() and bool((shapes == shapes[0]).all()) and not _ANY_SHAPE.search(shape.decode())
