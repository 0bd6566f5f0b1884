"""Quarantine entries: opened by a bad row, moved by the same bad row landing again, closed by themselves.

An entry belongs to a key of a record. It ends when a version of the key at least as new as the one that opened it is
accepted or deleted, or when its row, judged again, is no longer bad; an entry of a file row or of a row listed under a
parent also ends when a newer file, or a newer version of the parent, has been accepted and does not show it bad again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts import RecordDecl
from linli.gate.again import COLUMN_MISSING, SUPERSEDED, newer_in_group, newer_return
from linli.gate.decide import key_text
from linli.gate.state import GateState, files
from linli.register import Batch, QuarantineEntry, Verdict

Closing = tuple[str, str, str, str]
_ENDS = {"released": "context_changed", "held": "held", "duplicate": SUPERSEDED}


def tuples(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    """The named columns of a short table, row by row: only what the register keeps."""
    return zip(*(table[name].to_pylist() for name in names), strict=True)


class OpenEntries:
    """The open entries of one record while its batches are decided, oldest first. Reads the tables of `decide`."""

    def __init__(self, state: GateState, record: RecordDecl, *, decided: bool) -> None:
        self._state, self._record = state, record
        self._entries = {entry.key: entry for entry in state.register.quarantine(source=record.source, record=record.name)}
        # key -> snapshot of the batch that last showed the row bad
        self._open: dict[str, datetime] = {key: state.register.batch(entry.batch_id).snapshot_at for key, entry in self._entries.items()}
        self._cured = self._find_cured() if decided else {}
        self._decided = decided

    def _find_cured(self) -> dict[str, list[tuple[str, bool]]]:
        """Per batch the accepted keys (and whether as deleted) that have an entry open or may get one in this run."""
        connection = self._state.connection
        bad = "select key from decided where verdict = 'quarantined'"
        several = "select 1 from decided where verdict = 'quarantined' and (select count(distinct _batch_id) from batch) > 1 limit 1"
        if not self._open and not connection.execute(several).fetchall():
            return {}
        connection.register("open_keys", pa.table({"key": pa.array(list(self._open), pa.string())}))
        cured: dict[str, list[tuple[str, bool]]] = {}
        for batch_id, key, deleted in connection.execute(
            f"with named as materialized (select b._batch_id, b._row_no, b._deleted, {key_text(self._record)} as key from batch b"
            f" where {key_text(self._record)} in (from open_keys union {bad}))"
            " select _batch_id, key, _deleted from named b where not exists (select 1 from decided d"
            " where d._batch_id = b._batch_id and d._row_no = b._row_no and d.verdict <> 'accepted') order by all"
        ).fetchall():
            cured.setdefault(batch_id, []).append((key, deleted))
        return cured

    def step(self, batch: Batch, verdict: Verdict, rows: pa.Table) -> tuple[list[QuarantineEntry], list[Closing]]:
        """Entries that `rows` (the listed rows of one verdict) open or move, and entries that this batch ends."""
        record = self._record
        bad = rows.filter(pc.equal(rows["verdict"], "quarantined"))
        entries = [
            QuarantineEntry(
                record.source, record.name, key, tuple(rules), submitter, batch.batch_id, row_no, source_ref, verdict.decided_at
            )
            for key, rules, submitter, row_no, source_ref in tuples(bad, "key", "rules", "submitter", "row_no", "source_ref")
        ]
        bad_keys = {entry.key for entry in entries}
        ends = {
            key: "deleted" if deleted else "accepted"
            for key, deleted in self._cured.get(batch.batch_id, [])
            if key not in bad_keys and key in self._open and self._open[key] <= batch.snapshot_at
        }
        for key, row_no, what in tuples(rows.filter(pc.not_equal(rows["verdict"], "quarantined")), "key", "row_no", "verdict"):
            entry = self._entries.get(key)
            mine = entry is not None and (entry.batch_id, entry.row_no) == (batch.batch_id, row_no)
            if mine and what in _ENDS and key in self._open:
                ends[key] = _ENDS[what]
        if COLUMN_MISSING not in {rule for entry in entries for rule in entry.rules} and verdict.n == 1:
            ends |= {key: "accepted" for key in (refused_key(record),) if key in self._open and self._open[key] <= batch.snapshot_at}
        for key in ends:
            del self._open[key]
        self._open.update(dict.fromkeys(bad_keys, batch.snapshot_at))
        self._entries |= {entry.key: entry for entry in entries}
        return entries, self._closings(ends)

    def _closings(self, ends: dict[str, str]) -> list[Closing]:
        return [(self._record.source, self._record.name, key, reason) for key, reason in sorted(ends.items())]

    def superseded(self) -> list[Closing]:
        """Entries, still open after every batch was decided, whose row a newer file or a newer version of its parent replaced."""
        record, state = self._record, self._state
        if not self._open or not (record.extract.sheet or record.extract.explode):
            return []
        kept = {key: entry for key, entry in self._entries.items() if key in self._open}
        for parent in (record.full_name, *record.parents):
            state.make_versions(state.catalog.record(parent))
        newer = newer_in_group(state, record, "l")
        if self._decided and record.extract.sheet == "*":
            newer = f"({newer} or {self._newer_now()})"
        state.connection.register(
            "open_rows",
            pa.table(
                {
                    "key": list(kept),
                    "_batch_id": [entry.batch_id for entry in kept.values()],
                    "_row_no": pa.array([entry.row_no for entry in kept.values()], pa.int32()),
                }
            ),
        )
        paths = sorted({state.path_of(entry.batch_id) for entry in kept.values()})
        found = state.connection.execute(
            f"select o.key from {files(paths)} l join open_rows o on o._batch_id = l._batch_id and o._row_no = l._row_no where {newer}"
        ).fetchall()
        return self._closings({key: SUPERSEDED for (key,) in found})

    def _newer_now(self) -> str:
        """SQL, true when a file accepted in this run takes the place of the file row `l`."""
        newer = newer_return(self._state, self._record, "l", "b")
        return (
            f"exists (select 1 from batch b where {newer} and not exists (select 1 from decided d"
            " where d._batch_id = b._batch_id and d._row_no = b._row_no and d.verdict <> 'accepted'))"
        )


def refused_key(record: RecordDecl) -> str:
    """The key of the one entry that says a whole batch of `record` was refused."""
    return f"#{record.name}"
