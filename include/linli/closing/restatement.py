"""What later knowledge makes of a closed month: one row for every figure that would read otherwise today.

A restatement compares the figures as last said (frozen, or as restated since) with the same month computed again for the
same as_of from everything accepted since. Time passing restates nothing: a case that matured after the month's end is the
next month's matter. The frozen folder stays as it is; restatements lie beside it, numbered, and never change either.

cause, one or several joined by '+', from the fact rows behind the figure that differ from those of the last time:
    late_record    a record that was not there
    removed        a record that is gone, or no longer belongs to the month
    excluded       a case that no longer counts (withdrawn, invalid, duplicate), or counts again
    corrected      a record with other contents
    definition     the definitions, reference data, calendar or thresholds have changed
    derived        none of these: the figure follows from those of another month or place
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linli.closing.figures import FIGURE_COLUMNS, Mart, read_month
from linli.closing.frozen import Closing, closed_months, closing_of, folder_of
from linli.durable import whole

COLUMNS = pa.schema(
    [
        ("month", pa.date32()),
        ("restatement_no", pa.int32()),
        *((name, pa.string()) for name in FIGURE_COLUMNS[:-1]),
        ("old_value", pa.string()),
        ("new_value", pa.string()),
        ("cause", pa.string()),
        ("record_count", pa.int64()),
        ("records", pa.list_(pa.string())),
        ("restated_at", pa.timestamp("us", "Asia/Shanghai")),
    ]
)
_MONTHS = pa.schema(
    [
        ("month", pa.date32()),
        ("as_of", pa.timestamp("us", "Asia/Shanghai")),
        ("content_hash", pa.string()),
        ("inputs_hash", pa.string()),
        ("code_version", pa.string()),
        ("figure_count", pa.int64()),
        ("approved_by", pa.string()),
        ("closed_at", pa.timestamp("us", "Asia/Shanghai")),
        ("campaign", pa.string()),
    ]
)
_FIGURES = pa.schema([("month", pa.date32()), *((name, pa.string()) for name in FIGURE_COLUMNS)])

_DEFINITIONS = "definitions.txt"
RECORDS_NAMED = 20
"""records named in one restatement; all are counted"""



def _same(one: str, other: str) -> str:
    return " and ".join(f"{one}.{c} is not distinct from {other}.{c}" for c in FIGURE_COLUMNS[:-1])


_RESTATED = f"""
with said as (
    select mart, district_code, level, key, grain, metric, value from frozen
    where not exists (select 1 from earlier where {_same("earlier", "frozen")})
    union all
    select mart, district_code, level, key, grain, metric, new_value as value from earlier
),

differing as (
    select
        coalesce(said.mart, figures.mart) as mart,
        coalesce(said.district_code, figures.district_code) as district_code,
        coalesce(said.level, figures.level) as level,
        coalesce(said.key, figures.key) as key,
        coalesce(said.grain, figures.grain) as grain,
        coalesce(said.metric, figures.metric) as metric,
        said.value as old_value,
        figures.value as new_value
    from said
    full join figures on
        said.mart = figures.mart
        and said.district_code is not distinct from figures.district_code
        and said.level is not distinct from figures.level
        and said.key is not distinct from figures.key
        and said.grain = figures.grain
        and said.metric = figures.metric
    where said.value is distinct from figures.value
),

changed as (
    select
        coalesce(known_records.mart, records.mart) as mart,
        coalesce(known_records.fact, records.fact) || ' ' || coalesce(known_records.record, records.record) as record,
        case
            when known_records.record is null then 'late_record'
            when records.record is null then 'removed'
            when known_records.is_counted <> records.is_counted then 'excluded'
            else 'corrected'
        end as cause,
        unnest(list_distinct(list_concat(known_records.keys, records.keys))) as level_key
    from known_records
    full join records on
        known_records.mart = records.mart
        and known_records.fact = records.fact
        and known_records.record = records.record
    where known_records.row_hash is distinct from records.row_hash
),

behind as (
    select
        mart,
        level_key,
        string_agg(distinct cause, '+' order by cause) as cause,
        count(distinct record) as record_count,
        list_slice(list_sort(list_distinct(list(record))), 1, {RECORDS_NAMED}) as records
    from changed
    group by mart, level_key
)

select
    cast($month as date) as month,
    cast($number as integer) as restatement_no,
    differing.mart,
    differing.district_code,
    differing.level,
    differing.key,
    differing.grain,
    differing.metric,
    differing.old_value,
    differing.new_value,
    coalesce(
        behind.cause || case when $is_redefined then '+definition' else '' end,
        case when $is_redefined then 'definition' else 'derived' end
    ) as cause,
    coalesce(behind.record_count, 0) as record_count,
    coalesce(behind.records, cast([] as varchar[])) as records,
    cast($restated_at as timestamp with time zone) as restated_at
from differing
inner join known_metrics as known on differing.mart = known.mart and differing.metric = known.metric
anti join repeated on {_same("repeated", "differing")}
left join behind
    on differing.mart = behind.mart
    and differing.district_code || ' '
    || coalesce(differing.level || '=' || differing.key, 'district=' || differing.district_code) = behind.level_key
order by all
"""
_EARLIER = """
select mart, district_code, level, key, grain, metric, new_value
from read_parquet($paths)
qualify row_number() over (partition by mart, district_code, level, key, grain, metric order by restatement_no desc) = 1
"""
_NO_EARLIER = """
select mart, district_code, level, key, grain, metric, value as new_value from frozen where false
"""


@dataclass(frozen=True)
class Restated:
    """What one look at a closed month found: `path` is null when every figure still reads the same."""

    closing: Closing
    number: int
    figures: int
    path: Path | None


def restatements(closed: Path, month: dt.date) -> list[Path]:
    """The restatements of a month, oldest first: folders with `restated.parquet` (COLUMNS), `records.parquet` and the
    fingerprint of the definitions they were computed with."""
    return sorted((closed / "restated").glob(f"{month:%Y-%m}-[0-9]*"))


def restated_since(closed: Path, moment: dt.datetime) -> list[dict[str, Any]]:
    """The rows of all restatements written after `moment`, as COLUMNS has them; by month, as they were said."""
    said = published_tables(closed)["restatement"]
    since = pa.scalar(moment, COLUMNS.field("restated_at").type)
    rows: list[dict[str, Any]] = said.filter(pc.greater(said.column("restated_at"), since)).to_pylist()
    return rows


def published_tables(closed: Path, first: dt.date = dt.date.min, last: dt.date = dt.date.max) -> dict[str, pa.Table]:
    """What is published of the closed months from `first` to `last`: `month` (their accounts), `figure` (as frozen) and `restatement`."""
    closings = [closing for closing in closed_months(closed) if first <= closing.month <= last]
    figures = [folder_of(closed, closing.month) / "figures.parquet" for closing in closings]
    restated = [folder / "restated.parquet" for closing in closings for folder in restatements(closed, closing.month)]
    return {
        "month": pa.Table.from_pylist([{name: getattr(closing, name) for name in _MONTHS.names} for closing in closings], _MONTHS),
        "figure": _together(figures, _FIGURES),
        "restatement": _together(restated, COLUMNS),
    }


def _together(paths: Sequence[Path], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *(_as(pq.read_table(path), schema) for path in paths)])


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Files never change: one written before a column was thought of has null in it."""
    columns = [table.column(f.name).cast(f.type) if f.name in table.schema.names else pa.nulls(table.num_rows, f.type) for f in schema]
    return pa.table(columns, schema=schema)


def restate(
    closed: Path, work_file: Path, marts: Sequence[Mart], month: dt.date, *, definitions: str, restated_at: dt.datetime
) -> Restated:
    """Compares a closed month with `work_file`, which was built for the month's as_of from everything accepted so far.

    Writes the figures that differ as the month's next restatement; said again without a change, it writes nothing.
    Raises NotClosed, and FileExistsError when the same month is restated twice at once.
    """
    closing = closing_of(closed, month)
    frozen = folder_of(closed, month)
    earlier = restatements(closed, month)
    number = len(earlier) + 1
    before = (earlier[-1] / _DEFINITIONS).read_text(encoding="utf-8") if earlier else closing.definitions
    with duckdb.connect() as con:
        read_month(con, work_file, marts, month)
        con.execute(f"create table frozen as from '{frozen / 'figures.parquet'}'")
        con.execute(f"create table known_metrics as from '{frozen / 'metrics.parquet'}'")
        con.execute(f"create table known_records as from '{(earlier[-1] if earlier else frozen) / 'records.parquet'}'")
        if earlier:
            con.execute(f"create table earlier as {_EARLIER}", {"paths": [str(folder / "restated.parquet") for folder in earlier]})
        else:
            con.execute(f"create table earlier as {_NO_EARLIER}")
        given = {"month": month, "number": number, "is_redefined": definitions != before, "restated_at": restated_at}
        con.execute(f"create table restated as {_RESTATED}", given)
        row = con.execute("select count(*) from restated").fetchone()
        count = int(row[0]) if row else 0
        place = closed / "restated" / f"{closing.name}-{number:04d}"
        if count:
            with whole(place) as aside:
                (aside / _DEFINITIONS).write_text(definitions, encoding="utf-8")
                for table in ("restated", "records"):
                    con.execute(f"copy (from {table} order by all) to '{aside / table}.parquet' (compression zstd)")
    return Restated(closing, number, count, place / "restated.parquet" if count else None)
