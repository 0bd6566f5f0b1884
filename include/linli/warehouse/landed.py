"""The schema `landing` of the working file: what dbt reads. One view a record over the accepted rows of some verdicts,
and the small tables of the build itself.

    landing.<source>__<record>   declared columns, then META; accepted rows only
    landing.run, landing.calendar, landing.touched_months, landing.<…>_history   as documented in models/staging/_linli.yml
    landing.tests_asked (test, found)   what the build's generic tests have found, written by dbt
    landing.built (verdict_id)   the verdicts the marts hold
    landing.finished (as_of, fingerprint)   the last finished build; no row in a file whose first is under way
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from linli.contracts import ARROW_TYPES, SQL_TYPES, RecordDecl
from linli.register import Batch, Run, Verdict
from linli.settings import Settings

_SQL_TYPE = {arrow: SQL_TYPES[name] for name, arrow in ARROW_TYPES.items()}

_TABLES = """
create schema if not exists landing;
create table if not exists landing.built (verdict_id varchar primary key);
create table if not exists landing.finished (as_of timestamp with time zone not null, fingerprint varchar not null);
create table if not exists landing.tests_asked (test varchar not null, found bigint not null);
create table if not exists landing.touched_months (mart varchar not null, month date not null);
create table if not exists landing.touched_cases (case_no varchar not null);
create table if not exists landing.touched_residents (resident_no varchar not null);
create table if not exists landing.touched_returns (community_code varchar not null, month_on date not null);
"""


@dataclass(frozen=True)
class Finished:
    """The last finished build: what it was built for, from which definitions, and the verdicts it holds. `begun_as_of` is that of the
    last build begun, finished or not: rows of up to then may lie in the file."""

    as_of: dt.datetime
    begun_as_of: dt.datetime
    fingerprint: str
    verdicts: frozenset[str]


@dataclass(frozen=True)
class Accepted:
    """A verdict to take in, with its batch."""

    verdict: Verdict
    batch: Batch


def finished(con: duckdb.DuckDBPyConnection) -> Finished | None:
    """The last finished build of this working file, or None."""
    con.execute(_TABLES)
    row = con.execute("select as_of, fingerprint from landing.finished").fetchone()
    if row is None:
        return None
    ((begun_as_of,),) = con.execute("select as_of from landing.run").fetchall()
    verdicts = con.execute("select verdict_id from landing.built").fetchall()
    return Finished(row[0], begun_as_of, row[1], frozenset(verdict_id for (verdict_id,) in verdicts))


def prepare(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    records: Iterable[RecordDecl],
    accepted: Sequence[Accepted],
    run: Run,
    previous_as_of: dt.datetime | None,
    calendar: pa.Table,
    history: Mapping[str, pa.Table],
) -> None:
    """Sets up everything dbt reads for one build, in one transaction."""
    con.execute(_TABLES)
    con.execute("begin")
    con.execute("delete from landing.tests_asked")
    con.execute(
        "create or replace table landing.run as select ? as run_id, cast(? as timestamp with time zone) as as_of,"
        " cast(? as timestamp with time zone) as previous_as_of, cast(? as integer) as satisfied_min_score,"
        " cast(? as integer) as small_sample_n",
        [run.run_id, run.as_of, previous_as_of, settings.satisfied_min_score, settings.small_sample_n],
    )
    con.register("calendar_rows", calendar)
    con.execute("create or replace table landing.calendar as select * from calendar_rows order by calendar_on")
    con.unregister("calendar_rows")
    for name, rows in history.items():
        con.register("history_rows", rows)
        con.execute(f"create or replace table landing.{name} as select * from history_rows")
        con.unregister("history_rows")
    for record in records:
        of_record = [a for a in accepted if a.batch.full_name == record.full_name]
        con.execute(f"create or replace view landing.{record.table} as {_accepted_rows(con, settings.home, record, of_record)}")
    con.execute("commit")


def tests_asked(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows each generic test of the last build has found."""
    return dict(con.execute("select test, found from landing.tests_asked").fetchall())


def note_finished(con: duckdb.DuckDBPyConnection, run: Run, fingerprint: str, accepted: Sequence[Accepted]) -> None:
    """Notes a build as finished, in one transaction: from now on its verdicts are not taken in again."""
    con.execute("begin")
    for remembered in ("touched_months", "touched_cases", "touched_residents", "touched_returns"):
        con.execute(f"delete from landing.{remembered}")
    con.execute("delete from landing.finished")
    con.execute("insert into landing.finished values (?, ?)", [run.as_of, fingerprint])
    con.execute(
        "insert or ignore into landing.built select unnest(cast(? as varchar[]))",
        [[a.verdict.verdict_id for a in accepted]],
    )
    con.execute("commit")


def _accepted_rows(con: duckdb.DuckDBPyConnection, home: Path, record: RecordDecl, accepted: Sequence[Accepted]) -> str:
    """A select of the rows these verdicts accept: a first verdict lists what it does not, a later one what it releases."""
    types = {field.name: _SQL_TYPE[field.type] for field in record.landing_schema()}
    first = [a for a in accepted if a.verdict.n == 1 and a.verdict.accepted]
    later = [a for a in accepted if a.verdict.n > 1 and a.verdict.path]
    parts = []
    if first:
        exceptions = [home / a.verdict.path for a in first if a.verdict.path]
        parts.append(_rows_of(con, types, [home / a.batch.path for a in first], "not exists", exceptions, "true"))
    if later:
        released = [home / a.verdict.path for a in later if a.verdict.path]
        batches = sorted({home / a.batch.path for a in later})
        parts.append(_rows_of(con, types, batches, "exists", released, "listed.verdict = 'released'"))
    if not parts:
        columns = ", ".join(f"cast(null as {kind}) as {_name(column)}" for column, kind in types.items())
        return f"select {columns} where false"
    return " union all ".join(parts)


def _rows_of(
    con: duckdb.DuckDBPyConnection, types: dict[str, str], batches: list[Path], listed: str, verdicts: list[Path], which: str
) -> str:
    # A column declared after a batch landed is missing from its file: it is null there.
    present = {row[0] for row in con.execute(f"describe select * from {_parquet(batches)}").fetchall()}
    columns = ", ".join(
        f"cast({'landed.' + _name(column) if column in present else 'null'} as {kind}) as {_name(column)}" for column, kind in types.items()
    )
    rows = f"select {columns} from {_parquet(batches)} as landed"
    if not verdicts:
        return rows
    return (
        f"{rows} where {listed} (select 1 from {_parquet(verdicts)} as listed"
        f" where listed._batch_id = landed._batch_id and listed.row_no = landed._row_no and {which})"
    )


def _parquet(paths: list[Path]) -> str:
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{names}], union_by_name = true)"


def _name(column: str) -> str:
    return f'"{column}"'
