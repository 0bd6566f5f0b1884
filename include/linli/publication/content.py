"""What the tables of a release hold, month by month: how a release is told from another, and made out of the one before it.

A part is a table's rows of one month, or the whole of a table that has no months. Its digest is a hash of its rows whatever
their order, layout and number of threads; the content hash is a hash of the digests. A fingerprint costs a small part of a
digest and tells as well whether a part is the same as before, but to the same version of DuckDB only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

PUBLISHED_SCHEMAS = ("mart", "ref")
MONTH = "month"


@dataclass(frozen=True)
class Table:
    """A table with its columns, (name, type) each, in order."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def month(self) -> str:
        """The month of a row as SQL; null for a table without months."""
        return MONTH if (MONTH, "DATE") in self.columns else "cast(null as date)"


@dataclass(frozen=True)
class Part:
    """The rows of a table in one month, None for all of a table without months."""

    rows: int
    fingerprint: str
    digest: str = ""


Parts = dict[dt.date | None, Part]


def tables(con: duckdb.DuckDBPyConnection, catalog: str, schemas: Sequence[str] = PUBLISHED_SCHEMAS) -> list[Table]:
    """The tables of these schemas, in order."""
    rows = con.execute(
        "select table_schema, table_name, array_agg(column_name order by ordinal_position), array_agg(data_type order by ordinal_position)"
        " from information_schema.columns where table_catalog=? group by 1, 2 order by 1, 2",
        [catalog],
    ).fetchall()
    return [Table(s, name, tuple(zip(columns, types, strict=True))) for s, name, columns, types in rows if s in schemas]


def fingerprints(con: duckdb.DuckDBPyConnection, source: str, table: Table) -> Parts:
    """The parts of the table `source` (an SQL name) that has the columns of `table`, without their digests."""
    columns = ", ".join(f'"{name}"' for name, _ in table.columns)
    rows = con.execute(f"select {table.month}, count(*), cast(sum(hash({columns})) as varchar) from {source} group by 1").fetchall()
    return {month: Part(count, fingerprint) for month, count, fingerprint in rows}


def digests(con: duckdb.DuckDBPyConnection, source: str, table: Table, where: str = "true") -> dict[dt.date | None, str]:
    """The digest of every part of `source` that has rows which meet the condition `where`."""
    # Twelve significant digits: a sum of doubles may differ in its last bit with the order of its rows.
    columns = ", ".join(f"printf('%.12g', \"{c}\")" if t == "DOUBLE" else f'cast("{c}" as varchar)' for c, t in table.columns)
    rows = con.execute(
        "select part, sha256(string_agg(row_digest, '' order by row_digest))"
        f" from (select {table.month} as part, sha256(cast(row({columns}) as varchar)) as row_digest from {source} where {where})"
        " group by 1"
    ).fetchall()
    return dict(rows)


def content_hash_of(digests_of: Mapping[Table, Mapping[dt.date | None, str]]) -> str:
    """One hash over the tables of a release: names, columns and the digests of their parts."""
    total = hashlib.sha256()
    for table in sorted(digests_of, key=str):
        total.update(f"{table} {list(table.columns)}".encode())
        for month, digest in sorted(digests_of[table].items(), key=lambda part: str(part[0])):
            total.update(f"{month} {digest}".encode())
    return total.hexdigest()
