"""An Airflow connection gives a source the settings that its variables would, however it is written; a variable goes before it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CASES, PATROL, INBOX, LEDGER = "case_system", "patrol_app", "meeting_returns", "points_ledger"
ADDRESS = "https://patrol.example.gov.cn/api"

# Airflow reads the connections itself; what a task then has for settings is printed, one answer a table row.
PROBE = """
import json, logging, os, sys
logging.disable(logging.CRITICAL)
sys.path.insert(0, "dags")
from deployment import settings
from linli.settings import SettingsError
for source, env in json.load(sys.stdin):
    os.environ.update(env)
    try:
        found = settings()
        print(json.dumps([found.connection(source), found.tokens.get(source)]))
    except SettingsError as error:
        print(json.dumps([str(error), None]))
    for name in env:
        del os.environ[name]
"""


class Row(NamedTuple):
    source: str
    connection: str | dict[str, Any]
    address: str | None
    token: str | None = None
    env: dict[str, str] | None = None


ROWS = {
    "postgresql": Row(CASES, "postgresql://reader:word@db:5433/cases", "postgresql://reader:word@db:5433/cases"),
    "postgres": Row(CASES, "postgres://reader:word@db/cases", "postgresql://reader:word@db/cases"),
    "a password of signs": Row(CASES, "postgres://reader:p%40%3A%2Fw@db/cases", "postgresql://reader:p%40%3A%2Fw@db/cases"),
    "a user without password": Row(CASES, "postgres://reader@db/cases", "postgresql://reader@db/cases"),
    "an address of IPv6": Row(CASES, "postgres://reader:word@[::1]:5432/cases", "postgresql://reader:word@[::1]:5432/cases"),
    "a socket": Row(CASES, "postgres://reader:word@%2Frun%2Fpg/cases", "postgresql://reader:word@%2Frun%2Fpg/cases"),
    "options that are numbers": Row(
        CASES,
        "postgres://reader:word@db/cases?connect_timeout=10&sslmode=require",
        "postgresql://reader:word@db/cases?connect_timeout=10&sslmode=require",
    ),
    "postgres by fields": Row(
        CASES,
        {
            "conn_type": "postgres", "host": "db", "port": 5433, "login": "reader", "password": "p@w", "schema": "cases",
            "extra": {"connect_timeout": 10},
        },
        "postgresql://reader:p%40w@db:5433/cases?connect_timeout=10",
    ),
    "generic with a database's address": Row(
        CASES, "generic://postgresql://reader:word@db:5433/cases?sslmode=require", "postgresql://reader:word@db:5433/cases?sslmode=require"
    ),
    "generic with the address for a host": Row(
        CASES,
        {"conn_type": "generic", "host": "postgresql://db:5433/cases?sslmode=require", "login": "reader", "password": "word"},
        "postgresql://reader:word@db:5433/cases?sslmode=require",
    ),
    "mysql": Row(LEDGER, "mysql://reader:word@db:3307/ledger", "mysql://reader:word@db:3307/ledger"),
    "mysql by fields": Row(
        LEDGER,
        {"conn_type": "mysql", "host": "db", "login": "reader", "password": "word", "schema": "ledger"},
        "mysql://reader:word@db/ledger",
    ),
    "a ledger in postgresql": Row(LEDGER, "postgresql://reader:word@db/ledger", "postgresql://reader:word@db/ledger"),
    "http with a host": Row(PATROL, {"conn_type": "http", "host": "patrol", "password": "tok"}, "http://patrol", "tok"),
    "http with a host and a port": Row(
        PATROL, {"conn_type": "http", "host": "patrol", "port": 8080, "password": "tok"}, "http://patrol:8080", "tok"
    ),
    "http with its protocol": Row(
        PATROL, {"conn_type": "http", "host": "patrol", "schema": "https", "port": 8443, "password": "tok"}, "https://patrol:8443", "tok"
    ),
    "http with an address for a host": Row(PATROL, {"conn_type": "http", "host": ADDRESS, "password": "tok"}, ADDRESS, "tok"),
    "http with address, protocol and port": Row(
        PATROL,
        {"conn_type": "http", "host": "https://patrol/api/", "schema": "https", "port": 8443, "password": "tok"},
        "https://patrol:8443/api",
        "tok",
    ),
    "http with a host and a path": Row(
        PATROL, {"conn_type": "http", "host": "patrol/api", "port": 8080, "password": "tok"}, "http://patrol:8080/api", "tok"
    ),
    "http as a URI with a path": Row(PATROL, "http://:tok@patrol:8080/api/v2", "http://patrol:8080/api/v2", "tok"),
    "http as Airflow writes https": Row(PATROL, "http://:tok@patrol:8443/https", "https://patrol:8443", "tok"),
    "http with two protocols": Row(PATROL, "http://https://:tok@patrol:8443/api", "https://patrol:8443/api", "tok"),
    "https": Row(PATROL, "https://:tok@patrol.example.gov.cn/api", ADDRESS, "tok"),
    "generic with an API's address": Row(PATROL, {"conn_type": "generic", "host": ADDRESS, "password": "tok"}, ADDRESS, "tok"),
    "no token": Row(PATROL, ADDRESS, ADDRESS),
    "a token, its address in the environment": Row(PATROL, "http://:tok@", ADDRESS, "tok", {"LINLI_PATROL_APP_URL": ADDRESS}),
    "an address, its token in the environment": Row(PATROL, ADDRESS, ADDRESS, "own", {"LINLI_PATROL_APP_TOKEN": "own"}),
    "a token beside the environment's": Row(PATROL, "https://:tok@patrol", "https://patrol", "own", {"LINLI_PATROL_APP_TOKEN": "own"}),
    "an address beside the environment's": Row(PATROL, "https://:tok@elsewhere", ADDRESS, "tok", {"LINLI_PATROL_APP_URL": ADDRESS}),
    "both in the environment": Row(
        PATROL, "https://:tok@elsewhere", ADDRESS, "own", {"LINLI_PATROL_APP_URL": ADDRESS, "LINLI_PATROL_APP_TOKEN": "own"}
    ),
    "a database in the environment": Row(
        CASES, "postgres://reader:word@elsewhere/cases", "postgresql://db/cases", None, {"LINLI_CASE_SYSTEM_URL": "postgresql://db/cases"}
    ),
    "left empty in the environment": Row(
        PATROL, "https://:tok@patrol", "https://patrol", "tok", {"LINLI_PATROL_APP_URL": "", "LINLI_PATROL_APP_TOKEN": ""}
    ),
    "fs": Row(INBOX, {"conn_type": "fs", "extra": {"path": "/srv/inbox"}}, "/srv/inbox"),
    "fs as a URI with the path": Row(INBOX, "fs:///srv/in%20box", "/srv/in box"),
    "fs as a URI with an option": Row(INBOX, "fs://?path=%2Fsrv%2Finbox", "/srv/inbox"),
    "generic with a folder": Row(INBOX, {"conn_type": "generic", "host": "/srv/inbox"}, "/srv/inbox"),
    "generic as a URI": Row(INBOX, "generic:///srv/inbox", "/srv/inbox"),
    "file as a URI": Row(INBOX, "file:///srv/inbox", "/srv/inbox"),
    "a path alone": Row(INBOX, "/srv/inbox", "/srv/inbox"),
    "a folder in the environment": Row(INBOX, "fs:///elsewhere", "/srv/inbox", None, {"LINLI_MEETING_INBOX": "/srv/inbox"}),
    "a URI Airflow cannot read": Row(
        CASES, "postgres://reader:word@db:port/cases", "AIRFLOW_CONN_LINLI_CASE_SYSTEM：Airflow 读不懂这个连接，应为 URI 或 JSON"
    ),
    "nothing": Row(INBOX, "", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    asked = []
    for row in ROWS.values():
        written = row.connection if isinstance(row.connection, str) else json.dumps(row.connection)
        asked.append((row.source, {f"AIRFLOW_CONN_LINLI_{row.source.upper()}": written, **(row.env or {})}))
    env = {"PATH": "", "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=PROJECT, env=env, input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return dict(zip(ROWS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", ROWS)
def test_a_connection_says_what_the_variables_would(answers: dict[str, Any], name: str) -> None:
    assert answers[name] == [ROWS[name].address, ROWS[name].token]
