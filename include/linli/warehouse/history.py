"""What the register knows of past runs, as small tables for dbt: how far feeds were loaded, what became of their rows.

They tell of runs, not of the programme: how often a night was tried shows in them. So nothing made of them enters the content hash.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from linli.contracts import Catalog
from linli.register import SHOWN, Register, Run

_COUNTS = ("landed", "accepted", "quarantined", "held", "duplicates", "stopped")
_RUN = [("day", pa.date32()), ("token", pa.int64()), ("source", pa.string())]
SCHEMAS: Mapping[str, pa.Schema] = {
    "source_history": pa.schema(
        [*_RUN, ("feed", pa.string()), ("record", pa.string()), ("state", pa.string()), ("loaded_to", pa.timestamp("us", tz="UTC"))]
    ),
    "account_history": pa.schema([*_RUN, ("record", pa.string()), *((name, pa.int64()) for name in _COUNTS)]),
    "check_history": pa.schema(
        [*_RUN, *((name, pa.string()) for name in ("record", "rule", "severity")), ("evaluated", pa.int64()), ("unexpected", pa.int64())]
    ),
    "quarantine_history": pa.schema(
        [("source", pa.string()), ("record", pa.string()), ("opened_on", pa.date32()), ("closed_on", pa.date32()), ("entries", pa.int64())]
    ),
}


def history(register: Register, catalog: Catalog, run: Run) -> dict[str, pa.Table]:
    """The tables of `SCHEMAS` for a build for `run`: of runs whose as_of is at or before the run's own, quarantine of all time."""
    first = run.day - SHOWN
    records = {
        (feed.source, feed.name): [record.name for record in feed.records] for source in catalog.sources.values() for feed in source.feeds
    }
    told = register.history.sources(first, run.as_of)
    of_records = [row | {"record": record} for row in told for record in records.get((row["source"], row["feed"]), ())]
    rows: Mapping[str, Iterable[dict[str, Any]]] = {
        "source_history": of_records,
        "account_history": register.history.accounts(first, run.as_of),
        "check_history": register.history.checks(first, run.as_of),
        "quarantine_history": register.history.quarantine(run.as_of),
    }
    return {name: _table(found, SCHEMAS[name]) for name, found in rows.items()}


def _table(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Days and moments are text in the register."""
    read: dict[str, Any] = {"loaded_to": dt.datetime.fromisoformat}
    read |= dict.fromkeys(("day", "opened_on", "closed_on"), dt.date.fromisoformat)
    typed = [{name: read[name](row[name]) if name in read and row[name] else row[name] for name in schema.names} for row in rows]
    return pa.Table.from_pylist(typed, schema)
