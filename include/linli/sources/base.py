"""What every transport gives and takes: windows in, readings out, two kinds of failure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from linli.contracts.model import Feed, RecordDecl
from linli.failures import SourceContractBroken, SourceUnavailable

__all__ = ["FileRef", "Inbox", "Reading", "Reconcilable", "Source", "SourceContractBroken", "SourceUnavailable", "Window"]


@dataclass(frozen=True)
class Window:
    """Cursor values from `start` (None: from the beginning) up to `end`, exclusive; aware instants.

    The caller has taken the lookback off.
    """

    start: dt.datetime | None
    end: dt.datetime

    def __post_init__(self) -> None:
        for edge in (self.start, self.end):
            if edge is not None and edge.tzinfo is None:
                raise ValueError("a window is bounded by instants with an offset")


@dataclass(frozen=True)
class FileRef:
    """A file as received: `label` holds only the recognisable parts of its name, `problem` is told to whoever sent it. `refused_sha` is
    the checksum by which the same content was refused before under another name; empty for what nobody has seen."""

    path: Path = field(repr=False)
    sha256: str
    label: str
    received_at: dt.datetime
    is_complete: bool
    problem: str | None = None
    refused_sha: str = ""


@dataclass(frozen=True)
class Reading:
    """One consistent answer of a source. The tables are streams to be read once, before the next reading is asked for.

    Tables are named by record; their columns are the record's declared ones with the declared types, and those META columns the
    transport knows. `expected_rows` is what the source counted in the same snapshot, None where it cannot count, a future where it counts
    when the last row has been read. `new_columns` names columns the source has and the declaration has not: they are left behind.
    A reading that `amends` is a filled-in return slip: its rows replace some of those of the newest landed version of each sheet that
    its register of files names, and beside their columns are those of `linli.contracts.slip`.
    """

    snapshot_at: dt.datetime
    tables: Mapping[str, pa.RecordBatchReader]
    expected_rows: Mapping[str, int | Future[int] | None] = field(default_factory=dict)
    new_columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    file: FileRef | None = None
    amends: bool = False


class Source(Protocol):
    """One operational system, read only."""

    def readings(self, feed: Feed, window: Window, *, seen: Callable[[str], bool]) -> Iterator[Reading]:
        """The readings of `feed` within `window`; `seen` tells whether a file of that sha256 was taken in before.

        Raises SourceUnavailable or SourceContractBroken, also while a reading's tables are read.
        """
        ...


@runtime_checkable
class Reconcilable(Protocol):
    """A source that can be asked for its keys and rows apart from any window: the databases."""

    def keys(self, feed: Feed) -> AbstractContextManager[Reading]:
        """Every key with its cursor value, in one snapshot."""
        ...

    def fetch_keys(self, feed: Feed, keys: pa.Table | None) -> AbstractContextManager[Reading]:
        """The rows of these keys (None: all rows) as they are now; keys no longer there give no row."""
        ...

    def row_hashes(self, feed: Feed, salt: str) -> AbstractContextManager[Reading]:
        """Every key with `row_hash`, 32 hex digits computed in the source over the salt and all declared columns."""
        ...


@runtime_checkable
class Inbox(Protocol):
    """A source that others drop files into at any time."""

    def read_inbox(
        self, feed: Feed, window: Window, *, seen: Callable[[str], bool], refused: Callable[[str], Collection[str]]
    ) -> Iterator[Reading]:
        """As `Source.readings`; `refused` tells under which labels a file of that sha256 has been read that stands refused as a whole: the
        same content under another name is read again."""
        ...

    def waiting(self, window: Window, *, seen: Callable[[str], bool]) -> int:
        """How many files a later window will read; `seen` tells whether a file of that sha256 was taken in before."""
        ...


def check_table(record: RecordDecl, types: Mapping[str, str], readable: Mapping[str, Collection[str]]) -> None:
    """Compares the columns of the source's table, their types by name, with the declared ones; `readable` are the source's types that
    may stand behind a declared one. Columns beyond the declared are in order.

    Raises SourceContractBroken when the table or a column is not there, or a type has changed.
    """
    if not types:
        raise SourceContractBroken(f"{record.full_name}：来源中没有表 {record.extract.relation}，或无权读取")
    declared = {column.at_source: column for column in record.columns}
    gone = sorted(declared.keys() - types.keys())
    retyped = sorted(
        f"{name} 为 {types[name]}，声明为 {column.type}"
        for name, column in declared.items()
        if name in types and types[name] not in readable[column.type]
    )
    if gone or retyped:
        faults = ([f"来源缺少列 {'、'.join(gone)}"] if gone else []) + ([f"类型已变：{'；'.join(retyped)}"] if retyped else [])
        raise SourceContractBroken(f"{record.full_name}：来源的结构变了，{'；'.join(faults)}")


def key_columns(record: RecordDecl) -> list[str]:
    """The columns of a key snapshot: the key, then the cursor's column."""
    cursor = cursor_column(record)
    return [*record.key, *([] if cursor in record.key else [cursor])]


def cursor_column(record: RecordDecl) -> str:
    """The landed column that holds the record's cursor. Raises SourceContractBroken when the declaration has none."""
    for column in record.columns:
        if column.at_source == record.extract.cursor:
            return column.name
    raise SourceContractBroken(f"{record.full_name}：增量字段 {record.extract.cursor} 不在已声明的列中")
