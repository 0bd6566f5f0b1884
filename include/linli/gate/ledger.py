"""Quarantine entries: opened by a bad row, moved by the same bad row landing again, closed by themselves.

An entry belongs to a key of a record. It ends when a version of the key at least as new as the one that opened it is
accepted or deleted; an entry of a file row or of a row listed under a parent also ends when a newer file, or a newer
version of the parent, no longer has that row.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from linli.contracts import RecordDecl
from linli.gate.decide import key_text
from linli.gate.state import GateState
from linli.register import Batch, QuarantineEntry, Verdict

Closing = tuple[str, str, str, str]


class OpenEntries:
    """The open entries of one record while its batches are decided, oldest first. Reads the tables of `decide`."""

    def __init__(self, state: GateState, record: RecordDecl) -> None:
        self._record = record
        # key -> snapshot of the batch that last showed the row bad
        self._open: dict[str, datetime] = {
            entry.key: state.register.batch(entry.batch_id).snapshot_at
            for entry in state.register.quarantine(source=record.source, record=record.name)
        }
        self._cured = self._find_cured(state)
        self._groups: dict[str, set[str]] = {}
        if (record.extract.sheet or record.extract.explode) and len(record.key) > 1 and self._open:
            for batch_id, group in state.connection.execute(
                f"select distinct _batch_id, regexp_replace({key_text(record)}, '\\|[^|]*$', '') from batch b where not is_held_before"
            ).fetchall():
                self._groups.setdefault(batch_id, set()).add(group)

    def _find_cured(self, state: GateState) -> dict[str, list[tuple[str, bool]]]:
        """Per batch the accepted keys (and whether as deleted) that have an entry open or may get one in this run."""
        bad = "select key from decided where verdict = 'quarantined'"
        if not self._open and not state.connection.execute(f"{bad} limit 1").fetchall():
            return {}
        state.connection.register("open_keys", pa.table({"key": pa.array(list(self._open), pa.string())}))
        cured: dict[str, list[tuple[str, bool]]] = {}
        for batch_id, key, deleted in state.connection.execute(
            f"with rows as (select _batch_id, _row_no, _deleted, {key_text(self._record)} as key from batch b)"
            f" select _batch_id, key, _deleted from rows b where key in (from open_keys union {bad})"
            " and not exists (select 1 from decided d where d._batch_id = b._batch_id and d._row_no = b._row_no"
            " and d.verdict <> 'accepted') order by all"
        ).fetchall():
            cured.setdefault(batch_id, []).append((key, deleted))
        return cured

    def step(self, batch: Batch, verdict: Verdict, rows: pa.Table) -> tuple[list[QuarantineEntry], list[Closing]]:
        """Entries that `rows` (the listed rows of one verdict) open or move, and entries that this batch ends."""
        record = self._record
        bad = [row for row in rows.to_pylist() if row["verdict"] == "quarantined"]
        entries = [
            QuarantineEntry(
                record.source, record.name, row["key"], tuple(row["rules"]), row["submitter"], batch.batch_id, row["row_no"],
                row["source_ref"], verdict.decided_at,
            )
            for row in bad
        ]  # fmt: skip
        bad_keys = {entry.key for entry in entries}
        ends = {
            key: "deleted" if deleted else "accepted"
            for key, deleted in ([] if verdict.stopped else self._cured.get(batch.batch_id, []))
            if key not in bad_keys and key in self._open and self._open[key] <= batch.snapshot_at
        }
        if verdict.n == 1 and not verdict.stopped:
            groups = self._groups.get(batch.batch_id, set())
            ends |= {
                key: "superseded"
                for key, seen in self._open.items()
                if key not in bad_keys and key not in ends and seen < batch.snapshot_at and key.rpartition("|")[0] in groups
            }
        for key in ends:
            del self._open[key]
        self._open.update(dict.fromkeys(bad_keys, batch.snapshot_at))
        return entries, [(record.source, record.name, key, reason) for key, reason in sorted(ends.items())]
