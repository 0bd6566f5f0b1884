"""The demo home: one folder with the four systems in it, started, moved on in time and stopped from here.

It holds invented personal data and therefore never lies inside Linli's own home. `state.json` (mode 600) remembers seed,
scale, day, ports, pids and passwords; a lock file keeps two commands from changing it at once.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from linli.demo import patrol_server
from linli.demo.books import Books
from linli.demo.mariadb import Maria
from linli.demo.meetings import Drop
from linli.demo.patrol_server import ENDPOINTS
from linli.demo.postgres import Postgres
from linli.demo.processes import free_port, is_running, spawn, terminate
from linli.demo.reference import write_reference
from linli.demo.returns import files
from linli.demo.tables import CASE_SYSTEM, POINTS_LEDGER
from linli.demo.world import World, check_reach, world
from linli.failures import Refusal
from linli.locks import locked

DEFAULT_UNTIL = date(2026, 10, 31)
DEFAULT_FAULT_RATE = 0.02
_SERVER_SCRIPT = Path(patrol_server.__file__)
_STARTING_SECONDS = 15
Environment = dict[str, str]


class DemoError(Refusal):
    """The demo cannot do what it is asked to; the message says what to do instead."""


@dataclass
class _State:
    seed: int
    scale: int
    until: str
    ledger: str
    postgres_port: int
    admin_password: str
    reader_password: str
    maria_port: int
    maria_pid: int
    patrol_port: int
    patrol_pid: int
    patrol_token: str
    fault_rate: float
    is_loaded: bool = False


@dataclass(frozen=True)
class DemoStatus:
    """Which world the demo home holds, up to which day, and which systems are up."""

    home: Path
    seed: int
    scale: int
    until: date
    is_loaded: bool
    running: dict[str, bool]


def up(home: Path, *, seed: int | None = None, scale: int | None = None, until: date | None = None) -> Environment:
    """Start what is not running and load what is not loaded; returns the environment of the pipeline.

    A demo that exists keeps its seed, scale and day; a later `until` moves it on, another seed or scale is a DemoError.
    LINLI_DEMO_LEDGER=mariadb puts the ledger of a new demo into MariaDB, LINLI_DEMO_FAULT_RATE sets the patrol app's.
    """
    with locked(home / ".lock"):
        state = _read_state(home)
        if state is None:
            state = _new_state(seed or 1, scale or 1, until or DEFAULT_UNTIL)
        elif (seed or state.seed, scale or state.scale) != (state.seed, state.scale):
            raise DemoError(f"{home} 的示范区种子为 {state.seed}、规模为 {state.scale}；要换，请先 linli demo down 并删除该文件夹")
        check_reach(state.scale, max(until or date.min, date.fromisoformat(state.until)))
        _write_state(home, state)
        if not state.is_loaded:
            _load(home, state)
        _start_patrol_app(home, state)
        _start_databases(home, state)
        _write_state(home, state)
        if until and until > date.fromisoformat(state.until):
            _move(home, state, until)
        return _environment(home, state)


def tick(home: Path, days: int = 1) -> date:
    """Let the demo live on for some days: every system is changed to what it holds then. Returns the new day."""
    if days < 1:
        raise DemoError("示范区至少往后过一天")
    with locked(home / ".lock"):
        state = _existing(home)
        _start_patrol_app(home, state)
        _start_databases(home, state)
        _move(home, state, date.fromisoformat(state.until) + timedelta(days=days))
        return date.fromisoformat(state.until)


def status(home: Path) -> DemoStatus:
    """What the demo home holds and what is running; DemoError when there is none."""
    state = _existing(home)
    running = {"case_system": _postgres(home, state).is_up(), "patrol_app": _is_serving(state)}
    running["points_ledger"] = _maria(home, state).is_up() if state.ledger == "mariadb" else running["case_system"]
    running["meeting_returns"] = _inbox(home).is_dir()
    return DemoStatus(home, state.seed, state.scale, date.fromisoformat(state.until), state.is_loaded, running)


def down(home: Path) -> None:
    """Stop the servers; the data stay for the next `up`."""
    if not home.exists():
        return
    with locked(home / ".lock"):
        state = _read_state(home)
        if state is None:
            return
        terminate(state.patrol_pid, _SERVER_SCRIPT.name)
        _postgres(home, state).stop()
        if state.maria_pid:
            terminate(state.maria_pid, "mariadbd")


def books(home: Path) -> Books:
    """The books at the end of the demo's day."""
    _existing(home)
    return Books.from_json((home / "books.json").read_text(encoding="utf-8"))


def environment(home: Path) -> Environment:
    """The settings with which the pipeline finds the demo's systems; empty when there is no demo."""
    state = _read_state(home)
    if state is None or not state.is_loaded:
        return {}
    if not (home / "clock").exists():
        _write(home / "clock", state.until.encode())
    return _environment(home, state)


def _environment(home: Path, state: _State) -> Environment:
    postgres = _postgres(home, state)
    in_maria = state.ledger == "mariadb"
    found = {
        "LINLI_DEMO": "1",
        "LINLI_CASE_SYSTEM_URL": postgres.url(CASE_SYSTEM, state.reader_password),
        "LINLI_PATROL_APP_URL": f"http://127.0.0.1:{state.patrol_port}",
        "LINLI_PATROL_APP_TOKEN": state.patrol_token,
        "LINLI_MEETING_INBOX": str(_inbox(home)),
        "LINLI_CLOCK": str(home / "clock"),
        "LINLI_POINTS_LEDGER_URL": _maria(home, state).url(state.reader_password)
        if in_maria
        else postgres.url(POINTS_LEDGER, state.reader_password),
    }
    if state.scale > 1:
        # The seeds of the project describe one district only.
        found["LINLI_REFERENCE"] = str(home / "reference")
    return found


def _new_state(seed: int, scale: int, until: date) -> _State:
    ledger = os.environ.get("LINLI_DEMO_LEDGER", "postgresql")
    if ledger not in ("postgresql", "mariadb"):
        raise DemoError("LINLI_DEMO_LEDGER 应为 postgresql 或 mariadb")
    rate = float(os.environ.get("LINLI_DEMO_FAULT_RATE", DEFAULT_FAULT_RATE))
    return _State(
        seed=seed,
        scale=scale,
        until=until.isoformat(),
        ledger=ledger,
        postgres_port=free_port(),
        admin_password=secrets.token_urlsafe(18),
        reader_password=secrets.token_urlsafe(18),
        maria_port=free_port() if ledger == "mariadb" else 0,
        maria_pid=0,
        patrol_port=free_port(),
        patrol_pid=0,
        patrol_token=secrets.token_urlsafe(18),
        fault_rate=rate,
    )


def _load(home: Path, state: _State) -> None:
    """Write the whole world into the four systems; what an interrupted attempt left is replaced."""
    with ThreadPoolExecutor(1) as background:
        started = background.submit(_start_databases, home, state)
        now = world(state.seed, state.scale, date.fromisoformat(state.until))
        if state.scale > 1:
            write_reference(home / "reference", state.scale)
        _write_patrol_app(home, now)
        shutil.rmtree(_inbox(home), ignore_errors=True)
        _drop_files(home, now.drops)
        started.result()
    in_postgres = state.ledger == "postgresql"
    _postgres(home, state).load(now.tables, state.reader_password, with_ledger=in_postgres)
    if not in_postgres:
        _maria(home, state).load(now.tables, state.reader_password)
    _write(home / "books.json", now.books.to_json().encode())
    state.is_loaded = True
    _write_state(home, state)


def _move(home: Path, state: _State, until: date) -> None:
    before = world(state.seed, state.scale, date.fromisoformat(state.until))
    after = world(state.seed, state.scale, until)
    in_postgres = state.ledger == "postgresql"
    _postgres(home, state).change(before.tables, after.tables, with_ledger=in_postgres)
    if not in_postgres:
        _maria(home, state).change(before.tables, after.tables)
    _write_patrol_app(home, after)
    _drop_files(home, after.drops[len(before.drops) :])
    _write(home / "books.json", after.books.to_json().encode())
    state.until = until.isoformat()
    _write_state(home, state)


def _start_databases(home: Path, state: _State) -> None:
    _postgres(home, state).start()
    if state.ledger == "mariadb":
        state.maria_pid = _maria(home, state).start() or state.maria_pid


def _start_patrol_app(home: Path, state: _State) -> None:
    folder = home / "patrol_app"
    if state.patrol_pid and is_running(state.patrol_pid, _SERVER_SCRIPT.name):
        return
    settings = {"port": state.patrol_port, "token": state.patrol_token, "seed": state.seed, "fault_rate": state.fault_rate}
    _write(folder / "server.json", json.dumps(settings).encode())
    # As a script, for a quick start: the server needs nothing of the package.
    state.patrol_pid = spawn([sys.executable, "-P", str(_SERVER_SCRIPT), str(folder)], folder / "server.log")
    end = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < end:
        if _is_serving(state):
            return
        time.sleep(0.05)
    raise DemoError(f"巡查应用没有启动，详见 {folder / 'server.log'}")


def _is_serving(state: _State) -> bool:
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(f"http://127.0.0.1:{state.patrol_port}/"), timeout=2):
            return True
    except OSError as error:
        return getattr(error, "code", None) == 404


def _write_patrol_app(home: Path, now: World) -> None:
    """One JSON-lines file an endpoint, oldest updated_at first."""
    for path, key in ENDPOINTS.items():
        name = path.rsplit("/", 1)[1]
        rows = sorted(now.tables[f"patrol_app.{name}"].values(), key=lambda row: (row["updated_at"], row[key]))
        lines = [json.dumps(row, ensure_ascii=False, default=datetime.isoformat) for row in rows]
        _write(home / "patrol_app" / f"{name}.jsonl", "\n".join(lines).encode())


def _drop_files(home: Path, drops: list[Drop]) -> None:
    """Put uploads into the inbox, dated when they were dropped."""
    inbox = _inbox(home)
    inbox.mkdir(parents=True, exist_ok=True)
    for drop in drops:
        for name, content in files(drop):
            upload = home / ".upload"
            upload.write_bytes(content)
            os.utime(upload, (drop.dropped_at.timestamp(),) * 2)
            upload.replace(inbox / name)


def _inbox(home: Path) -> Path:
    return home / "inbox"


def _postgres(home: Path, state: _State) -> Postgres:
    return Postgres(home / "postgres", state.postgres_port, state.admin_password)


def _maria(home: Path, state: _State) -> Maria:
    return Maria(home / "mariadb", state.maria_port)


def _existing(home: Path) -> _State:
    state = _read_state(home)
    if state is None:
        raise DemoError(f"{home} 还没有示范区，请先运行 linli demo up")
    return state


def _read_state(home: Path) -> _State | None:
    path = home / "state.json"
    return _State(**json.loads(path.read_text())) if path.exists() else None


def _write_state(home: Path, state: _State) -> None:
    _write(home / "clock", state.until.encode())
    _write(home / "state.json", json.dumps(asdict(state)).encode())


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    aside.touch(mode=0o600)
    aside.write_bytes(content)
    aside.replace(path)
