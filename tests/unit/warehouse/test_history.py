"""What dbt is told of past runs: every record of a feed, days and moments as such, nothing later than the run's own as_of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from linli.contracts import Catalog, Column, Extract, RecordDecl, SourceDecl
from linli.register import Register, SourceStatus
from linli.settings import as_of
from linli.warehouse.history import SCHEMAS, SHOWN, history

DAY = dt.date(2026, 10, 31)


def record(name: str, **extract: str) -> RecordDecl:
    extracted = Extract(endpoint="/v1/walks", **extract)
    return RecordDecl(
        source="app",
        name=name,
        label="事",
        grain="one row a thing",
        key=("no",),
        columns=(Column(name="no", label="号"),),
        extract=extracted,
    )


def test_a_feed_tells_of_all_its_records(tmp_path: Path) -> None:
    source = SourceDecl(name="app", label="应用", transport="rest", records=(record("walks"), record("walkers", explode="walkers")))
    catalog = Catalog(sources={"app": source})
    with Register(tmp_path / "register.sqlite") as register:
        for day in (DAY - SHOWN - dt.timedelta(days=1), DAY, DAY + dt.timedelta(days=1)):
            run = register.begin_run(day, as_of(day))
            register.set_source_status(run, SourceStatus("app", "walks", "loaded", "", as_of(day), 1))
        run = register.begin_run(DAY, as_of(DAY), kind="rebuild")
        told = history(register, catalog, run)
    assert {name: table.schema for name, table in told.items()} == dict(SCHEMAS)
    rows = [(row["day"], row["record"], row["loaded_to"]) for row in told["source_history"].to_pylist()]
    assert rows == [(DAY, "walks", as_of(DAY)), (DAY, "walkers", as_of(DAY))]
    assert [told[name].num_rows for name in ("account_history", "check_history", "quarantine_history")] == [0, 0, 0]
