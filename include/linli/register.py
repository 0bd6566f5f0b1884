"""The register: the one mutable book of batches, verdicts, quarantine, runs and publications.

Files in the lake and under verdicts/ are immutable; a file counts only once the register names it, so every
stage has one commit point: one SQLite transaction here. It holds keys and rule names, never the rows themselves.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linli.failures import Refusal

_SCHEMA = """
create table if not exists runs (
  token integer primary key autoincrement, run_id text not null unique, kind text not null, day text not null,
  as_of text not null, code_version text not null, started_at text not null, ended_at text, state text not null default 'running'
) strict;
create table if not exists batches (
  batch_id text primary key, source text not null, record text not null, kind text not null, path text not null,
  row_count integer not null, interval_start text, interval_end text not null, snapshot_at text not null, run_id text not null,
  file_sha text, meta text not null, registered_at text not null
) strict;
create index if not exists batches_of_record on batches (source, record, interval_end);
create table if not exists verdicts (
  verdict_id text primary key, batch_id text not null references batches, n integer not null, path text,
  landed integer not null, accepted integer not null, quarantined integer not null, held integer not null, duplicates integer not null,
  stopped integer not null, run_id text not null, decided_at text not null,
  check (landed = accepted + quarantined + held + duplicates)
) strict;
create unique index if not exists verdicts_of_batch on verdicts (batch_id, n);
create table if not exists quarantine (
  source text not null, record text not null, key text not null, rules text not null, submitter text,
  first_batch_id text not null, batch_id text not null, row_no integer not null, source_ref text,
  opened_at text not null, last_seen_at text not null, closed_at text, closed_reason text
) strict;
create unique index if not exists quarantine_open on quarantine (source, record, key) where closed_at is null;
create table if not exists held (
  batch_id text not null, row_no integer not null, source text not null, record text not null, key text not null, rule text not null,
  since_at text not null, primary key (batch_id, row_no)
) strict;
create table if not exists files (
  file_sha text primary key, source text not null, file_label text not null, run_id text not null, seen_at text not null,
  state text not null
) strict;
create table if not exists source_status (
  run_id text not null, source text not null, feed text not null, state text not null, detail text not null default '',
  as_of text, landed integer not null default 0, reported_at text not null, primary key (run_id, source, feed)
) strict;
create table if not exists check_results (
  run_id text not null, source text not null, record text not null, rule text not null, severity text not null,
  evaluated integer not null, unexpected integer not null, result text not null, decided_at text not null,
  primary key (run_id, source, record, rule)
) strict;
create table if not exists publications (
  version text primary key, run_id text not null, token integer not null, content_hash text not null, published_at text not null
) strict;
"""


class RegisterError(Refusal):
    """The register refuses something: it would contradict what is already written."""


class SupersededRun(RegisterError):
    """A newer run has begun; the older one may not publish any more."""


def now() -> dt.datetime:
    """The wall clock, for bookkeeping only; no figure is computed from it."""
    return dt.datetime.now(dt.UTC)


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


@dataclass(frozen=True)
class Run:
    """One try at a night. `token` only grows: whoever holds an older one may not publish."""

    run_id: str
    token: int
    kind: str
    day: dt.date
    as_of: dt.datetime


@dataclass(frozen=True)
class Batch:
    """One immutable landed file; `path` is relative to the home folder."""

    batch_id: str
    source: str
    record: str
    kind: str
    path: str
    rows: int
    interval_start: dt.datetime | None
    interval_end: dt.datetime
    snapshot_at: dt.datetime
    run_id: str
    file_sha: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.source}.{self.record}"


@dataclass(frozen=True)
class Verdict:
    """The n-th verdict about a batch, with its running totals: landed = accepted + quarantined + held + duplicates."""

    batch_id: str
    n: int
    path: str | None
    landed: int
    accepted: int
    quarantined: int
    held: int
    duplicates: int
    stopped: bool
    run_id: str
    decided_at: dt.datetime

    @property
    def verdict_id(self) -> str:
        return f"{self.batch_id}.{self.n}"


@dataclass(frozen=True)
class QuarantineEntry:
    """A bad row, open until its key is accepted or gone at the source."""

    source: str
    record: str
    key: str
    rules: tuple[str, ...]
    submitter: str | None
    batch_id: str
    row_no: int
    source_ref: str | None
    opened_at: dt.datetime
    last_seen_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    closed_reason: str | None = None


@dataclass(frozen=True)
class HeldRow:
    """A row that waits for what it belongs to."""

    batch_id: str
    row_no: int
    source: str
    record: str
    key: str
    rule: str
    since_at: dt.datetime


@dataclass(frozen=True)
class CheckResult:
    """What Great Expectations judged of one rule in one run; `result` is PASS, FAIL or NA (nothing to judge)."""

    source: str
    record: str
    rule: str
    severity: str
    evaluated: int
    unexpected: int
    result: str


@dataclass(frozen=True)
class SourceStatus:
    """What became of one feed in one run: loaded, failed or not_configured; `as_of` is how far it is loaded at all."""

    source: str
    feed: str
    state: str
    detail: str
    as_of: dt.datetime | None
    landed: int


@dataclass(frozen=True)
class Decision:
    """Everything the gate decided about one batch; written in one transaction."""

    verdict: Verdict
    quarantined: Sequence[QuarantineEntry] = ()
    held: Sequence[HeldRow] = ()
    freed: Sequence[tuple[str, int]] = ()
    """(batch_id, row_no) of rows that no longer wait"""
    closed: Sequence[tuple[str, str, str, str]] = ()
    """(source, record, key, reason) of quarantine entries that end"""


class Register:
    """The register at `path`; safe for several processes, each method is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        path.chmod(0o600)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        with self._write() as db:
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    db.execute(statement)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Register:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("begin immediate")
        try:
            yield self._db
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    # ---- runs ----------------------------------------------------------------------------------------------------

    def begin_run(self, day: dt.date, as_of: dt.datetime, *, kind: str = "night", code_version: str = "") -> Run:
        """A new run with the highest token so far; runs still open before it are marked superseded."""
        run_id = f"{kind}-{day.isoformat()}-{secrets.token_hex(4)}"
        with self._write() as db:
            db.execute("update runs set state='superseded', ended_at=? where state='running' and kind=?", (_text(now()), kind))
            cursor = db.execute(
                "insert into runs (run_id, kind, day, as_of, code_version, started_at) values (?,?,?,?,?,?)",
                (run_id, kind, day.isoformat(), _text(as_of), code_version, _text(now())),
            )
            return Run(run_id, int(cursor.lastrowid or 0), kind, day, as_of)

    def run(self, run_id: str) -> Run:
        """The run of that id. Raises RegisterError when there is none."""
        row = self._db.execute("select * from runs where run_id=?", (run_id,)).fetchone()
        if row is None:
            raise RegisterError(f"没有编号为 {run_id} 的运行")
        as_of = _moment(row["as_of"])
        assert as_of is not None
        return Run(row["run_id"], row["token"], row["kind"], dt.date.fromisoformat(row["day"]), as_of)

    def end_run(self, run: Run, state: str) -> None:
        """Closes a run as succeeded, degraded or failed."""
        with self._write() as db:
            db.execute("update runs set state=?, ended_at=? where run_id=? and state='running'", (state, _text(now()), run.run_id))

    def runs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs first, as rows."""
        return [dict(r) for r in self._db.execute("select * from runs order by token desc limit ?", (limit,))]

    def check_token(self, run: Run) -> None:
        """Raises SupersededRun when a newer run of the same kind has begun since."""
        newest = self._db.execute("select max(token) from runs where kind=?", (run.kind,)).fetchone()[0]
        if newest != run.token:
            raise SupersededRun(f"运行 {run.run_id}（令牌 {run.token}）已被更新的一次（令牌 {newest}）取代，不再继续；数据不受影响")

    # ---- batches -------------------------------------------------------------------------------------------------

    def add_batches(self, batches: Iterable[Batch]) -> None:
        """Registers batches; one already known is left as it is. Batches of one reading come in one call, all or none."""
        with self._write() as db:
            for b in batches:
                db.execute(
                    "insert or ignore into batches values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (
                        b.batch_id, b.source, b.record, b.kind, b.path, b.rows, _text(b.interval_start), _text(b.interval_end),
                        _text(b.snapshot_at), b.run_id, b.file_sha, json.dumps(b.meta, ensure_ascii=False, sort_keys=True), _text(now()),
                    ),
                )  # fmt: skip

    @staticmethod
    def _batch(row: sqlite3.Row) -> Batch:
        end, snapshot = _moment(row["interval_end"]), _moment(row["snapshot_at"])
        assert end is not None and snapshot is not None
        return Batch(
            row["batch_id"], row["source"], row["record"], row["kind"], row["path"], row["row_count"],
            _moment(row["interval_start"]), end, snapshot, row["run_id"], row["file_sha"], json.loads(row["meta"]),
        )  # fmt: skip

    def batches(self, *, source: str | None = None, record: str | None = None, run_id: str | None = None) -> list[Batch]:
        """Batches in the order they were registered."""
        where, args = _filters(source=source, record=record, run_id=run_id)
        return [self._batch(r) for r in self._db.execute(f"select * from batches {where} order by rowid", args)]

    def batch(self, batch_id: str) -> Batch:
        """The batch of that id. Raises RegisterError when there is none."""
        row = self._db.execute("select * from batches where batch_id=?", (batch_id,)).fetchone()
        if row is None:
            raise RegisterError(f"没有编号为 {batch_id} 的批次")
        return self._batch(row)

    def known_batch_ids(self) -> set[str]:
        """Every registered batch id."""
        return {r[0] for r in self._db.execute("select batch_id from batches")}

    def window_end(self, source: str, record: str) -> dt.datetime | None:
        """How far `record` is loaded: the greatest interval end of its window batches; None before the first one."""
        row = self._db.execute(
            "select max(interval_end) from batches where source=? and record=? and kind in ('window','file')", (source, record)
        ).fetchone()
        return _moment(row[0])

    def ungated_batches(self, source: str, record: str) -> list[Batch]:
        """Batches of `record` without any verdict yet, oldest first."""
        return [
            self._batch(r)
            for r in self._db.execute(
                "select b.* from batches b where source=? and record=? and not exists"
                " (select 1 from verdicts v where v.batch_id=b.batch_id) order by b.rowid",
                (source, record),
            )
        ]

    # ---- files ---------------------------------------------------------------------------------------------------

    def seen_file(self, file_sha: str) -> bool:
        """Whether a file of exactly these bytes has been taken in before."""
        return self._db.execute("select 1 from files where file_sha=?", (file_sha,)).fetchone() is not None

    def add_file(self, file_sha: str, source: str, file_label: str, run_id: str, state: str) -> None:
        """Notes a file as taken in; `file_label` is its safe name."""
        with self._write() as db:
            db.execute("insert or ignore into files values (?,?,?,?,?,?)", (file_sha, source, file_label, run_id, _text(now()), state))

    # ---- verdicts ------------------------------------------------------------------------------------------------

    def add_decisions(self, decisions: Sequence[Decision], results: Sequence[CheckResult], run: Run) -> None:
        """The gate's decisions about the batches of one record and what was judged of its rules: all or nothing.

        Results of a second try in the same run are added to those of the first: what failed stays failed.

        Raises SupersededRun when a newer run has begun since: it judges the same batches.
        """
        with self._write() as db:
            self.check_token(run)
            for d in decisions:
                v = d.verdict
                db.execute(
                    "insert into verdicts values (?,?,?,?,?,?,?,?,?,?,?,?)",
                    (
                        v.verdict_id, v.batch_id, v.n, v.path, v.landed, v.accepted, v.quarantined, v.held, v.duplicates,
                        int(v.stopped), v.run_id, _text(v.decided_at),
                    ),
                )  # fmt: skip
                db.executemany("delete from held where batch_id=? and row_no=?", d.freed)
                db.executemany(
                    "update quarantine set closed_at=?, closed_reason=? where source=? and record=? and key=? and closed_at is null",
                    [(_text(v.decided_at), reason, s, r, k) for s, r, k, reason in d.closed],
                )
                db.executemany(
                    "insert into quarantine values (?,?,?,?,?,?,?,?,?,?,?,null,null)"
                    " on conflict (source, record, key) where closed_at is null do update set rules=excluded.rules,"
                    " submitter=excluded.submitter, batch_id=excluded.batch_id, row_no=excluded.row_no,"
                    " source_ref=excluded.source_ref, last_seen_at=excluded.last_seen_at",
                    [
                        (
                            q.source, q.record, q.key, json.dumps(q.rules), q.submitter, q.batch_id, q.batch_id, q.row_no,
                            q.source_ref, _text(q.opened_at), _text(q.last_seen_at or q.opened_at),
                        )
                        for q in d.quarantined
                    ],
                )  # fmt: skip
                db.executemany(
                    "insert or replace into held values (?,?,?,?,?,?,?)",
                    [(h.batch_id, h.row_no, h.source, h.record, h.key, h.rule, _text(h.since_at)) for h in d.held],
                )
            db.executemany(
                "insert into check_results values (?,?,?,?,?,?,?,?,?) on conflict (run_id, source, record, rule) do update set"
                " evaluated=evaluated+excluded.evaluated, unexpected=unexpected+excluded.unexpected, decided_at=excluded.decided_at,"
                " result=case when 'FAIL' in (result, excluded.result) then 'FAIL'"
                " when 'PASS' in (result, excluded.result) then 'PASS' else 'NA' end",
                [(run.run_id, c.source, c.record, c.rule, c.severity, c.evaluated, c.unexpected, c.result, _text(now())) for c in results],
            )

    def close_entries(self, closed: Sequence[tuple[str, str, str, str]], closed_at: dt.datetime) -> None:
        """Ends open quarantine entries, given as (source, record, key, reason), that no verdict about their batch ends."""
        if closed:
            with self._write() as db:
                db.executemany(
                    "update quarantine set closed_at=?, closed_reason=? where source=? and record=? and key=? and closed_at is null",
                    [(_text(closed_at), reason, source, record, key) for source, record, key, reason in closed],
                )

    @staticmethod
    def _verdict(row: sqlite3.Row) -> Verdict:
        decided = _moment(row["decided_at"])
        assert decided is not None
        return Verdict(
            row["batch_id"], row["n"], row["path"], row["landed"], row["accepted"], row["quarantined"], row["held"],
            row["duplicates"], bool(row["stopped"]), row["run_id"], decided,
        )  # fmt: skip

    def verdicts(self, *, excluding: set[str] | None = None, known_by: dt.datetime | None = None) -> list[Verdict]:
        """Verdicts in the order they were decided, without those whose ids are in `excluding`; those of runs up to an as_of."""
        rows = self._db.execute(
            "select v.* from verdicts v left join runs r on r.run_id = v.run_id where ?1 is null or r.as_of <= ?1 order by v.rowid",
            (_text(known_by),),
        )
        return [self._verdict(r) for r in rows if not excluding or r["verdict_id"] not in excluding]

    def latest_verdict(self, batch_id: str) -> Verdict | None:
        """The newest verdict about a batch: its totals are the batch's account."""
        row = self._db.execute("select * from verdicts where batch_id=? order by n desc limit 1", (batch_id,)).fetchone()
        return None if row is None else self._verdict(row)

    def verdicts_of(self, batch_id: str) -> list[Verdict]:
        """Every verdict about a batch, the first one first."""
        rows = self._db.execute("select * from verdicts where batch_id=? order by n", (batch_id,))
        return [self._verdict(r) for r in rows]

    def accounts(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """Per source and record: batches, landed, accepted, quarantined, held, duplicates, ungated; of one run's batches or of all."""
        where, args = ("where b.run_id=?", [run_id]) if run_id else ("", [])
        return [
            dict(r)
            for r in self._db.execute(
                f"""select b.source, b.record, count(*) as batches, sum(b.row_count) as landed, sum(coalesce(v.accepted, 0)) as accepted,
                    sum(coalesce(v.quarantined, 0)) as quarantined, sum(coalesce(v.held, 0)) as held,
                    sum(coalesce(v.duplicates, 0)) as duplicates, sum(coalesce(v.stopped, 0)) as stopped,
                    sum(case when v.batch_id is null then b.row_count else 0 end) as ungated
                from batches b left join verdicts v on v.batch_id = b.batch_id
                  and v.n = (select max(n) from verdicts w where w.batch_id = b.batch_id)
                {where} group by b.source, b.record order by min(b.rowid)""",
                args,
            )
        ]

    def source_history(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """What became of each feed in the runs of `first` and later days whose as_of is at or before `until`: one row a run and feed."""
        return self._history(
            """select r.day, r.token, s.source, s.feed, s.state, s.as_of as loaded_to, s.landed
            from source_status s join runs r on r.run_id = s.run_id
            where r.day >= ? and r.as_of <= ? order by r.token, s.rowid""",
            first, until,
        )  # fmt: skip

    def account_history(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """The accounts of batches by the run that landed them, at their newest verdict: one row a run and record; days as above."""
        return self._history(
            """select r.day, r.token, b.source, b.record, sum(v.landed) as landed, sum(v.accepted) as accepted,
              sum(v.quarantined) as quarantined, sum(v.held) as held, sum(v.duplicates) as duplicates, sum(v.stopped) as stopped
            from runs r join batches b on b.run_id = r.run_id
              join verdicts v on v.batch_id = b.batch_id and v.n = (select max(n) from verdicts w where w.batch_id = b.batch_id)
            where r.day >= ? and r.as_of <= ? group by r.token, b.source, b.record order by r.token, min(b.rowid)""",
            first, until,
        )  # fmt: skip

    def check_history(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """The rules that rows have broken: one row a run, record and rule; days as above."""
        return self._history(
            """select r.day, r.token, c.source, c.record, c.rule, c.severity, c.evaluated, c.unexpected
            from runs r join check_results c on c.run_id = r.run_id
            where r.day >= ? and r.as_of <= ? and c.unexpected > 0 order by r.token, c.rowid""",
            first, until,
        )  # fmt: skip

    def quarantine_history(self, until: dt.datetime) -> list[dict[str, Any]]:
        """Quarantine entries by the days of the runs that opened and closed them (null: open after `until`), counted per record.

        A moment belongs to the night begun last before it; runs that load nothing decide nothing about rows.
        """
        return self._history(
            """with deciding as (
              select day, as_of, started_at, lead(started_at, 1, '9999') over (order by token) as next_started_at
              from runs where run_id in (select run_id from source_status)
            ), moments as (
              select source, record, opened_at, closed_at, count(*) as entries from quarantine group by source, record, opened_at, closed_at
            )
            select m.source, m.record, o.day as opened_on, case when c.as_of <= ? then c.day end as closed_on, sum(m.entries) as entries
            from moments m join deciding o on o.started_at <= m.opened_at and m.opened_at < o.next_started_at
              left join deciding c on c.started_at <= m.closed_at and m.closed_at < c.next_started_at
            where o.as_of <= ? group by 1, 2, 3, 4 order by 1, 2, 3, 4""",
            until, until,
        )  # fmt: skip

    def _history(self, sql: str, *given: dt.date) -> list[dict[str, Any]]:
        args = [_text(value) if isinstance(value, dt.datetime) else value.isoformat() for value in given]
        return [dict(r) for r in self._db.execute(sql, args)]

    def held_rows(self, source: str, record: str) -> list[HeldRow]:
        """Rows of `record` still waiting."""
        found = []
        for r in self._db.execute("select * from held where source=? and record=? order by batch_id, row_no", (source, record)):
            since = _moment(r["since_at"])
            assert since is not None
            found.append(HeldRow(r["batch_id"], r["row_no"], r["source"], r["record"], r["key"], r["rule"], since))
        return found

    def quarantine(
        self, *, source: str | None = None, record: str | None = None, key: str | None = None, include_closed: bool = False
    ) -> list[QuarantineEntry]:
        """Quarantine entries, oldest first; only the open ones unless `include_closed`."""
        where, args = _filters(source=source, record=record, key=key)
        if not include_closed:
            where = f"{where} and closed_at is null" if where else "where closed_at is null"
        found = []
        for r in self._db.execute(f"select * from quarantine {where} order by rowid", args):
            opened = _moment(r["opened_at"])
            assert opened is not None
            found.append(
                QuarantineEntry(
                    r["source"], r["record"], r["key"], tuple(json.loads(r["rules"])), r["submitter"], r["batch_id"], r["row_no"],
                    r["source_ref"], opened, _moment(r["last_seen_at"]), _moment(r["closed_at"]), r["closed_reason"],
                )
            )  # fmt: skip
        return found

    def check_results(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """Judged rules as rows with history."""
        where, args = _filters(run_id=run_id)
        return [dict(r) for r in self._db.execute(f"select * from check_results {where} order by rowid", args)]

    # ---- sources and publications ----------------------------------------------------------------------------------

    def set_source_status(self, run: Run, status: SourceStatus) -> None:
        """Notes what became of a feed in a run; said again, the later word stands."""
        with self._write() as db:
            db.execute(
                "insert or replace into source_status values (?,?,?,?,?,?,?,?)",
                (
                    run.run_id, status.source, status.feed, status.state, status.detail, _text(status.as_of), status.landed, _text(now()),
                ),
            )  # fmt: skip

    def source_statuses(self, run: Run) -> list[SourceStatus]:
        """What became of each feed in `run`."""
        return [
            SourceStatus(r["source"], r["feed"], r["state"], r["detail"], _moment(r["as_of"]), r["landed"])
            for r in self._db.execute("select * from source_status where run_id=? order by rowid", (run.run_id,))
        ]

    @contextmanager
    def publishing(self, run: Run) -> Iterator[None]:
        """Holds the register while a release is switched in, so no newer run can begin in between.

        Raises SupersededRun when one already has.
        """
        with self._write():
            self.check_token(run)
            yield

    def note_publication(self, version: str, run: Run, content_hash: str, published_at: dt.datetime) -> None:
        """To be called inside `publishing`: part of the same transaction."""
        self._db.execute("insert into publications values (?,?,?,?,?)", (version, run.run_id, run.token, content_hash, _text(published_at)))

    def publications(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest publications first, as rows."""
        return [dict(r) for r in self._db.execute("select * from publications order by rowid desc limit ?", (limit,))]


def _filters(**given: str | None) -> tuple[str, list[str]]:
    parts = [(name, value) for name, value in given.items() if value is not None]
    if not parts:
        return "", []
    return "where " + " and ".join(f"{name}=?" for name, _ in parts), [value for _, value in parts]
