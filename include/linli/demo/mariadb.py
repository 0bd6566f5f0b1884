"""The points ledger in MariaDB, where a `mariadbd` is installed: a server of the demo's own on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pymysql

from linli.demo.history import Row
from linli.demo.processes import spawn, terminate
from linli.demo.tables import LEDGER_DDL_MARIADB, POINTS_LEDGER, TABLES, index_ddl, values
from linli.failures import Refusal

READER = "linli_reader"
_UNPRIVILEGED = "nobody"
_ROWS_A_STATEMENT = 1000


class MariaFailed(Refusal):
    """MariaDB is not installed or did not start."""


def is_installed() -> bool:
    return bool(shutil.which("mariadbd") and shutil.which("mariadb-install-db"))


class Maria:
    """The server whose data lie in `folder` and that listens on `port`; administered through its socket."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.socket = folder / "server.sock"

    def url(self, password: str) -> str:
        return f"mysql://{READER}:{password}@127.0.0.1:{self.port}/{POINTS_LEDGER}"

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database, charset="utf8mb4")

    def is_up(self) -> bool:
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def start(self) -> int | None:
        """Start the server, setting it up first where there is none; returns its pid, None when it was up."""
        if self.is_up():
            return None
        if not is_installed():
            raise MariaFailed("积分台账要放在 MariaDB，但本机没有安装 mariadbd")
        data = self.folder / "data"
        as_user = [f"--user={_UNPRIVILEGED}"] if os.geteuid() == 0 else []
        if not (data / "mysql").exists():
            data.mkdir(parents=True, exist_ok=True)
            if as_user:
                shutil.chown(self.folder, _UNPRIVILEGED)
                shutil.chown(data, _UNPRIVILEGED)
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *as_user],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={self.socket}", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", *as_user]
        pid = spawn(command, self.folder / "server.log")
        for _ in range(300):
            if self.is_up():
                return pid
            time.sleep(0.1)
        terminate(pid, "mariadbd")
        raise MariaFailed(f"mariadbd 没有启动，详见 {self.folder / 'server.log'}")

    def load(self, tables: dict[str, dict[str, Row]], reader_password: str) -> None:
        """Create the database anew, its read-only user, and fill the tables."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"drop database if exists {POINTS_LEDGER}")
            cursor.execute(f"create database {POINTS_LEDGER} character set utf8mb4")
            cursor.execute(f"use {POINTS_LEDGER}")
            for statement in [*filter(str.strip, LEDGER_DDL_MARIADB.split(";")), *index_ddl(POINTS_LEDGER)]:
                cursor.execute(statement)
            cursor.execute(f"create or replace user {READER}@'127.0.0.1' identified by %s", (reader_password,))
            cursor.execute(f"grant select on {POINTS_LEDGER}.* to {READER}@'127.0.0.1'")
            for table in TABLES[POINTS_LEDGER]:
                _replace(cursor, table, list(tables[f"{POINTS_LEDGER}.{table}"].values()))
            connection.commit()

    def change(self, before: dict[str, dict[str, Row]], after: dict[str, dict[str, Row]]) -> None:
        """Turn the rows of `before` into those of `after` in one transaction."""
        with self.connect(POINTS_LEDGER) as connection, connection.cursor() as cursor:
            for table, columns in TABLES[POINTS_LEDGER].items():
                old, new = before[f"{POINTS_LEDGER}.{table}"], after[f"{POINTS_LEDGER}.{table}"]
                gone = [(old[name][columns[0]],) for name in old.keys() - new.keys()]
                cursor.executemany(f"delete from {table} where {columns[0]} = %s", gone)
                _replace(cursor, table, [row for name, row in new.items() if old.get(name) != row])
            connection.commit()


def _replace(cursor: Any, table: str, rows: list[Row]) -> None:
    columns = TABLES[POINTS_LEDGER][table]
    statement = f"replace into {table} ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})"
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        cursor.executemany(statement, [values(POINTS_LEDGER, table, row) for row in rows[start : start + _ROWS_A_STATEMENT]])
