"""One table of a release into PostgreSQL: DuckDB → Arrow → COPY, with types, descriptions and grants."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
_NULL = "chr(0), '\N{REPLACEMENT CHARACTER}'"
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


def definition(table: Table, schema: str, about: Description) -> list[sql.Composable]:
    """The statements that make `table` in `schema`, empty, with what it means and who may read it. Raises UnknownType."""
    place = sql.Identifier(schema, table.name)
    types = [(name, served_type(table, name, kind)) for name, kind in table.columns]
    columns = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types)
    return [sql.SQL("create table {} ({})").format(place, columns), *_comments(place, schema, table, about), *grants(schema, table)]


def load(session: Session, wire: adbc.AdbcConnection, con: duckdb.DuckDBPyConnection, table: Table, schema: str) -> int:
    """Copies the rows of `table` of the release open in `con` into the empty table of that name in `schema`; returns how many.

    Raises TableTorn, ServingUnavailable, ServingRefused.
    """
    place, types = sql.Identifier(schema, table.name), {name: served_type(table, name, kind) for name, kind in table.columns}
    as_text = {name: expression for name, kind in types.items() if (expression := _as_text(name, kind))}
    chosen = ", ".join(f'{as_text.get(name) or _without_nulls(name, kind)} as "{name}"' for name, kind in types.items())
    _retype(session, place, dict.fromkeys(as_text, "text"))
    _copy(wire, con, f'select {chosen} from "{table.schema}"."{table.name}"', schema, table.name)
    _retype(session, place, {name: types[name] for name in as_text})
    session.execute(sql.SQL("analyze {}").format(place))
    ours = int(con.execute(f'select count(*) from "{table.schema}"."{table.name}"').fetchall()[0][0])
    theirs = session.execute(sql.SQL("select count(*) from {}").format(place)).fetchone()
    if theirs != (ours,):
        raise TableTorn(f"{table.schema}.{table.name}：写入的行数与发布的 {ours} 行不符；没有切换，请重新运行")
    return ours


def _retype(session: Session, place: sql.Identifier, types: Mapping[str, str]) -> None:
    if types:
        changes = [
            sql.SQL("alter column {0} type {1} using {0}::text::{1}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in types.items()
        ]
        session.execute(sql.SQL("alter table {} {}").format(place, sql.SQL(", ").join(changes)))


def _without_nulls(name: str, kind: str) -> str:
    """The DuckDB expression of a column as it is, but for null characters in texts, which PostgreSQL has no place for."""
    return f'replace("{name}", {_NULL})' if kind == "text" else f'"{name}"'


def _as_text(name: str, kind: str) -> str | None:
    """The DuckDB expression of a column that travels as text, None for one that need not. ADBC 1.8 writes ten thousands without a fraction
    in a way the server refuses, and the nulls in a list as empty texts."""
    if kind.startswith("numeric"):
        return f'cast("{name}" as varchar)'
    if kind.endswith("[]"):
        item = f"coalesce('\"' || replace(replace(replace(cast(item as varchar), {_NULL}), '\\', '\\\\'), '\"', '\\\"') || '\"', 'NULL')"
        return f"'{{' || array_to_string(list_transform(\"{name}\", lambda item: {item}), ',') || '}}'"
    return None


def _copy(wire: adbc.AdbcConnection, con: duckdb.DuckDBPyConnection, query: str, schema: str, name: str) -> None:
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
            statement.execute_update()
        finally:
            statement.close()


def _comments(place: sql.Identifier, schema: str, table: Table, about: Description) -> list[sql.Composable]:
    found: list[sql.Composable] = []
    if about.text:
        found.append(sql.SQL("comment on table {} is {}").format(place, sql.Literal(about.text)))
    for name, _ in table.columns:
        if name in about.columns:
            column = sql.Identifier(schema, table.name, name)
            found.append(sql.SQL("comment on column {} is {}").format(column, sql.Literal(about.columns[name])))
    return found
