"""A lake of given rows for gate scenarios: plain dicts become immutable batch files and registered batches."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linli.contracts import Catalog, RecordDecl, load
from linli.demo.reference import write_reference
from linli.register import Batch, Register, Run
from linli.settings import SHANGHAI, Settings, as_of

PROJECT = Path(__file__).resolve().parents[3]
AS_OF = as_of(dt.date(2026, 10, 31))
Row = dict[str, Any]


def _value(kind: pa.DataType, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if pa.types.is_timestamp(kind):
        return dt.datetime.fromisoformat(value)
    if pa.types.is_date(kind):
        return dt.date.fromisoformat(value)
    return value


@dataclass
class Lake:
    """One home folder with a register; `land` adds batches, numbered so that later ones are newer."""

    settings: Settings
    register: Register
    catalog: Catalog
    run: Run
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def at(cls, home: Path, **changes: Any) -> Lake:
        reference = home / "reference"
        write_reference(reference, scale=2)
        settings = Settings(home=home, project=PROJECT, reference=reference, key_ring=home / "ring.json", **changes)
        register = Register(settings.register_path)
        run = register.begin_run(AS_OF.date() - dt.timedelta(days=1), AS_OF)
        return cls(settings, register, load(PROJECT / "expectations"), run)

    def next_run(self) -> None:
        self.run = self.register.begin_run(self.run.day, self.run.as_of)

    def land(self, full_name: str, rows: Sequence[Row], *, kind: str = "window", columns: Sequence[str] | None = None) -> Batch:
        """Lands `rows` as one batch; META keys in a row override what is filled in; `columns` leaves others out of the file."""
        record, number = self.catalog.record(full_name), next(self.numbers)
        snapshot_at = dt.datetime(2026, 11, 1, 2, tzinfo=SHANGHAI) + dt.timedelta(seconds=number)
        batch_id = f"{record.table}-{number:04d}"
        path = self.settings.lake / record.source / record.name / f"{kind}-{batch_id}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = self._table(record, batch_id, snapshot_at, rows)
        pq.write_table(table if columns is None else table.select(columns), path)
        batch = Batch(
            batch_id, record.source, record.name, kind, str(path.relative_to(self.settings.home)), len(rows),
            AS_OF - dt.timedelta(days=4), AS_OF, snapshot_at, self.run.run_id,
        )  # fmt: skip
        self.register.add_batches([batch])
        return batch

    @staticmethod
    def _table(record: RecordDecl, batch_id: str, snapshot_at: dt.datetime, rows: Sequence[Row]) -> pa.Table:
        schema = record.landing_schema()
        unknown = {key for row in rows for key in row} - set(schema.names)
        assert not unknown, f"{record.full_name} has no columns {sorted(unknown)}"
        meta = {"_batch_id": batch_id, "_snapshot_at": snapshot_at, "_deleted": False}
        full = [{"_row_no": n, **meta, **row} for n, row in enumerate(rows)]
        return pa.table([pa.array([_value(f.type, row.get(f.name)) for row in full], f.type) for f in schema], schema=schema)

    def listed(self, batch: Batch, n: int = 1) -> dict[int, tuple[str, list[str]]]:
        """row number -> (verdict, rules) as the n-th verdict file about a batch lists them."""
        path = self.settings.verdicts / batch.source / batch.record / f"{batch.batch_id}.{n}.parquet"
        return {row["row_no"]: (row["verdict"], row["rules"]) for row in pq.read_table(path).to_pylist()}

    def account(self, batch: Batch) -> tuple[int, int, int, int]:
        """accepted, quarantined, held, duplicates of a batch."""
        verdict = self.register.latest_verdict(batch.batch_id)
        assert verdict is not None
        assert verdict.landed == verdict.accepted + verdict.quarantined + verdict.held + verdict.duplicates
        return verdict.accepted, verdict.quarantined, verdict.held, verdict.duplicates
