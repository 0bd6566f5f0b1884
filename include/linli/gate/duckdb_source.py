"""DuckDB as a Great Expectations data source, over one connection that is already open.

GX 1.24.1 with duckdb-engine fails on every expectation: its engine closes the connection before the rows are fetched.
Here the answers are fetched whole (they are counts) and the connection is borrowed, never opened or closed.
Importing this module imports Great Expectations (seconds): only `linli.gate.judge` does, inside its functions.
"""

from __future__ import annotations

import builtins
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Literal

import duckdb
import sqlalchemy as sa
from great_expectations.datasource.fluent.config_str import ConfigStr
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy import pool
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine.reflection import Inspector

_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "BIGINT": sa.BigInteger,
    "INTEGER": sa.Integer,
    "SMALLINT": sa.SmallInteger,
    "BOOLEAN": sa.Boolean,
    "VARCHAR": sa.String,
    "DATE": sa.Date,
    "TIMESTAMP WITH TIME ZONE": sa.DateTime,
}
_ERRORS = (
    "Error",
    "DatabaseError",
    "DataError",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
)
ADDRESS = "linliduckdb:///lent"
_lent: list[duckdb.DuckDBPyConnection] = []


@contextmanager
def lend(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Let GX read through `connection` inside the block; gives the connection string of the `DuckDBDatasource`.

    One data source serves any number of connections lent one after the other.
    """
    _lent.append(connection)
    try:
        yield ADDRESS
    finally:
        _lent.pop()


class _Cursor:
    """The part of a DB-API cursor SQLAlchemy uses, with the whole answer in memory."""

    arraysize = 1
    rowcount = -1
    lastrowid = None

    def __init__(self) -> None:
        self._rows: list[Any] = []
        self.description: Any = None

    def execute(self, query: str, parameters: Any = None) -> None:
        answer = _lent[-1].execute(query, parameters) if parameters else _lent[-1].execute(query)
        self.description = answer.description
        self._rows = answer.fetchall()

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        self._rows = []


class _Borrowed:
    """A DB-API connection to whatever is lent: GX only reads, so there is nothing to commit or to close."""

    def cursor(self) -> _Cursor:
        return _Cursor()

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class DuckDBDialect(PGDialect):
    """PostgreSQL's SQL, which DuckDB speaks, over a borrowed connection; reflection reads information_schema."""

    name = "duckdb"
    driver = "linliduckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_server_side_cursors = False
    inspector = Inspector  # type: ignore[assignment]

    @classmethod
    def import_dbapi(cls) -> Any:
        errors = {name: getattr(duckdb, name, duckdb.Error) for name in _ERRORS}
        return SimpleNamespace(paramstyle="qmark", apilevel="2.0", Warning=Warning, **errors)

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[pool.Pool]:
        return pool.StaticPool

    def create_connect_args(self, url: sa.URL) -> Any:
        return (), {}

    def connect(self, *_: Any, **__: Any) -> Any:
        return _Borrowed()

    def initialize(self, connection: Any) -> None:
        self.default_schema_name = "main"

    def on_connect(self) -> None:
        return None

    def do_ping(self, dbapi_connection: Any) -> bool:
        return True

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return "AUTOCOMMIT"

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        return "AUTOCOMMIT"

    def reset_isolation_level(self, dbapi_conn: Any) -> None: ...

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> bool:
        return bool(self.get_columns(connection, table_name, schema, missing_ok=True))

    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        return ["main"]

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, missing_ok: bool = False, **_: Any) -> Any:
        # information_schema looks at every table of the gate, once for every question asked of it
        query = sa.text("select name, type, not \"notnull\" from pragma_table_info(:name) order by cid")
        try:
            rows = connection.execute(query, {"name": f'"{schema or "main"}"."{table_name}"'}).all()
        except (sa.exc.DBAPIError, duckdb.CatalogException):
            rows = []
        if not rows and not missing_ok:
            raise sa.exc.NoSuchTableError(table_name)
        return [
            {
                "name": name,
                "type": _TYPES.get(kind, sa.String)(),
                "nullable": nullable,
                "default": None,
                "autoincrement": False,
                "comment": None,
            }
            for name, kind, nullable in rows
        ]

    def get_multi_columns(
        self, connection: Any, schema: Any = None, filter_names: Any = None, scope: Any = None, kind: Any = None, **_: Any
    ) -> Any:
        return {(schema, name): self.get_columns(connection, name, schema) for name in filter_names or ()}.items()

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        return {"constrained_columns": [], "name": None}

    def get_multi_pk_constraint(
        self, connection: Any, schema: Any = None, filter_names: Any = None, scope: Any = None, kind: Any = None, **_: Any
    ) -> Any:
        return {(schema, name): {"constrained_columns": [], "name": None} for name in filter_names or ()}.items()


sa.dialects.registry.register("linliduckdb", __name__, "DuckDBDialect")


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """GX's SQL engine keeping one connection open from query to fetch.

    A regular expression is asked with PostgreSQL's `~`, which in DuckDB is true when the *whole* value matches.
    """

    _connection: sa.Connection | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dialect_module = SimpleNamespace(dialect=sa.dialects.postgresql.dialect)

    @contextmanager
    def get_connection(self) -> Generator[sa.Connection, None, None]:
        if self._connection is None or self._connection.closed:
            self._connection = self.engine.connect()
        yield self._connection


class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]
    """The fluent data source `add_or_update_duckdb` of a GX context."""

    # GX names the data source after the default of this field.
    type: Literal["duckdb"] = "duckdb"
    connection_string: ConfigStr | str

    @property
    def execution_engine_type(self) -> builtins.type[SqlAlchemyExecutionEngine]:
        return DuckDBExecutionEngine
