"""A home with a register and a release, filled by hand: what there is to be told of, and what its outbox says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from linli.pipeline import alerts
from linli.register import Answer, Batch, Decision, QuarantineEntry, Register, SourceStatus, Verdict
from linli.settings import SHANGHAI, Settings, as_of
from unit.alerts.doubles import StoppedClock

DAY = dt.date(2026, 11, 13)
NIGHT = dt.datetime(2026, 11, 14, 2, 30, tzinfo=SHANGHAI)
STATION, COMPOUND, COMMUNITY = "340405-S01", "340405-C01-X01", "340405-C01"
SILENT = "数据库没有应答，电话 13812345678"
FAILED = SourceStatus("case_system", "cases", "failed", f"case_system.cases：{SILENT}", as_of(dt.date(2026, 11, 11)), 0)
ALSO = SourceStatus("case_system", "callbacks", "failed", f"case_system.callbacks：{SILENT}", FAILED.as_of, 0)


class Deployment:
    """A home with a register and a release, filled by hand, and what its outbox says."""

    def __init__(self, folder: Path) -> None:
        env = {"LINLI_HOME": str(folder), "LINLI_MEETING_INBOX": str(folder)}
        self.settings = Settings.load(env)
        self.register = Register(self.settings.register_path)
        self.clock = StoppedClock(NIGHT)
        self._batches = 0
        self._read = 0

    def night(self, day: dt.date = DAY, state: str = "succeeded", *statuses: SourceStatus, kind: str = "night") -> str:
        """A run of `day` that ended so; published unless it failed."""
        run = self.register.begin_run(day, as_of(day), kind=kind)
        for status in statuses:
            self.register.set_source_status(run, status)
        if state == "failed":
            self.register.note_answers(run, "audit", [Answer("levels_add_up", "broken", "mart_clock_257 有 2 个层级合计与全区不符")])
        elif kind == "night":
            with self.register.publishing(run):
                self.register.note_publication(run.run_id, run, "hash", dt.datetime.now(dt.UTC))
        self.register.end_run(run, state)
        return run.run_id

    def returned(self, record: str, keys: dict[str, Sequence[str]], submitter: str | None = STATION, *, closed: Sequence[str] = ()) -> None:
        """Rows of `record` are quarantined with the rules they break; keys in `closed` are accepted instead."""
        source, name = record.split(".")
        run = self.register.begin_run(DAY, as_of(DAY))
        self._batches += 1
        batch_id, path = f"b{self._batches}", Path("lake") / f"b{self._batches}.parquet"
        (self.settings.home / "lake").mkdir(exist_ok=True)
        called = [dt.datetime(2026, 9 + n % 2, 5, tzinfo=dt.UTC) for n in range(len(keys))]
        columns = {"called_at": called} if name == "callbacks" else {}
        rows = pa.table({"_batch_id": [batch_id] * len(keys), "_row_no": pa.array(range(len(keys)), pa.int32()), **columns})
        pq.write_table(rows, self.settings.home / path)
        batch = Batch(batch_id, source, name, "window", str(path), max(len(keys), 1), None, as_of(DAY), as_of(DAY), run.run_id)
        self.register.add_batches([batch])
        now = dt.datetime.now(dt.UTC)
        entries = [
            QuarantineEntry(source, name, key, tuple(rules), submitter, batch_id, n, None, now)
            for n, (key, rules) in enumerate(keys.items())
        ]
        verdict = Verdict(batch_id, 1, None, batch.rows, batch.rows - len(keys), len(keys), 0, 0, False, run.run_id, now)
        ended = [(source, name, key, "accepted") for key in closed]
        self.register.add_decisions([Decision(verdict, quarantined=entries, closed=ended)], [], run)
        self.register.end_run(run, "succeeded")

    def published(
        self,
        reach: dt.date = DAY,
        *,
        due: Sequence[dict[str, Any]] = (),
        vanished: Sequence[str] = (),
        owed: int = 0,
        read_to: dt.date | None = None,
    ) -> None:
        """A release that reaches to the end of a day, for which the case system was read to the end of `read_to` (default: that day)."""
        self.settings.warehouse.mkdir(exist_ok=True)
        self.settings.published.unlink(missing_ok=True)
        with duckdb.connect(self.settings.published) as con:
            con.execute("set TimeZone='Asia/Shanghai'; create schema mart; create schema ref")
            con.execute(
                f"""create table published_at as select timestamptz '{as_of(reach).isoformat()}' as as_of, 'case_system' as source,
                unnest(['cases', 'case_steps', 'callbacks']) as feed, timestamptz '{as_of(read_to or reach).isoformat()}' as source_as_of"""
            )
            con.execute(
                f"""create table ref.dim_level_key as from (values ('station', '340405', '{STATION}', '春晖花苑综合执法工作站'),
                ('compound', '340405', '{COMPOUND}', '春晖花苑'), ('community', '340405', '{COMMUNITY}', '春晖社区'),
                ('district', '340405', '340405', '八公山区')) as named(level, district_code, key, key_name);
                create table ref.dim_compound as select '{COMPOUND}' as compound_code, '{STATION}' as station_code;
                create table ref.dim_district as select '340405' as district_code, '八公山区' as district_name;
                create table ref.code_lists (code_list varchar, code varchar, code_name varchar);
                create table ref.phases (phase_code varchar, phase_name varchar);
                create table ref.ledger_kinds (kind_code varchar, kind_name varchar);
                create table mart.mart_data_completeness (district_code varchar, source varchar, record varchar, category varchar,
                  key varchar, month date, is_vanished boolean, last_seen_on date, came_back_on date, missing_workdays integer);
                create table mart.mart_return_completeness (district_code varchar, community_code varchar, month date, sheet varchar,
                  is_expected boolean, state varchar);
                create table mart.mart_due_step (case_no varchar, step varchar, station_code varchar, compound_code varchar,
                  district_code varchar, due_on date, is_due_provisional boolean)"""
            )
            for row in due:
                given = {"step": "resolve", "station_code": STATION, "compound_code": COMPOUND, "is_due_provisional": False} | row
                columns = ("case_no", "step", "station_code", "compound_code", "due_on", "is_due_provisional")
                con.execute("insert into mart.mart_due_step values (?,?,?,?,'340405',?,?)", [given[name] for name in columns])
            for record in vanished:
                con.execute(
                    "insert into mart.mart_data_completeness values ('340405','patrol_app',?,'all','all',?,true,?,null,15)",
                    [record, reach.replace(day=1), reach - dt.timedelta(days=20)],
                )
            for n in range(owed):
                month = dt.date(2026, 10 - n, 1)
                con.execute("insert into mart.mart_return_completeness values ('340405',?,?,'meetings',true,'missing')", [COMMUNITY, month])

    def told(self) -> list[str]:
        """The texts that have come to the outbox since last asked."""
        outbox = self.settings.alerts / "outbox"
        texts = [path.read_text(encoding="utf-8") for path in sorted(outbox.glob("*.txt"), key=lambda path: path.name.split("-")[1])]
        new, self._read = texts[self._read :], len(texts)
        return new

    def send(self) -> list[str]:
        """What a sending tells anew; an hour passes."""
        alerts.send_alerts(self.settings, clock=self.clock)
        self.clock.pass_by(hours=1)
        return self.told()


def titles(texts: Sequence[str]) -> list[str]:
    return [text.splitlines()[0] for text in texts]
