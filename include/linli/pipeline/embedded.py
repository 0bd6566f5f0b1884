"""The embedded Airflow: one home folder, SQLite, loopback only. Airflow itself runs as its own processes."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from linli.failures import Refusal
from linli.settings import Settings

_MIGRATED = "migrated"
_TASK = re.compile(r"\[DAG TEST\] starting task_id=(\S+)(?: map_index=(\d+))?")


class AirflowFailed(Refusal):
    """An Airflow process ended badly; the message says where its log is."""


def _secret(path: Path) -> str:
    if not path.exists():
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text()


def environment(settings: Settings, given: Mapping[str, str], *, port: int = 8080) -> dict[str, str]:
    """The environment of every embedded Airflow process: `given`, this deployment's folders, and loopback addresses."""
    folder = settings.home / "airflow"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    base = f"http://127.0.0.1:{port}"
    return {
        **given,
        "LINLI_HOME": str(settings.home),
        "LINLI_PROJECT": str(settings.project),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Shanghai",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API__SECRET_KEY": _secret(folder / "api.secret"),
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(folder / "jwt.secret"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def connections(settings: Settings, given: Mapping[str, str]) -> set[str]:
    """What follows `linli_` in the names of the Airflow connections that are given as variables or kept in Airflow's own database."""
    prefix = "AIRFLOW_CONN_LINLI_"
    named = {name.removeprefix(prefix).lower() for name, value in given.items() if name.startswith(prefix) and value}
    folder = settings.home / "airflow"
    if (folder / _MIGRATED).exists():
        with closing(sqlite3.connect(f"{(folder / 'airflow.db').as_uri()}?mode=ro", uri=True)) as database:
            kept = [str(name) for (name,) in database.execute("select conn_id from connection")]
        named |= {name.removeprefix("linli_") for name in kept if name.startswith("linli_")}
    return named


def _airflow(settings: Settings) -> str:
    return str(Path(sys.executable).parent / "airflow")


def _log(settings: Settings, name: str) -> Path:
    folder = settings.home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / name


def log_of(settings: Settings, dag: str, day: str) -> Path:
    """Where `OneRun` writes what Airflow says."""
    return _log(settings, f"airflow-{dag}-{day}.log")


def migrate(settings: Settings, env: Mapping[str, str]) -> None:
    """Creates or upgrades Airflow's own database; quick when that is done already."""
    folder = Path(env["AIRFLOW_HOME"])
    version = importlib.metadata.version("apache-airflow-core")
    marker = folder / _MIGRATED
    if marker.exists() and marker.read_text() == version:
        return
    log = _log(settings, "airflow-migrate.log")
    with log.open("ab") as out:
        done = subprocess.run([_airflow(settings), "db", "migrate"], env=dict(env), stdout=out, stderr=out, check=False)
    if done.returncode:
        raise AirflowFailed(f"Airflow 的数据库没有建成，详见 {log}")
    marker.write_text(version)


class OneRun:
    """A DAG that has Airflow started for it and waits for its run."""

    def __init__(self, settings: Settings, given: Mapping[str, str], dag: str) -> None:
        self._settings, self._dag = settings, dag
        self._env = environment(settings, {**given, "LINLI_RETRY_SECONDS": given.get("LINLI_RETRY_SECONDS", "5")})
        self._starting = ThreadPoolExecutor(1)
        self._started = self._starting.submit(self._start)

    def _start(self) -> subprocess.Popen[str]:
        migrate(self._settings, self._env)
        return subprocess.Popen(
            [sys.executable, str(self._settings.project / "dags" / "one_run.py"), self._dag],
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, conf: Mapping[str, Any], progress: Callable[[str], None], *, given: Mapping[str, str] | None = None) -> None:
        """Runs the DAG to its end with its real tasks; `log_of` holds what Airflow says. `progress` is told each task as it starts;
        `given` is what the environment has besides since Airflow was started. Raises AirflowFailed when the DAG run failed."""
        progress("Airflow 启动")
        process = self._started.result()
        log = log_of(self._settings, self._dag, conf.get("day", "manual"))
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError), process.stdin as orders:
            orders.write(json.dumps({"environment": dict(given or {}), "conf": dict(conf)}) + "\n")
        with log.open("w", encoding="utf-8") as out:
            for line in process.stdout:
                out.write(line)
                if found := _TASK.search(line):
                    progress(found[1] + (f"[{found[2]}]" if found[2] else ""))
        if process.wait():
            raise AirflowFailed(f"Airflow 运行 {self._dag} 失败，详见 {log}")

    def __enter__(self) -> OneRun:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends an Airflow that was not told to run, and one whose run is given up: a night cut off like any other, which the next run
        supersedes."""
        self._starting.shutdown()
        if self._started.exception() is None and self._started.result().poll() is None:
            self._started.result().kill()
            self._started.result().wait()


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def serve(settings: Settings, given: Mapping[str, str], *, port: int, ready: Callable[[str, Path], None]) -> None:
    """Airflow's UI and scheduler on loopback until interrupted. `ready` is told the address and the file with the password.

    Raises AirflowFailed when a process dies or the port is taken.
    """
    if not _free(port):
        raise AirflowFailed(f"本机端口 {port} 已被占用，请用 --port 另选一个")
    env = environment(settings, given, port=port)
    migrate(settings, env)
    base = f"http://127.0.0.1:{port}"
    processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str, *arguments: str) -> None:
        with _log(settings, f"airflow-{name}.log").open("ab") as out:
            processes[name] = subprocess.Popen(
                [_airflow(settings), name, *arguments], env=env, stdout=out, stderr=out, start_new_session=True
            )

    def check() -> None:
        for name, process in processes.items():
            if process.poll() is not None:
                raise AirflowFailed(f"airflow {name} 已退出，详见 {_log(settings, f'airflow-{name}.log')}")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        start("api-server")
        until = time.monotonic() + 180
        while not _answers(f"{base}/api/v2/version"):
            check()
            if time.monotonic() > until:
                raise AirflowFailed(f"Airflow 界面没有启动，详见 {_log(settings, 'airflow-api-server.log')}")
            time.sleep(0.5)
        start("scheduler", "--skip-serve-logs")
        start("dag-processor")
        ready(base, settings.home / "airflow" / "simple_auth_manager_passwords.json.generated")
        while True:
            check()
            time.sleep(2)
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, previous)
        for process in processes.values():
            if process.poll() is None:
                process.terminate()
        for process in processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
