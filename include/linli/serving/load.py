"""One table of a release into PostgreSQL: DuckDB → Arrow → COPY, with types, descriptions and grants."""

from __future__ import annotations

import re

import adbc_driver_manager as adbc
import duckdb
from psycopg import sql

from linli.serving.access import Table, grants
from linli.serving.database import ServingRefused, Session, told
from linli.serving.descriptions import Description

_ROWS_AT_ONCE = 50_000
_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double precision",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "VARCHAR": "text",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


class UnknownType(ServingRefused):
    """A column of the release has a type that is not known here: an error of ours, not of the deployment."""


class TableTorn(ServingRefused):
    """The database holds another number of rows than the release."""


def served_type(table: Table, column: str, kind: str) -> str:
    """The PostgreSQL type that holds a DuckDB type without loss. Raises UnknownType."""
    if decimal := _DECIMAL.fullmatch(kind):
        return f"numeric({decimal[1]},{decimal[2]})"
    found = _TYPES.get(kind.removesuffix("[]"))
    if found is None:
        raise UnknownType(f"{table.schema}.{table.name} 的 {column} 是 {kind}，还不能发布到 PostgreSQL：请升级邻里或报告这个问题")
    return found + kind[len(kind.removesuffix("[]")) :]


def load(session: Session, wire: adbc.AdbcConnection, con: duckdb.DuckDBPyConnection, table: Table, schema: str, about: Description) -> int:
    """Copies `table` of the release open in `con` into a new table of the same name in `schema`, for nobody to read yet but the roles
    it is opened to; returns its rows. Raises UnknownType, TableTorn, ServingUnavailable, ServingRefused."""
    place = sql.Identifier(schema, table.name)
    types = {name: served_type(table, name, kind) for name, kind in table.columns}
    # ADBC writes some decimals in a way the server refuses (ten thousands without a fraction): they travel as text
    decimals = {name: kind for name, kind in types.items() if kind.startswith("numeric")}
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL("text" if name in decimals else kind)) for name, kind in types.items()]
    session.execute(sql.SQL("create table {} ({})").format(place, sql.SQL(", ").join(columns)))
    chosen = ", ".join(f'cast("{name}" as varchar) as "{name}"' if name in decimals else f'"{name}"' for name in types)
    rows = _copy(wire, con, f'select {chosen} from "{table.schema}"."{table.name}"', schema, table.name)
    if decimals:
        changes = [
            sql.SQL("alter column {0} type {1} using {0}::{1}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in decimals.items()
        ]
        session.execute(sql.SQL("alter table {} {}").format(place, sql.SQL(", ").join(changes)))
    session.execute(sql.SQL("; ").join([*_comments(place, schema, table, about), *grants(schema, table)]))
    session.execute(sql.SQL("analyze {}").format(place))
    ours, theirs = _count(con, table), session.execute(sql.SQL("select count(*) from {}").format(place)).fetchone()
    if theirs != (ours,):
        raise TableTorn(f"{table.schema}.{table.name}：写入 {rows} 行，应为 {ours} 行；没有切换，请重新运行")
    return ours


def _copy(wire: adbc.AdbcConnection, con: duckdb.DuckDBPyConnection, query: str, schema: str, name: str) -> int:
    with told():
        statement = adbc.AdbcStatement(wire)
        try:
            statement.set_options(
                **{
                    adbc.StatementOptions.INGEST_TARGET_TABLE.value: name,
                    adbc.StatementOptions.INGEST_TARGET_DB_SCHEMA.value: schema,
                    adbc.StatementOptions.INGEST_MODE.value: adbc.INGEST_OPTION_MODE_APPEND,
                }
            )
            statement.bind_stream(con.sql(query).to_arrow_reader(_ROWS_AT_ONCE))
            return int(statement.execute_update())
        finally:
            statement.close()


def _count(con: duckdb.DuckDBPyConnection, table: Table) -> int:
    return int(con.execute(f'select count(*) from "{table.schema}"."{table.name}"').fetchall()[0][0])


def _comments(place: sql.Identifier, schema: str, table: Table, about: Description) -> list[sql.Composable]:
    found: list[sql.Composable] = []
    if about.text:
        found.append(sql.SQL("comment on table {} is {}").format(place, sql.Literal(about.text)))
    for name, _ in table.columns:
        if name in about.columns:
            column = sql.Identifier(schema, table.name, name)
            found.append(sql.SQL("comment on column {} is {}").format(column, sql.Literal(about.columns[name])))
    return found
