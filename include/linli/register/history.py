"""The register over many days: what each run said of sources, accounts, checks, tests and quarantine. Read only."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Collection
from typing import Any

from linli.register.moments import as_text

SHOWN = dt.timedelta(days=400)
"""how far back runs are shown: a year and the month before it"""


_DECIDING = """deciding as (
  select day, as_of, started_at, lead(started_at, 1, '9999') over (order by token) as next_started_at
  from runs where kind <> 'reconcile' and run_id in (select run_id from source_status)
)"""
"""nights with the moments they decided in"""

_SETTLED = "q.closed_reason <> 'held'"
"""entries that have ended for good; the row of any other one waits, and may be returned again"""


class History:
    """Questions to the runs so far; every answer is a list of rows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def sources(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """What became of each feed in the nights of `first` and later days whose as_of is at or before `until`: one row a run and feed."""
        return self._asked(
            """select r.day, r.token, s.source, s.feed, s.state, s.as_of as loaded_to, s.landed
            from source_status s join runs r on r.run_id = s.run_id
            where r.day >= ? and r.as_of <= ? and r.kind <> 'reconcile' order by r.token, s.rowid""",
            first, until,
        )  # fmt: skip

    def accounts(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """The accounts of batches by the run that landed them, at their newest verdict: one row a run and record; days as above."""
        return self._asked(
            """select r.day, r.token, b.source, b.record, sum(v.landed) as landed, sum(v.accepted) as accepted,
              sum(v.quarantined) as quarantined, sum(v.held) as held, sum(v.duplicates) as duplicates, sum(v.stopped) as stopped
            from runs r join batches b on b.run_id = r.run_id
              join verdicts v on v.batch_id = b.batch_id and v.n = (select max(n) from verdicts w where w.batch_id = b.batch_id)
            where r.day >= ? and r.as_of <= ? group by r.token, b.source, b.record order by r.token, min(b.rowid)""",
            first, until,
        )  # fmt: skip

    def checks(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """The rules that rows have broken: one row a run, record and rule; days as above."""
        return self._asked(
            """select r.day, r.token, c.source, c.record, c.rule, c.severity, c.evaluated, c.unexpected
            from runs r join check_results c on c.run_id = r.run_id
            where r.day >= ? and r.as_of <= ? and c.unexpected > 0 order by r.token, c.rowid""",
            first, until,
        )  # fmt: skip

    def answers(self, first: dt.date, until: dt.datetime) -> list[dict[str, Any]]:
        """What the tests of builds and the audit answered to runs of any kind: one row a run, stage and rule; days as above."""
        return self._asked(
            """select r.day, r.run_id, r.kind, a.stage, a.rule, a.state, a.detail, a.asked_at
            from runs r join answers a on a.run_id = r.run_id
            where r.day >= ? and r.as_of <= ? order by r.token, a.rowid""",
            first, until,
        )  # fmt: skip

    def quarantine(self, until: dt.datetime) -> list[dict[str, Any]]:
        """Quarantine entries by the days of the runs that opened and closed them (null: open after `until`), counted per record.

        A moment belongs to the night begun last before it; runs that load nothing decide nothing about rows.
        """
        return self._asked(
            f"""with {_DECIDING}, moments as (
              select source, record, opened_at, closed_at, count(*) as entries from quarantine group by source, record, opened_at, closed_at
            )
            select m.source, m.record, o.day as opened_on, case when c.as_of <= ? then c.day end as closed_on, sum(m.entries) as entries
            from moments m join deciding o on o.started_at <= m.opened_at and m.opened_at < o.next_started_at
              left join deciding c on c.started_at <= m.closed_at and m.closed_at < c.next_started_at
            where o.as_of <= ? group by 1, 2, 3, 4 order by 1, 2, 3, 4""",
            until, until,
        )  # fmt: skip

    def open_quarantine(self, until: dt.datetime) -> list[dict[str, Any]]:
        """Quarantine entries open after the nights up to `until`, counted by source, submitter (empty when unknown) and the day of the
        night that opened them; days as above."""
        return self._asked(
            f"""with {_DECIDING}
            select q.source, coalesce(q.submitter, '') as submitter, o.day as opened_on, count(*) as entries
            from quarantine q join deciding o on o.started_at <= q.opened_at and q.opened_at < o.next_started_at
              left join deciding c on c.started_at <= q.closed_at and q.closed_at < c.next_started_at
            where o.as_of <= ? and (c.as_of is null or c.as_of > ?) group by 1, 2, 3 order by 1, 2, 3""",
            until, until,
        )  # fmt: skip

    def submitters_of(self, run_id: str) -> dict[tuple[str, str, str], list[tuple[str, int]]]:
        """Whose rows of a run's batches are in quarantine: by (source, record, rule), (submitter, entries), the most first."""
        found: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
        for row in self._db.execute(
            """select q.source, q.record, r.value as rule, coalesce(q.submitter, '') as submitter, count(*) as entries
            from quarantine q join batches b on b.batch_id = q.batch_id, json_each(q.rules) r where b.run_id = ?
            group by 1, 2, 3, 4 order by 5 desc, 4""",
            (run_id,),
        ):
            found.setdefault((row["source"], row["record"], row["rule"]), []).append((row["submitter"], row["entries"]))
        return found

    def open_rules(self, but: Collection[tuple[str, str, str]] = ()) -> list[dict[str, Any]]:
        """Open quarantine entries but these (source, record, key), counted by source, submitter (empty when unknown), record and broken
        rule; an entry counts under each. `submitter_entries` are those of the submitter, each counted once."""
        return self._asked(
            """with told as (
              select source, coalesce(submitter, '') as submitter, record, rules from quarantine where closed_at is null
              and (source, record, key) not in (select value ->> 0, value ->> 1, value ->> 2 from json_each(?))
            ), totals as (select source, submitter, count(*) as submitter_entries from told group by 1, 2)
            select t.source, t.submitter, t.record, r.value as rule, count(*) as entries, max(a.submitter_entries) as submitter_entries
            from told t join totals a on a.source = t.source and a.submitter = t.submitter, json_each(t.rules) r
            group by 1, 2, 3, 4 order by 1, 2, 5 desc, 3, 4""",
            json.dumps(sorted(but)),
        )

    def submitters(self, source: str) -> list[str]:
        """Whoever has submitted a row of a source that is or was in quarantine, as the row says it (empty when unknown)."""
        return [name for (name,) in self._db.execute("select distinct coalesce(submitter, '') from quarantine where source=?", (source,))]

    def closed_entries(self, source: str, submitters: Collection[str], since: dt.datetime) -> list[dict[str, Any]]:
        """Quarantine entries of these submitters settled since then: record, closed_at, closed_reason, where the row lies (batch_id,
        path, row_no) and the end of the interval it was loaded in. Those whose row now waits are left out."""
        return self._asked(
            f"""select q.record, q.closed_at, q.closed_reason, q.batch_id, b.path, q.row_no, b.interval_end
            from quarantine q join batches b using (batch_id)
            where q.source = ? and coalesce(q.submitter, '') in (select value from json_each(?)) and q.closed_at > ? and {_SETTLED}
            order by q.rowid""",
            source, json.dumps(sorted(submitters)), since,
        )  # fmt: skip

    def newest_day_published(self) -> dt.date | None:
        """The newest day any run has published; None before the first."""
        [row] = self._asked("select max(r.day) as day from publications p join runs r on r.run_id = p.run_id")
        return dt.date.fromisoformat(row["day"]) if row["day"] else None

    def newest_run(self, kind: str, *states: str, since_day: str = "") -> dict[str, Any] | None:
        """The newest run of that kind in one of these states and of that day or a later one, as a row; None when there is none."""
        marks = ", ".join("?" for _ in states)
        row = self._db.execute(
            f"select * from runs where kind=? and day >= ? and state in ({marks}) order by token desc limit 1", (kind, since_day, *states)
        )
        found = row.fetchone()
        return dict(found) if found else None

    def newest_trouble(self, kind: str) -> dict[str, Any] | None:
        """The newest run of that kind that failed or lacked a source, as a row; None when all of them are made good: by a later run, of
        the same day or a later one, that lacked nothing."""
        row = self._db.execute(
            """select * from runs r where kind=? and state in ('failed', 'degraded') and not exists (
              select 1 from runs s where s.kind = r.kind and s.token > r.token and s.day >= r.day and s.state = 'succeeded'
            ) order by token desc limit 1""",
            (kind,),
        )
        found = row.fetchone()
        return dict(found) if found else None

    def settled(self, run_id: str) -> list[dict[str, Any]]:
        """Quarantine entries that ended while a run was under way, but for those whose row now waits."""
        found = self._db.execute(
            f"""select q.source, q.record, q.key, q.closed_reason
            from runs r join quarantine q on q.closed_at >= r.started_at and q.closed_at <= coalesce(r.ended_at, q.closed_at)
            where r.run_id = ? and {_SETTLED} order by q.rowid""",
            (run_id,),
        )
        return [dict(r) for r in found]

    def _asked(self, sql: str, *given: dt.date | str) -> list[dict[str, Any]]:
        args = [as_text(value) if isinstance(value, dt.datetime) else str(value) for value in given]
        return [dict(r) for r in self._db.execute(sql, args)]
