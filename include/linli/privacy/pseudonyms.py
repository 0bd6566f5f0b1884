"""One personal column as keyed pseudonyms; each distinct value is hashed once."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linli.privacy.keyring import KeyRing

CACHED_VALUES = 500_000
"""values of one column whose pseudonyms are remembered across batches; bounds memory to about 80 MB a column"""

_PLAIN_PHONE_DIGITS = 11
"""a phone of just so many ASCII digits is its own normalised spelling, and a number that sorts and compares as such"""


def normalise(kind: str, values: pa.Array) -> pa.Array:
    """The one spelling of each value that is hashed: NFKC, no spaces; phones as digits without 86; ID numbers upper case.

    A value that has nothing left of it (a phone without a digit) becomes null.
    """
    plain = pc.replace_substring_regex(pc.utf8_normalize(values, "NFKC"), r"[\s\pZ\pC]+", "")
    if kind == "phone":
        plain = pc.replace_substring_regex(pc.replace_substring_regex(plain, r"[^0-9]", ""), r"^(?:00)?86(1[0-9]{10})$", r"\1")
    elif kind == "id_no":
        plain = pc.utf8_upper(plain)
    return pc.if_else(pc.equal(pc.utf8_length(plain), 0), pa.scalar(None, pa.string()), plain)


class Pseudonymiser:
    """One personal column across the batches of a reading."""

    def __init__(self, ring: KeyRing, kind: str) -> None:
        self._ring, self._kind = ring, kind
        self._forget()

    def __call__(self, column: pa.Array) -> pa.Array:
        """The pseudonyms of a string column; null where there is no value, or nothing is left of it."""
        if self._used + len(column) > CACHED_VALUES:
            self._forget()
        if self._kind == "phone":
            numbers = _plain_numbers(column, _PLAIN_PHONE_DIGITS)
            is_plain = numbers >= 0
            place = np.zeros(len(column), dtype=np.int32)
            place[is_plain] = self._places_of_numbers(numbers[is_plain])
            others = np.flatnonzero(~is_plain)
            if len(others):
                place[others] = self._places_of_texts(column.take(pa.array(others)))
        else:
            place = self._places_of_texts(column)
        return _texts(self._codes.take(place, axis=0), place != 0)

    def _forget(self) -> None:
        self._places: dict[str, int] = {}
        self._numbers = np.empty(0, dtype=np.int64)  # sorted, beside the place of each
        self._number_places = np.empty(0, dtype=np.int32)
        self._codes = np.zeros((1024, self._ring.code_width()), dtype=np.uint8)
        self._used = 1  # place 0 is the value of which nothing is left

    def _places_of_texts(self, column: pa.Array) -> npt.NDArray[np.int32]:
        encoded = column.dictionary_encode()
        distinct = encoded.dictionary
        places = np.fromiter(map(self._places.get, distinct.to_pylist(), repeat(-1)), np.int32, len(distinct))
        unknown = np.flatnonzero(places < 0)
        if len(unknown):
            new = distinct.take(pa.array(unknown))
            places[unknown] = self._learn(normalise(self._kind, new))
            self._places.update(zip(new.to_pylist(), places[unknown].tolist(), strict=True))
        with_null = np.append(places, np.int32(0))
        indices: npt.NDArray[np.int32] = pc.fill_null(encoded.indices, len(distinct)).to_numpy()
        return with_null[indices]

    def _places_of_numbers(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        ordered = np.sort(numbers)
        distinct = ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]
        before = np.searchsorted(self._numbers, distinct)
        is_new = np.append(self._numbers, -1)[before] != distinct
        if is_new.any():
            new, before = distinct[is_new], before[is_new]
            spelt = pc.utf8_lpad(pa.array(new).cast(pa.string()), _PLAIN_PHONE_DIGITS, "0")
            self._number_places = np.insert(self._number_places, before, self._learn(spelt))
            self._numbers = np.insert(self._numbers, before, new)
        return self._number_places[np.searchsorted(self._numbers, numbers)]

    def _learn(self, normalised: pa.Array) -> npt.NDArray[np.int32]:
        """New places for normalised values, which have none yet; 0 for null."""
        codes = self._ring.codes(self._kind, normalised.drop_null().cast(pa.binary()).to_pylist())
        first, self._used = self._used, self._used + len(codes)
        if self._used > len(self._codes):
            room = np.zeros((max(2 * len(self._codes), self._used), codes.shape[1]), dtype=np.uint8)
            room[:first] = self._codes[:first]
            self._codes = room
        self._codes[first : self._used] = codes
        something_left = normalised.is_valid().to_numpy(zero_copy_only=False)
        return np.where(something_left, first - 1 + np.cumsum(something_left), 0).astype(np.int32)


def _plain_numbers(texts: pa.StringArray, digits: int) -> npt.NDArray[np.int64]:
    """Every text of exactly so many ASCII digits as a number; -1 for all others and for null."""
    _, offsets_buffer, data = texts.buffers()
    numbers = np.full(len(texts), -1, dtype=np.int64)
    if data is None or not len(texts):
        return numbers
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    is_long = (offsets[1:] - offsets[:-1]) == digits
    if texts.null_count:
        is_long &= texts.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(is_long)
    raw, starts = np.frombuffer(data, dtype=np.uint8), offsets[rows]
    value = np.zeros(len(rows), dtype=np.int64)
    is_digits = np.ones(len(rows), dtype=np.bool_)
    for place in range(digits):
        digit = raw[starts + place] - np.uint8(ord("0"))
        is_digits &= digit < 10
        value *= 10
        value += digit
    numbers[rows] = np.where(is_digits, value, -1)
    return numbers


def _texts(codes: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> pa.StringArray:
    count, width = codes.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    mask = np.packbits(valid, bitorder="little").tobytes()
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(codes), pa.py_buffer(mask))
