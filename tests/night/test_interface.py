"""`linli ui` for real: Airflow's interface and scheduler on loopback, what it keeps as connections, and its end."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import psutil
import pytest

from linli.pipeline import embedded
from linli.settings import Settings

PATIENCE = 120.0


class Interface:
    """`linli ui` as a process of its own, with a home of its own and no demo."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.home, self._said = folder / "home", folder / "said"
        own = {"LINLI_HOME": str(self.home), "LINLI_DEMO_HOME": str(folder / "demo"), "TMPDIR": str(folder)}
        foreign = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nobody@127.0.0.1:1/another"}
        with self._said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "linli.cli", "ui", "--port", str(self.port)],
                env={**os.environ, **own, **foreign},
                stdout=out,
                stderr=out,
            )
        self._token = ""

    def said(self) -> str:
        return self._said.read_text(encoding="utf-8")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answers; with a body, to a POST."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})
        data = None if body is None else json.dumps(body).encode()
        opener = build_opener(ProxyHandler({}))
        with opener.open(Request(f"http://127.0.0.1:{self.port}{path}", data, headers), timeout=10) as answer:
            return json.load(answer)

    def log_in(self) -> None:
        passwords = self.home / "airflow" / "simple_auth_manager_passwords.json.generated"
        given = {"username": "admin", "password": json.loads(passwords.read_text())["admin"]}
        self._token = self.ask("/auth/token", given)["access_token"]

    def wait_for(self, what: Any) -> Any:
        """What `what` gives as soon as it gives something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, self.said()
            try:
                if found := what():
                    return found
            except URLError:
                pass
            time.sleep(0.2)
        raise AssertionError(self.said())

    def processes(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    started = Interface(tmp_path_factory.mktemp("interface"))
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.terminate()
            started.process.wait(60)


def test_it_answers_and_says_where(interface: Interface) -> None:
    version = interface.wait_for(lambda: interface.ask("/api/v2/version"))
    assert version["version"] == importlib.metadata.version("apache-airflow-core")
    interface.wait_for(lambda: f"Airflow：http://127.0.0.1:{interface.port}" in interface.said())
    assert (interface.home / "airflow" / "airflow.db").exists()


def test_nobody_gets_in_without_the_password(interface: Interface) -> None:
    with pytest.raises(URLError, match="401"):
        interface.ask("/api/v2/dags")
    interface.log_in()


def test_the_dags_are_listed(interface: Interface) -> None:
    def listed() -> list[str]:
        found = sorted(dag["dag_id"] for dag in interface.ask("/api/v2/dags")["dags"])
        return found if len(found) >= 5 else []

    assert interface.wait_for(listed) == ["monthly_review", "nightly", "reconcile", "watch_clock", "watch_quality"]
    assert interface.ask("/api/v2/importErrors")["import_errors"] == []


def test_it_listens_on_loopback_only(interface: Interface) -> None:
    listening = {
        connection.laddr
        for process in interface.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert interface.port in {address.port for address in listening}


def test_a_connection_made_in_it_counts_as_a_source(interface: Interface) -> None:
    settings = Settings.load({"LINLI_HOME": str(interface.home)})
    assert embedded.connections(settings, {}) == set()
    made = {"connection_id": "linli_patrol_app", "conn_type": "generic", "host": "https://patrol.example.gov.cn", "password": "tok"}
    interface.ask("/api/v2/connections", made)
    assert embedded.connections(settings, {}) == {"patrol_app"}


def test_it_ends_with_all_its_processes(interface: Interface) -> None:
    processes = interface.processes()
    assert len(processes) > 3
    os.kill(interface.process.pid, signal.SIGTERM)
    assert interface.process.wait(60) == 0, interface.said()
    assert psutil.wait_procs(processes, timeout=10)[1] == []
