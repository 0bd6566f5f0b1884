"""A home of its own for dbt: hand-made rows of the case system, landed and accepted without transports or gate."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from linli import contracts, warehouse
from linli.register import Batch, Decision, Register, Verdict
from linli.settings import SHANGHAI, Settings
from linli.warehouse import BuildReport

Row = Mapping[str, Any]

CASE: dict[str, Any] = {
    "district_code": "340405", "compound_code": "340405-C01-X01", "station_code": None, "channel": "居民来电", "phase": "应诉即办",
    "item_code": "1-01", "lead_department": "城管", "officer_no": "E001", "on_scene": False, "status": "处置中",
}  # fmt: skip


def at(text: str) -> dt.datetime:
    """A moment in Shanghai."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def case(case_no: str, reported: str, **other: Any) -> Row:
    return CASE | {"case_no": case_no, "reported_at": at(reported)} | other


def step(step_id: int, case_no: str, kind: str, when: str, round_no: int = 1) -> Row:
    return {"step_id": step_id, "case_no": case_no, "round_no": round_no, "step": kind, "stepped_at": at(when)}


def callback(callback_id: int, case_no: str, side: str, when: str, *, score: int = 5) -> Row:
    return {
        "callback_id": callback_id, "case_no": case_no, "round_no": 1, "side": side, "called_at": at(when), "outcome": "接通",
        "solved": True, "department_score": score, "officer_score": score,
    }  # fmt: skip


class Home:
    """One deployment: rows go in as accepted batches, `build` brings the marts to an as_of."""

    def __init__(self, folder: Path, reference: Path | None = None) -> None:
        env = {"LINLI_HOME": str(folder), "PATH": os.environ.get("PATH", "")}
        self.settings = Settings.load(env | ({"LINLI_REFERENCE": str(reference)} if reference else {}))
        self.catalog = contracts.load(self.settings.project / "expectations")
        self.register = Register(self.settings.register_path)
        self._run = self.register.begin_run(dt.date(2026, 1, 1), at("2026-01-02"))
        self._batches = 0

    def land(self, record: str, rows: Sequence[Row], *, snapshot: str, deleted: bool = False, rejected: Sequence[int] = ()) -> Batch:
        """Lands `rows` in one batch whose interval ends at `snapshot`; `rejected` are row numbers the gate holds back. Of rows that
        were deleted only the key is known."""
        declaration = self.catalog.record(record)
        if deleted:
            rows = [{name: row[name] for name in declaration.key} for row in rows]
        self._batches += 1
        batch_id, moment = f"b{self._batches:03d}", at(snapshot)
        meta = {"_batch_id": batch_id, "_snapshot_at": moment, "_deleted": deleted}
        whole = [dict(row) | meta | {"_row_no": number} for number, row in enumerate(rows)]
        path = Path("lake") / record.replace(".", "/") / f"{batch_id}.parquet"
        self._write(path, pa.Table.from_pylist(whole, declaration.landing_schema()))
        batch = Batch(
            batch_id, declaration.source, declaration.name, "window", str(path), len(rows), None, moment, moment, self._run.run_id
        )
        self.register.add_batches([batch])
        self._decide(batch, 1, [(number, "held") for number in rejected], accepted=len(rows) - len(rejected), held=len(rejected))
        return batch

    def release(self, batch: Batch, row_nos: Sequence[int]) -> None:
        """The gate's later verdict: these rows, held so far, are accepted."""
        last = self.register.latest_verdict(batch.batch_id)
        assert last is not None
        released = [(number, "released") for number in row_nos]
        self._decide(batch, last.n + 1, released, accepted=last.accepted + len(row_nos), held=last.held - len(row_nos))

    def _decide(self, batch: Batch, n: int, listed: Sequence[tuple[int, str]], *, accepted: int, held: int) -> None:
        path = None
        if listed:
            path = Path("verdicts") / f"{batch.batch_id}.{n}.parquet"
            rows = [{"_batch_id": batch.batch_id, "row_no": number, "verdict": verdict} for number, verdict in listed]
            schema = pa.schema([("_batch_id", pa.string()), ("row_no", pa.int32()), ("verdict", pa.string())])
            self._write(path, pa.Table.from_pylist(rows, schema))
        verdict = Verdict(
            batch.batch_id, n, str(path) if path else None, batch.rows, accepted, 0, held, 0, False, self._run.run_id,
            batch.snapshot_at,
        )  # fmt: skip
        self.register.add_decisions([Decision(verdict)], [], self._run)

    def _write(self, path: Path, table: pa.Table) -> None:
        target = self.settings.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target)

    def build(self, as_of: str) -> BuildReport:
        """A build for `as_of`."""
        self._run = self.register.begin_run(at(as_of).date() - dt.timedelta(days=1), at(as_of))
        return warehouse.build(self.settings, self.register, self.catalog, self._run)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query on the working file answers."""
        with duckdb.connect(self.settings.work_file, read_only=True) as con:
            con.execute("set timezone = 'Asia/Shanghai'")
            return con.execute(sql).fetchall()

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """The marts and facts that a night changes, in a fixed order."""
        tables = (
            "mart.mart_clock_257", "mart.mart_two_callback_satisfaction",
            "mart.mart_stage_blame", "mart.mart_stage_time", "mart.mart_whistle", "mart.mart_backlog", "mart.mart_due_step",
            "mart.mart_case_volume",
            "mart.mart_callback_agreement", "mart.mart_disagreement_case", "mart.mart_score", "mart.mart_signal", "mart.mart_signal_case",
            "core.fct_case_round", "core.fct_case_step", "core.fct_callback", "core.fct_whistle", "core.fct_suspension",
            "core.fct_case_signal", "core.int_month_scores",
            "mart.mart_patrol", "mart.mart_meeting", "mart.mart_matter", "mart.mart_think_tank", "mart.mart_rotating_lead",
            "core.fct_patrol", "core.fct_patrol_checklist", "core.fct_patrol_finding", "core.fct_snap", "core.fct_dispute",
            "core.fct_meeting", "core.fct_meeting_attendance", "core.fct_publicity_event", "mart.mart_publicity",
            "core.fct_matter", "core.fct_return", "mart.mart_return_completeness",
            "mart.mart_points", "mart.mart_lead", "core.fct_ledger_entry",
            "mart.mart_frequent_problem", "mart.mart_data_completeness", "core.int_open_steps",
        )  # fmt: skip
        return {table: self.rows(f"select * from {table} order by all") for table in tables}
