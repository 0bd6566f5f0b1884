"""The demo's systems for real: started, read as the pipeline would read them, moved on a day, stopped and started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import psycopg
import pyarrow as pa
import pytest

from linli import demo
from linli.contracts import load
from linli.demo import mariadb
from linli.demo.history import Row
from linli.demo.tables import TABLES, values
from linli.demo.world import World, world
from linli.settings import SHANGHAI, Settings
from linli.sources import Window, open_source
from linli.sources.mysql import MysqlSource
from linli.sources.postgres import PostgresSource

WITH_MARIADB = pytest.mark.skipif(not mariadb.is_installed(), reason="mariadbd is not installed: the ledger is read in PostgreSQL only")
EVERYTHING = Window(None, datetime(2027, 1, 1, tzinfo=UTC))
ACCOUNT = {"meetings": 43, "matters_solved": 96, "on_scene": 132, "problems_handled": 167, "complaints_change": -0.2}
ACCOUNT |= {"disputes_defused": 110, "publicity_events": 400, "lead_residents": 114, "snap_reports": 2500}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LINLI_DEMO_FAULT_RATE", "0")
    place = tmp_path / "demo"
    yield place
    demo.down(place)


def _ledger(env: dict[str, str], now: World) -> dict[str, str]:
    """Reads the ledger as the pipeline does: whole, by its keys, some rows again. Returns the hash of every row of both tables."""
    settings = Settings.load(env)
    declaration = load(settings.project / "expectations").sources["points_ledger"]
    source = open_source(declaration, settings)
    assert isinstance(source, MysqlSource if env["LINLI_POINTS_LEDGER_URL"].startswith("mysql") else PostgresSource)
    hashes = {}
    for feed in declaration.feeds:
        key, cursor = feed.root.key[0], str(feed.root.extract.cursor)
        expected = {row[key]: _kept(feed.name, row) for row in now.tables[f"points_ledger.{feed.name}"].values()}
        (rows,) = [r.tables[feed.name].read_all().to_pylist() for r in source.readings(feed, EVERYTHING, seen=lambda _: False)]
        assert {row[key]: row for row in rows} == expected and len(rows) == len(expected)
        with source.keys(feed) as reading:
            keys = reading.tables[feed.name].read_all().to_pylist()
        assert {row[key]: row[cursor] for row in keys} == {name: row[cursor] for name, row in expected.items()}
        some = pa.table({key: sorted(expected)[:7]}, pa.schema([feed.root.declared_schema().field(key)]))
        with source.fetch_keys(feed, some) as reading:
            assert all(row == expected[row[key]] for row in reading.tables[feed.name].read_all().to_pylist())
        with source.row_hashes(feed, "salt") as reading:
            hashes |= {f"{feed.name} {row[key]}": row["row_hash"] for row in reading.tables[feed.name].read_all().to_pylist()}
    return hashes


def _kept(table: str, row: Row) -> Row:
    """The row as it is read again: moments to the millisecond, in Shanghai."""
    kept = zip(TABLES["points_ledger"][table], values("points_ledger", table, row), strict=True)
    return {name: value.replace(tzinfo=SHANGHAI) if isinstance(value, datetime) else value for name, value in kept}


def _changed(before: World, after: World) -> set[str]:
    """Rows of the ledger that are new or read otherwise."""
    tables = {table: (before.tables[f"points_ledger.{table}"], after.tables[f"points_ledger.{table}"]) for table in TABLES["points_ledger"]}
    return {f"{table} {key}" for table, (old, new) in tables.items() for key, row in new.items() if old.get(key) != row}


def _items(env: dict[str, str], endpoint: str) -> dict[str, str]:
    opener, found, cursor = build_opener(ProxyHandler({})), {}, ""
    while cursor is not None:
        url = f"{env['LINLI_PATROL_APP_URL']}/v1/{endpoint}?page_size=500" + (f"&cursor={cursor}" if cursor else "")
        with opener.open(Request(url, headers={"Authorization": f"Bearer {env['LINLI_PATROL_APP_TOKEN']}"}), timeout=10) as answer:
            page = json.load(answer)
        found |= {item[f"{endpoint[:-1]}_id"]: item["updated_at"] for item in page["items"]}
        cursor = page["next_cursor"]
    return found


def _holds(env: dict[str, str], until: date) -> dict[str, str]:
    """Every system holds exactly the world of that day; returns the hashes of the ledger's rows."""
    now = world(3, 1, until)
    with psycopg.connect(env["LINLI_CASE_SYSTEM_URL"]) as connection:
        counts = {table: connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in TABLES["case_system"]}
    assert counts == {table: len(now.tables[f"case_system.{table}"]) for table in TABLES["case_system"]}
    for endpoint in ("patrols", "snaps", "disputes"):
        rows = now.tables[f"patrol_app.{endpoint}"]
        assert _items(env, endpoint) == {key: row["updated_at"].isoformat() for key, row in rows.items()}
    inbox = list(Path(env["LINLI_MEETING_INBOX"]).iterdir())
    assert len(inbox) == now.books.file_count
    assert max(path.stat().st_mtime for path in inbox) == pytest.approx(now.drops[-1].dropped_at.timestamp())
    return _ledger(env, now)


@pytest.mark.parametrize("ledger", ["postgresql", pytest.param("mariadb", marks=WITH_MARIADB)])
def test_a_demo_lives(home: Path, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_DEMO_LEDGER", ledger)
    assert demo.environment(home) == {}
    env = demo.up(home, seed=3, until=date(2026, 9, 29))
    hashes = _holds(env, date(2026, 9, 29))
    assert demo.up(home) == env == demo.environment(home)
    assert all(demo.status(home).running.values())
    with pytest.raises(demo.DemoError):
        demo.up(home, seed=4)

    assert demo.tick(home, 2) == date(2026, 10, 1)
    later = _holds(env, date(2026, 10, 1))
    changed = _changed(world(3, 1, date(2026, 9, 29)), world(3, 1, date(2026, 10, 1)))
    assert {row for row in later if later[row] != hashes.get(row)} == changed
    assert demo.books(home) == world(3, 1, date(2026, 10, 1)).books

    demo.down(home)
    running = demo.status(home).running
    assert not running["case_system"] and not running["patrol_app"] and not running["points_ledger"]
    assert demo.up(home) == env
    assert _holds(env, date(2026, 10, 1)) == later


def test_changed_rows_are_written_as_they_are(home: Path) -> None:
    env = demo.up(home, seed=3, until=date(2026, 9, 29))
    demo.tick(home, 3)
    cases = world(3, 1, date(2026, 10, 2)).tables["case_system.cases"]
    with psycopg.connect(env["LINLI_CASE_SYSTEM_URL"]) as connection:
        columns = ", ".join(TABLES["case_system"]["cases"])
        for row in connection.execute(f"select {columns} from cases").fetchall():
            found = dict(zip(TABLES["case_system"]["cases"], row, strict=True))
            assert found == cases[found["case_no"]]


def test_the_pipelines_account_may_only_read(home: Path) -> None:
    env = demo.up(home, seed=3, until=date(2025, 1, 31))
    with psycopg.connect(env["LINLI_CASE_SYSTEM_URL"]) as connection:
        assert connection.execute("show statement_timeout").fetchall() == [("2min",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from cases")
    with (
        psycopg.connect(env["LINLI_CASE_SYSTEM_URL"], options="-c default_transaction_read_only=off") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("delete from cases")


def test_two_districts_bring_their_reference_data(home: Path) -> None:
    env = demo.up(home, seed=3, scale=2, until=date(2026, 10, 31))
    assert (Path(env["LINLI_REFERENCE"]) / "districts.csv").read_text(encoding="utf-8").count("\n") == 3
    books = demo.books(home)
    for figures in books.account_by_district.values():
        assert {name: figures[name] for name in ACCOUNT} == ACCOUNT
    assert books.account["meetings"] == 86
    one = world(3, 1, date(2026, 10, 31)).tables["case_system.cases"]
    assert one.items() <= world(3, 2, date(2026, 10, 31)).tables["case_system.cases"].items()


@pytest.mark.parametrize("seed", range(2, 8))
def test_every_seed_adds_up(seed: int) -> None:
    account = world(seed, 1, date(2026, 10, 31)).books.account
    assert {name: account[name] for name in ACCOUNT} == ACCOUNT
    assert account["volunteer_person_times_a_month"] > 180


def test_the_same_seed_gives_the_same_world_in_another_process() -> None:
    import subprocess
    import sys

    script = (
        "from datetime import date; from hashlib import sha256; from linli.demo.world import world\n"
        "now = world(2, 1, date(2026, 10, 31))\n"
        "print(sha256(repr(sorted((n, sorted(r.items())) for n, r in now.tables.items())).encode()).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed}).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
