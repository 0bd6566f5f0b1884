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

_PLAIN_CHARACTERS = {"phone": 11, "id_no": 18}
"""values of just so many ASCII digits, the last of an ID number maybe X, are their own normalised spelling and are told apart as numbers"""


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
        place = np.zeros(len(column), dtype=np.int32)
        numbers = _plain_numbers(column, self._kind)
        plain, others = np.flatnonzero(numbers >= 0), np.flatnonzero(numbers < 0)
        if len(plain):
            place[plain] = self._places_of_numbers(numbers[plain], column, plain)
        if len(others):
            place[others] = self._places_of_texts(column.take(pa.array(others)))
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

    def _places_of_numbers(self, numbers: npt.NDArray[np.int64], column: pa.Array, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        order = np.argsort(numbers)
        ordered = numbers[order]
        is_first = np.diff(ordered, prepend=-1) != 0
        distinct = ordered[is_first]
        at = np.searchsorted(self._numbers, distinct)
        is_new = np.append(self._numbers, -1)[at] != distinct
        if is_new.any():
            learnt = self._learn(column.take(pa.array(rows[order[is_first][is_new]])))
            self._number_places = np.insert(self._number_places, at[is_new], learnt)
            self._numbers = np.insert(self._numbers, at[is_new], distinct[is_new])
            at += np.cumsum(is_new) - is_new
        places = np.empty(len(numbers), dtype=np.int32)
        places[order] = self._number_places[at][np.cumsum(is_first) - 1]
        return places

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


def _plain_numbers(texts: pa.StringArray, kind: str) -> npt.NDArray[np.int64]:
    """Every plain value of the kind as a number of its own; -1 for all others and for null."""
    numbers = np.full(len(texts), -1, dtype=np.int64)
    _, offsets_buffer, data = texts.buffers()
    width = _PLAIN_CHARACTERS.get(kind)
    if width is None or data is None or not len(texts):
        return numbers
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    is_long = np.diff(offsets) == width
    if texts.null_count:
        is_long &= texts.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(is_long)
    raw, starts = np.frombuffer(data, dtype=np.uint8), offsets[rows]
    value = np.zeros(len(rows), dtype=np.int64)
    is_plain = np.ones(len(rows), dtype=np.bool_)
    for place in range(width):
        character = raw[starts + place]
        digit = character - np.uint8(ord("0"))
        base = 10
        if kind == "id_no" and place == width - 1:
            digit[character == ord("X")] = 10
            base = 11
        is_plain &= digit < base
        value *= base
        value += digit
    numbers[rows] = np.where(is_plain, value, -1)
    return numbers


def _texts(codes: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> pa.StringArray:
    count, width = codes.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    mask = np.packbits(valid, bitorder="little").tobytes()
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(codes), pa.py_buffer(mask))
