"""The way in: every batch of a record leaves here without a personal value in it."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import RecordDecl
from linli.privacy.freetext import TextCleaner
from linli.privacy.keyring import KeyRing

CACHED_VALUES = 500_000
"""values of one column whose pseudonyms are remembered across batches; bounds memory to about 80 MB a column"""

RAW_TEXT = "_raw"
"""META column of unreadable cells: free text like any other"""


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


class _Pseudonymiser:
    """One personal column across the batches of a reading; each distinct value is hashed once."""

    def __init__(self, ring: KeyRing, kind: str) -> None:
        self._ring, self._kind = ring, kind
        self._forget()

    def _forget(self) -> None:
        self._places: dict[str, int] = {}
        self._codes = np.zeros((1024, self._ring.code_width()), dtype=np.uint8)
        self._used = 1  # place 0 is the value of which nothing is left

    def _learn(self, values: pa.Array) -> npt.NDArray[np.int32]:
        """The places of `values`, none of which has one yet."""
        plain = normalise(self._kind, values)
        codes = self._ring.codes(self._kind, plain.drop_null().cast(pa.binary()).to_pylist())
        first, self._used = self._used, self._used + len(codes)
        if self._used > len(self._codes):
            room = np.zeros((max(2 * len(self._codes), self._used), codes.shape[1]), dtype=np.uint8)
            room[:first] = self._codes[:first]
            self._codes = room
        self._codes[first : self._used] = codes
        something_left = plain.is_valid().to_numpy(zero_copy_only=False)
        places = np.where(something_left, first - 1 + np.cumsum(something_left), 0).astype(np.int32)
        self._places.update(zip(values.to_pylist(), places.tolist(), strict=True))
        return places

    def __call__(self, column: pa.Array) -> pa.Array:
        encoded = column.dictionary_encode()
        distinct = encoded.dictionary
        if len(self._places) + len(distinct) > CACHED_VALUES:
            self._forget()
        places = np.fromiter(map(self._places.get, distinct.to_pylist(), repeat(-1)), np.int32, len(distinct))
        unknown = np.flatnonzero(places < 0)
        if len(unknown):
            places[unknown] = self._learn(distinct.take(pa.array(unknown)))
        if encoded.null_count:
            place = np.append(places, np.int32(0))[pc.fill_null(encoded.indices, len(distinct)).to_numpy()]
        else:
            place = places[encoded.indices.to_numpy()]
        return _texts(self._codes.take(place, axis=0), place != 0)


def _texts(codes: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> pa.StringArray:
    count, width = codes.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    mask = np.packbits(valid, bitorder="little").tobytes()
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(codes), pa.py_buffer(mask))


def protect(source: pa.RecordBatchReader | pa.Table, record: RecordDecl, ring: KeyRing) -> pa.RecordBatchReader:
    """`source` with its personal columns pseudonymised and its free text scrubbed; same columns, same order, same number of rows.

    name, phone, id_no and address columns hold 'p<key_no>_' + 26 base32 characters or null afterwards. `text` columns and `_raw` lose
    phone and ID numbers and every occurrence of the row's own personal values.
    """
    schema: pa.Schema = source.schema
    kinds: dict[str, str] = {c.name: c.personal for c in record.columns if c.personal and c.name in schema.names}
    texts = [name for name, kind in kinds.items() if kind == "text"] + ([RAW_TEXT] if RAW_TEXT in schema.names else [])
    personal = {name: kind for name, kind in kinds.items() if kind != "text"}
    if not texts and not personal:
        return source.to_reader() if isinstance(source, pa.Table) else source
    coders = {name: _Pseudonymiser(ring, kind) for name, kind in personal.items()}
    cleaner = TextCleaner(texts, personal) if texts else None

    def clean(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        safe = (cleaner(columns) if cleaner else {}) | {name: coder(columns[name]) for name, coder in coders.items()}
        return pa.RecordBatch.from_arrays([safe.get(name, columns[name]) for name in batch.schema.names], schema=schema)

    batches = source.to_batches() if isinstance(source, pa.Table) else source
    return pa.RecordBatchReader.from_batches(schema, (clean(batch) for batch in batches))
