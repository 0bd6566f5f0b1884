"""The figures of one month as tidy rows, whatever the mart, and the records behind them.

    figures   month, mart, district_code, level, key, grain, metric, value   one row a figure
    records   month, mart, fact, record, row_hash, is_counted, keys         one row a fact row a mart counts in the month

`grain` holds what else is in the mart's grain, as 'step=accept'; `level` and `key` are null where a mart has no levels.
`value` is text: twelve significant digits of a double, so that two builds of the same rows read the same. `keys` lists
'<district_code> level=key' for every level the fact row is attributed to, by its columns or by the mart's word for it: departments
and items are the same in every district.
A third table, `metrics` (mart, metric), says which figures there could be, rows or not; a fourth, `repeated`, holds the figures that
are not among them because another mart counts the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import duckdb

from linli.calendar import next_month

LEVELS = ("district", "community", "compound", "station", "department", "officer", "category", "item", "whistle_level", "channel")
_OWN_COLUMNS = ("district_code", "level", "key")
FIGURE_COLUMNS = ("mart", "district_code", "level", "key", "grain", "metric", "value")
_EMPTY_FIGURES = ", ".join(
    ["cast(null as date) as month", *(f"cast(null as varchar) as {c}" for c in FIGURE_COLUMNS), "cast(null as boolean) as is_repeated"]
)
_EMPTY_RECORDS = (
    "cast(null as date) as month, cast(null as varchar) as mart, cast(null as varchar) as fact, cast(null as varchar) as record,"
    " cast(null as varchar) as row_hash, cast(null as boolean) as is_counted, cast(null as varchar[]) as keys"
)


class FactRows(Protocol):
    """The rows of a fact a mart counts in a month. `keys` has, for a level no column of the fact is named after, an SQL expression of
    the list of its keys; it may read the facts and the reference tables, as core.… and ref.…."""

    @property
    def fact(self) -> str: ...

    @property
    def record(self) -> str: ...

    @property
    def where(self) -> str: ...

    @property
    def keys(self) -> Mapping[str, str]: ...


class Mart(Protocol):
    """A mart by month: its grain without the month, its other columns, the fact rows behind it. A figure in `repeated` only repeats
    another mart's in the rows that the SQL condition names."""

    @property
    def name(self) -> str: ...

    @property
    def grain(self) -> Sequence[str]: ...

    @property
    def figures(self) -> Sequence[str]: ...

    @property
    def behind(self) -> Sequence[FactRows]: ...

    @property
    def repeated(self) -> Mapping[str, str]: ...


def level_column(level: str) -> str:
    """The column of a fact that holds the key of a level."""
    return "officer_no" if level == "officer" else f"{level}_code"


def read_month(con: duckdb.DuckDBPyConnection, work_file: Path, marts: Sequence[Mart], month: dt.date) -> None:
    """Reads `month` out of a built file into the tables `figures`, `repeated`, `records` and `metrics` of `con`."""
    con.execute("set timezone = 'Asia/Shanghai'")
    con.execute(f"attach '{work_file}' as built (read_only)")
    con.execute("use built")
    try:
        # table by table: information_schema first takes in all that DuckDB has itself
        read = [("mart", mart.name) for mart in marts if mart.figures] + [("core", rows.fact) for mart in marts for rows in mart.behind]
        types = {
            (table, column): kind
            for schema, table in dict.fromkeys(read)
            for column, kind, *_ in con.execute(f"describe {schema}.{table}").fetchall()
        }
        figures = [_figures(mart, types, month) for mart in marts if mart.figures]
        records = [_records(mart, rows, types, month) for mart in marts for rows in mart.behind]
        con.execute(f"create temp table everything as {' union all '.join(figures) or f'select {_EMPTY_FIGURES} where false'}")
        for table, which in (("figures", "not is_repeated"), ("repeated", "is_repeated")):
            con.execute(f"create table memory.{table} as select * exclude (is_repeated) from everything where {which}")
        con.execute("create table memory.metrics (mart varchar, metric varchar)")
        con.execute(
            "insert into memory.metrics select unnest($1), unnest($2)",
            [[mart.name for mart in marts for _ in mart.figures], [column for mart in marts for column in mart.figures]],
        )
        con.execute(f"create table memory.records as {' union all '.join(records) or f'select {_EMPTY_RECORDS} where false'}")
    finally:
        con.execute("use memory")
        con.execute("detach built")


def _figures(mart: Mart, types: dict[tuple[str, str], str], month: dt.date) -> str:
    def own(column: str) -> str:
        return f"cast({column} as varchar)" if column in mart.grain else "cast(null as varchar)"

    others = [column for column in mart.grain if column not in _OWN_COLUMNS]
    grain = " || ' ' || ".join(f"'{c}=' || cast({c} as varchar)" for c in others) or "''"
    values = ", ".join(
        f"{{'metric': '{c}', 'value': {_as_text(c, types[mart.name, c])}, 'is_repeated': {mart.repeated.get(c, 'false')}}}"
        for c in mart.figures
    )
    return (
        f"select month, '{mart.name}' as mart, {own('district_code')} as district_code, {own('level')} as level, {own('key')} as key,"
        f" {grain} as grain, unnest([{values}], recursive := true) from mart.{mart.name} where month = {_date(month)}"
    )


def _as_text(column: str, kind: str) -> str:
    return f"printf('%.12g', {column})" if kind == "DOUBLE" else f"cast({column} as varchar)"


def _records(mart: Mart, rows: FactRows, types: dict[tuple[str, str], str], month: dt.date) -> str:
    present = [level for level in LEVELS if (rows.fact, level_column(level)) in types]
    keys = ", ".join(f"district_code || ' {level}=' || {level_column(level)}" for level in present)
    more = [f"list_transform({keys_of}, lambda key: district_code || ' {level}=' || key)" for level, keys_of in rows.keys.items()]
    counted = "is_counted" if (rows.fact, "is_counted") in types else "true"
    where = rows.where.format(month=_date(month), next_month=_date(next_month(month)))
    return (
        f"select {_date(month)} as month, '{mart.name}' as mart, '{rows.fact}' as fact, cast({rows.record} as varchar) as record,"
        f" md5(cast(fact_row as varchar)) as row_hash, {counted} as is_counted, list_concat({', '.join([f'[{keys}]', *more])}) as keys"
        f" from core.{rows.fact} as fact_row where {where}"
    )


def _date(day: dt.date) -> str:
    return f"date '{day.isoformat()}'"
