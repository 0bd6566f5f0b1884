"""The way in: every batch of a record leaves here without a personal value in it."""

from __future__ import annotations

import pyarrow as pa

from linli.contracts.model import RecordDecl
from linli.privacy.codes import CodeCleaner
from linli.privacy.freetext import TextCleaner
from linli.privacy.keyring import KeyRing
from linli.privacy.pseudonyms import Pseudonymiser

RAW_TEXT = "_raw"
"""META column of unreadable cells: free text like any other"""


def protect(source: pa.RecordBatchReader | pa.Table, record: RecordDecl, ring: KeyRing) -> pa.RecordBatchReader:
    """`source` with its personal columns pseudonymised, its free text scrubbed and no number of a person in its codes.

    Same columns, same order, same number of rows. `source` may hold some of the record's columns only.

    name, phone, id_no and address columns hold 'p<key_no>_' + 26 base32 characters or null afterwards. `text` columns and `_raw` lose
    phone and ID numbers and every occurrence of the row's own personal values. Every other column of strings is one of codes.
    """
    schema: pa.Schema = source.schema
    kinds: dict[str, str] = {c.name: c.personal for c in record.columns if c.personal and c.name in schema.names}
    texts = [name for name, kind in kinds.items() if kind == "text"] + ([RAW_TEXT] if RAW_TEXT in schema.names else [])
    personal = {name: kind for name, kind in kinds.items() if kind != "text"}
    # a column of a sheet without a header in it is ours: the checksum of the file, the community it came from
    typed_in = [c for c in record.columns if c.headers or not record.extract.sheet]
    codes = [c.name for c in typed_in if not c.personal and c.name in schema.names and _holds_strings(c.arrow_type)]
    coders = {name: Pseudonymiser(ring, kind) for name, kind in personal.items()}
    cleaner = TextCleaner(texts, personal) if texts else None
    without_numbers = CodeCleaner(ring)

    def clean(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        safe = (cleaner(columns) if cleaner else {}) | {name: coder(columns[name]) for name, coder in coders.items()}
        safe |= {name: without_numbers(columns[name]) for name in codes}
        return pa.RecordBatch.from_arrays([safe.get(name, columns[name]) for name in batch.schema.names], schema=schema)

    batches = source.to_batches() if isinstance(source, pa.Table) else source
    return pa.RecordBatchReader.from_batches(schema, (clean(batch) for batch in batches))


def _holds_strings(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or (pa.types.is_list(kind) and pa.types.is_string(kind.value_type)))
