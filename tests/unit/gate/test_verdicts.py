"""Verdict files appear whole, replace what a killed gate left, and leave nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from linli.gate.verdicts import SCHEMA, write_verdict


def table(rules: list[str]) -> pa.Table:
    row = {"_batch_id": "b", "row_no": 0, "verdict": "quarantined", "rules": rules, "readings": [None], "key": "k"}
    return pa.Table.from_pylist([row], schema=SCHEMA)


def test_written_whole_and_over_an_orphan(tmp_path: Path) -> None:
    path = tmp_path / "case_system" / "cases" / "b.1.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    write_verdict(table(["x"]), path)
    assert pq.read_table(path).to_pylist()[0]["rules"] == ["x"]
    assert [file.name for file in path.parent.iterdir()] == ["b.1.parquet"]
