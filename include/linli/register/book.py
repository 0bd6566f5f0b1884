"""The transactions on the register's tables."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from linli.register.entries import (
    Answer,
    Batch,
    CheckResult,
    Decision,
    HeldRow,
    OtherOrigin,
    QuarantineEntry,
    RegisterError,
    Run,
    SourceStatus,
    SupersededRun,
    Verdict,
    now,
)
from linli.register.files import Files
from linli.register.history import History
from linli.register.moments import as_moment, as_text
from linli.register.tables import SCHEMA
from linli.register.waivers import Waivers
from linli.sqlitefile import SqliteFile


class Register(SqliteFile):
    """The register at `path`; safe for several processes, each method is one transaction."""

    schema = SCHEMA

    @property
    def history(self) -> History:
        """What the runs so far have said, for questions over many days."""
        return History(self._db)

    @property
    def waivers(self) -> Waivers:
        """Which open quarantine entries are tolerated for the time being."""
        return Waivers(self._db, self._write)

    @property
    def files(self) -> Files:
        """The files that communities have handed in, and what became of those refused."""
        return Files(self._db, self._write)

    # ---- runs ----------------------------------------------------------------------------------------------------

    def begin_run(
        self, day: dt.date, as_of: dt.datetime, *, kind: str = "night", code_version: str = "", is_demo: bool | None = None
    ) -> Run:
        """A new run with the highest token so far; runs still open before it are marked superseded. `is_demo` says of a run that lands
        whether it is from a demo district. Raises OtherOrigin when what has landed is not."""
        run_id = f"{kind}-{day.isoformat()}-{secrets.token_hex(4)}"
        with self._write() as db:
            if is_demo is not None:
                self.check_origin(is_demo)
            db.execute("update runs set state='superseded', ended_at=? where state='running' and kind=?", (as_text(now()), kind))
            cursor = db.execute(
                "insert into runs (run_id, kind, day, as_of, code_version, started_at) values (?,?,?,?,?,?)",
                (run_id, kind, day.isoformat(), as_text(as_of), code_version, as_text(now())),
            )
            if is_demo:
                db.execute("insert into demo_runs values (?)", (run_id,))
            return Run(run_id, int(cursor.lastrowid or 0), kind, day, as_of)

    def is_of_demo(self) -> bool | None:
        """Whether this register tells of a demo district; None as long as nothing has landed."""
        # all batches have one origin, so the first will do
        row = self._db.execute(
            "select exists (select 1 from demo_runs d where d.run_id = b.run_id) from (select run_id from batches limit 1) b"
        ).fetchone()
        return None if row is None else bool(row[0])

    def check_origin(self, is_demo: bool) -> None:
        """Raises OtherOrigin when what has landed is from elsewhere."""
        known = self.is_of_demo()
        if known and not is_demo:
            raise OtherOrigin("这个 LINLI_HOME 里是示范区的虚构数据，不与真实来源混在一起：请把 LINLI_HOME 指向另一个文件夹")
        if known is False and is_demo:
            raise OtherOrigin("这个 LINLI_HOME 里是真实来源的数据，不载入示范区：请检查来源的环境变量；要看示范区，请另设 LINLI_HOME")

    def run(self, run_id: str) -> Run:
        """The run of that id. Raises RegisterError when there is none."""
        row = self._db.execute("select * from runs where run_id=?", (run_id,)).fetchone()
        if row is None:
            raise RegisterError(f"没有编号为 {run_id} 的运行")
        as_of = as_moment(row["as_of"])
        assert as_of is not None
        return Run(row["run_id"], row["token"], row["kind"], dt.date.fromisoformat(row["day"]), as_of)

    def end_run(self, run: Run, state: str) -> None:
        """Closes a run as succeeded, degraded or failed."""
        with self._write() as db:
            db.execute("update runs set state=?, ended_at=? where run_id=? and state='running'", (state, as_text(now()), run.run_id))

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
        """Registers batches; one already known is left as it is. Batches of one reading come in one call, all or none.

        Raises OtherOrigin for those of a demo district beside others, or the other way round: two first nights may run at once.
        """
        with self._write() as db:
            for b in batches:
                self.check_origin(db.execute("select 1 from demo_runs where run_id=?", (b.run_id,)).fetchone() is not None)
                db.execute(
                    "insert or ignore into batches values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (
                        b.batch_id, b.source, b.record, b.kind, b.path, b.rows, as_text(b.interval_start), as_text(b.interval_end),
                        as_text(b.snapshot_at), b.run_id, b.file_sha, json.dumps(b.meta, ensure_ascii=False, sort_keys=True),
                        as_text(now()),
                    ),
                )  # fmt: skip

    @staticmethod
    def _batch(row: sqlite3.Row) -> Batch:
        end, snapshot = as_moment(row["interval_end"]), as_moment(row["snapshot_at"])
        assert end is not None and snapshot is not None
        return Batch(
            row["batch_id"], row["source"], row["record"], row["kind"], row["path"], row["row_count"],
            as_moment(row["interval_start"]), end, snapshot, row["run_id"], row["file_sha"], json.loads(row["meta"]),
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
        return as_moment(row[0])

    def loaded_to(self, source: str, feed: str, record: str) -> dt.datetime | None:
        """How far nights have read a feed, be it that nothing was there: an inbox without a new file is up to date. None before the first
        time. `record` is the root of the feed. A reconciliation compares keys, it does not read what has changed."""
        row = self._db.execute(
            "select max(s.as_of) from source_status s join runs r on r.run_id = s.run_id"
            " where r.kind='night' and s.source=? and s.feed=? and s.state='loaded'",
            (source, feed),
        ).fetchone()
        read, landed = as_moment(row[0]), self.window_end(source, record)
        return max((each for each in (read, landed) if each), default=None)

    def first_window_end(self) -> dt.datetime | None:
        """The end of the oldest window ever loaded, of whatever record: nothing before it was loaded by itself. None before the first."""
        row = self._db.execute("select min(interval_end) from batches where kind = 'window'").fetchone()
        return as_moment(row[0])

    def stopped_windows(self) -> dict[tuple[str, str], dt.datetime | None]:
        """The (source, record) of which a window stands stopped at the gate, rows of it still open, and where the oldest of these begins:
        how far the record is loaded."""
        # the stopped first, of which there are few: the newest verdicts of all years would each be asked for their open rows
        rows = self._db.execute(
            """with newest as materialized (select batch_id, stopped, max(n) from verdicts group by batch_id)
            select b.source, b.record,
              case when count(*) = count(b.interval_start) then min(b.interval_start) end as reached
            from (select batch_id from newest where stopped) v cross join batches b on b.batch_id = v.batch_id
            where b.kind = 'window' and exists (select 1 from quarantine q where q.batch_id = b.batch_id and q.closed_at is null)
            group by b.source, b.record"""
        )
        return {(r["source"], r["record"]): as_moment(r["reached"]) for r in rows}

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
                        int(v.stopped), v.run_id, as_text(v.decided_at),
                    ),
                )  # fmt: skip
                db.executemany("delete from held where batch_id=? and row_no=?", d.freed)
                db.executemany(
                    "update quarantine set closed_at=?, closed_reason=? where source=? and record=? and key=? and closed_at is null",
                    [(as_text(v.decided_at), reason, s, r, k) for s, r, k, reason in d.closed],
                )
                db.executemany(
                    "insert into quarantine values (?,?,?,?,?,?,?,?,?,?,?,null,null)"
                    " on conflict (source, record, key) where closed_at is null do update set rules=excluded.rules,"
                    " submitter=excluded.submitter, batch_id=excluded.batch_id, row_no=excluded.row_no,"
                    " source_ref=excluded.source_ref, last_seen_at=excluded.last_seen_at",
                    [
                        (
                            q.source, q.record, q.key, json.dumps(q.rules), q.submitter, q.batch_id, q.batch_id, q.row_no,
                            q.source_ref, as_text(q.opened_at), as_text(q.last_seen_at or q.opened_at),
                        )
                        for q in d.quarantined
                    ],
                )  # fmt: skip
                db.executemany(
                    "insert or replace into held values (?,?,?,?,?,?,?)",
                    [(h.batch_id, h.row_no, h.source, h.record, h.key, h.rule, as_text(h.since_at)) for h in d.held],
                )
            db.executemany(
                "insert into check_results values (?,?,?,?,?,?,?,?,?) on conflict (run_id, source, record, rule) do update set"
                " evaluated=evaluated+excluded.evaluated, unexpected=unexpected+excluded.unexpected, decided_at=excluded.decided_at,"
                " result=case when 'FAIL' in (result, excluded.result) then 'FAIL'"
                " when 'PASS' in (result, excluded.result) then 'PASS' else 'NA' end",
                [
                    (run.run_id, c.source, c.record, c.rule, c.severity, c.evaluated, c.unexpected, c.result, as_text(now()))
                    for c in results
                ],
            )

    def close_entries(self, closed: Sequence[tuple[str, str, str, str]], closed_at: dt.datetime) -> None:
        """Ends open quarantine entries, given as (source, record, key, reason), that no verdict about their batch ends."""
        if closed:
            with self._write() as db:
                db.executemany(
                    "update quarantine set closed_at=?, closed_reason=? where source=? and record=? and key=? and closed_at is null",
                    [(as_text(closed_at), reason, source, record, key) for source, record, key, reason in closed],
                )

    @staticmethod
    def _verdict(row: sqlite3.Row) -> Verdict:
        decided = as_moment(row["decided_at"])
        assert decided is not None
        return Verdict(
            row["batch_id"], row["n"], row["path"], row["landed"], row["accepted"], row["quarantined"], row["held"],
            row["duplicates"], bool(row["stopped"]), row["run_id"], decided,
        )  # fmt: skip

    def verdicts(self, *, excluding: set[str] | None = None, known_by: dt.datetime | None = None) -> list[Verdict]:
        """Verdicts in the order they were decided, without those whose ids are in `excluding`; with `known_by`, those that a build for
        this as_of counts: of runs up to it, about batches that end by it."""
        rows = self._db.execute(
            """select v.* from verdicts v left join runs r on r.run_id = v.run_id left join batches b on b.batch_id = v.batch_id
            where ?1 is null or (r.as_of <= ?1 and b.interval_end <= ?1) order by v.rowid""",
            (as_text(known_by),),
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

    def held_rows(self, source: str, record: str) -> list[HeldRow]:
        """Rows of `record` still waiting."""
        found = []
        for r in self._db.execute("select * from held where source=? and record=? order by batch_id, row_no", (source, record)):
            since = as_moment(r["since_at"])
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
            opened = as_moment(r["opened_at"])
            assert opened is not None
            found.append(
                QuarantineEntry(
                    r["source"], r["record"], r["key"], tuple(json.loads(r["rules"])), r["submitter"], r["batch_id"], r["row_no"],
                    r["source_ref"], opened, as_moment(r["last_seen_at"]), as_moment(r["closed_at"]), r["closed_reason"],
                )
            )  # fmt: skip
        return found

    def check_results(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """Judged rules as rows with history."""
        where, args = _filters(run_id=run_id)
        return [dict(r) for r in self._db.execute(f"select * from check_results {where} order by rowid", args)]

    def note_answers(self, run: Run, stage: str, answers: Iterable[Answer]) -> None:
        """Notes what `run` was answered in a stage, build or audit; asked again in the same run, the later answers stand."""
        asked_at = as_text(now())
        with self._write() as db:
            db.execute("delete from answers where run_id=? and stage=?", (run.run_id, stage))
            db.executemany(
                "insert into answers values (?,?,?,?,?,?)", [(run.run_id, stage, a.rule, a.state, a.detail, asked_at) for a in answers]
            )

    # ---- sources and publications ----------------------------------------------------------------------------------

    def set_source_status(self, run: Run, status: SourceStatus) -> None:
        """Notes what became of a feed in a run; said again, the later word stands."""
        with self._write() as db:
            db.execute(
                "insert or replace into source_status values (?,?,?,?,?,?,?,?)",
                (
                    run.run_id, status.source, status.feed, status.state, status.detail, as_text(status.as_of), status.landed,
                    as_text(now()),
                ),
            )  # fmt: skip

    def source_statuses(self, run: Run) -> list[SourceStatus]:
        """What became of each feed in `run`."""
        return [
            SourceStatus(r["source"], r["feed"], r["state"], r["detail"], as_moment(r["as_of"]), r["landed"])
            for r in self._db.execute("select * from source_status where run_id=? order by rowid", (run.run_id,))
        ]

    def note_seeds(self, run: Run, seeds: str) -> None:
        """Notes by which kept seeds `run` was built."""
        with self._write() as db:
            db.execute("insert or replace into seeds_used values (?,?)", (run.run_id, seeds))

    def seeds_at(self, as_of: dt.datetime) -> str | None:
        """The seeds of the last night published for `as_of` or before, else of the first one ever; None when none were kept."""
        row = self._db.execute(
            """select s.seeds from seeds_used s join runs r on r.run_id = s.run_id join publications p on p.run_id = r.run_id
            order by r.as_of <= ? desc, case when r.as_of <= ? then r.as_of end desc, r.as_of, r.token desc limit 1""",
            (as_text(as_of), as_text(as_of)),
        ).fetchone()
        return None if row is None else str(row[0])

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
        self._db.execute(
            "insert into publications values (?,?,?,?,?)", (version, run.run_id, run.token, content_hash, as_text(published_at))
        )

    def publications(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest publications first, as rows."""
        return [dict(r) for r in self._db.execute("select * from publications order by rowid desc limit ?", (limit,))]

    def newest_day_published(self, before: Run) -> dt.date | None:
        """The newest day a run with a lower token than `before` has published; None when there is none."""
        [newest] = self._db.execute(
            "select max(r.day) from publications p join runs r on r.run_id = p.run_id where p.token < ?", (before.token,)
        ).fetchone()
        return dt.date.fromisoformat(newest) if newest else None


def _filters(**given: str | None) -> tuple[str, list[str]]:
    parts = [(name, value) for name, value in given.items() if value is not None]
    if not parts:
        return "", []
    return "where " + " and ".join(f"{name}=?" for name, _ in parts), [value for _, value in parts]
