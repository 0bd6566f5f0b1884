"""Files in the register: which have been taken in, and how those refused as a whole come to their end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager

from linli.register.entries import QuarantineEntry, now
from linli.register.moments import as_text


class Files:
    """The files of the register. One refused ends when its content comes in under another name, or is dismissed."""

    def __init__(self, db: sqlite3.Connection, write: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._db, self._write = db, write

    def seen(self, file_sha: str) -> bool:
        """Whether a file of exactly these bytes has been taken in before."""
        return self._db.execute("select 1 from files where file_sha=?", (file_sha,)).fetchone() is not None

    def refused(self, file_sha: str) -> frozenset[str]:
        """The labels under which a file of exactly these bytes has been read, as long as it stands refused as a whole; none else."""
        # a label ends with how the checksum of the content begins, whatever the file was called
        rows = self._db.execute(
            "select f.file_label, exists (select 1 from quarantine q where q.closed_at is null and q.source=f.source"
            " and q.key like f.file_sha || '|%') as stands from files f where instr(f.file_label, '-' || substr(?, 1, 8)) > 0",
            (file_sha,),
        ).fetchall()
        return frozenset(row["file_label"] for row in rows) if any(row["stands"] for row in rows) else frozenset()

    def supersede(self, source: str, file_sha: str) -> None:
        """Ends the open entries of a file, and of its rows, whose content has come in again under another name."""
        with self._write() as db:
            db.execute(
                "update quarantine set closed_at=?, closed_reason='superseded' where closed_at is null and source=?"
                " and batch_id in (select batch_id from batches where file_sha=?)",
                (as_text(now()), source, file_sha),
            )

    def add(self, file_sha: str, source: str, file_label: str, run_id: str, state: str) -> None:
        """Notes a file as taken in; `file_label` is its safe name."""
        with self._write() as db:
            db.execute("insert or ignore into files values (?,?,?,?,?,?)", (file_sha, source, file_label, run_id, as_text(now()), state))

    def dismiss(self, entry: QuarantineEntry, *, reason: str, owner: str) -> int:
        """Ends the open entry of a refused file, and those of its rows, without a correction; says why and who answers for it. Returns how
        many entries ended; none when it was no longer open."""
        at = as_text(now())
        with self._write() as db:
            ended = db.execute(
                "update quarantine set closed_at=?, closed_reason='dismissed' where closed_at is null and source=? and batch_id in ("
                " select b.batch_id from batches b join batches f on f.batch_id=? and b.source=f.source"
                " and (b.batch_id=f.batch_id or b.file_sha=f.file_sha))",
                (at, entry.source, entry.batch_id),
            ).rowcount
            if ended:
                db.execute(
                    "insert or ignore into dismissals values (?,?,?,?,?,?,?)",
                    (entry.source, entry.record, entry.key, entry.batch_id, reason, owner, at),
                )
        return int(ended)

    def dismissal_of(self, entry: QuarantineEntry) -> tuple[str, str] | None:
        """Why an entry was dismissed, and who answers for it; None for one that was not."""
        row = self._db.execute(
            "select reason, owner from dismissals where source=? and record=? and key=? and batch_id=?",
            (entry.source, entry.record, entry.key, entry.batch_id),
        ).fetchone()
        return (row["reason"], row["owner"]) if row else None
