"""Looks for marked people in everything under a folder: raw bytes, and every value of every Parquet, DuckDB and SQLite file."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from night.marked import ADDRESS_MARK, ID_MARK, NAME_MARK, PEOPLE, PHONE_MARK

_WORDS = (NAME_MARK, ADDRESS_MARK)
_RAW = re.compile(
    b"|".join(
        [re.escape(word.encode(encoding)) for word in _WORDS for encoding in ("utf-8", "gb18030")]
        + [re.escape(word[0].encode("ascii", "backslashreplace")) for word in _WORDS]
        + [f"{number}[01]".encode() for number in (PHONE_MARK, ID_MARK)]
    )
)
"""as plain bytes: either encoding, the escapes of JSON and repr, and the numbers as they are"""
_DIGITS = re.compile(rf"{PHONE_MARK}(\d{{4}})|{ID_MARK}\d{{3}}")


def in_text(text: str) -> bool:
    """Whether a value or line holds a mark, as it is, in NFKC, or in its digits alone."""
    plain = unicodedata.normalize("NFKC", text)
    if any(word in plain for word in _WORDS):
        return True
    digits = re.sub(r"\D", "", plain)
    return any(found[1] is None or int(found[1]) < PEOPLE for found in _DIGITS.finditer(digits))


def _parquet_values(path: Path) -> Iterator[str]:
    file = pq.ParquetFile(path)
    yield from (f"{key!r} {value!r}" for key, value in (file.metadata.metadata or {}).items() if key != b"ARROW:schema")
    yield from _values(file.read().to_pylist())


def _values(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    for row in rows:
        yield from (str(value) for value in row.values() if value is not None)


def _duckdb_values(path: Path) -> Iterator[str]:
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
        for schema, table in tables:
            yield from _values(con.sql(f'select * from "{schema}"."{table}"').to_arrow_table().to_pylist())


def _sqlite_values(path: Path) -> Iterator[str]:
    con = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        con.text_factory = lambda content: content.decode("utf-8", "replace")
        for (table,) in con.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in con.execute(f'select * from "{table}"'):
                yield from (v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in row if v is not None)
    finally:
        con.close()


def _values_of(path: Path, content: bytes) -> Iterator[str]:
    if content[:4] == b"PAR1":
        return _parquet_values(path)
    if content[8:12] == b"DUCK":
        return _duckdb_values(path)
    if content[:16] == b"SQLite format 3\0":
        return _sqlite_values(path)
    return iter(content.decode("utf-8", "replace").splitlines())


def hits(folder: Path) -> list[str]:
    """Where under `folder` a mark was found: names of files, never what was found. File names are searched too."""
    found = []
    for path in sorted(folder.rglob("*")):
        place = str(path.relative_to(folder))
        if in_text(place):
            found.append("a file name")
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        if _RAW.search(content):
            found.append(f"{place} (bytes)")
        elif any(map(in_text, _values_of(path, content))):
            found.append(f"{place} (values)")
    return found
