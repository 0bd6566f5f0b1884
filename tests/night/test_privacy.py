"""Two hundred marked people through two nights full of failures: nowhere under the home folder is anything of theirs to be found.

The first night runs without Airflow and fails in dbt, the second through Airflow. On the way a source breaks off half-way, another breaks
its contract, rows and cells are bad, files are unreadable, and the gate stops a batch.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli.pipeline import embedded
from linli.pipeline.embedded import AirflowFailed
from linli.register import Register
from linli.settings import Settings
from night import marked, search
from night.systems import PASSWORD, TOKEN, Systems

DAY = "2026-10-27"


@dataclass
class Nights:
    """What is left of the nights: the home, and every word said on the way."""

    settings: Settings
    said: list[str]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    folder = tmp_path_factory.mktemp("privacy")
    umask = os.umask(0o077)  # as the command line sets it
    systems = Systems(folder)
    try:
        marked.settle(systems)
        env = {**systems.env, "LINLI_HOME": str(folder / "home"), "LINLI_KEY_RING": str(folder / "safe" / "ring.json")}
        said: list[str] = []

        def linli(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
            done = subprocess.run(
                [sys.executable, "-m", "linli.cli", *arguments], env=env | more, capture_output=True, text=True, check=False
            )
            said.extend((done.stdout, done.stderr))
            return done

        systems.execute("case_system", "alter table whistles drop column level")
        systems.api.faults["/v1/disputes"] = "cut"
        broken = folder / "reference"
        shutil.copytree(Settings.load(env).reference, broken)
        officers = broken / "officers.csv"
        lines = officers.read_text(encoding="utf-8").splitlines(keepends=True)
        officers.write_text("".join([*lines, lines[1]]), encoding="utf-8")
        assert linli("night", "--day", DAY, LINLI_REFERENCE=str(broken)).returncode == 1, "dbt was to fail"
        systems.api.faults.clear()
        settings = Settings.load(env)
        with embedded.OneRun(settings, env, "nightly") as airflow, pytest.raises(AirflowFailed) as failed:
            airflow.run({"day": DAY}, said.append)  # the broken contract fails the run, after it has published
        said.append(str(failed.value))
        linli("status")
        linli("quarantine", "list", "--limit", "1000")
        for record, key in (("case_system.cases", marked.case_no(marked.PERSONS[0])), ("case_system.callbacks", "2")):
            linli("quarantine", "show", record, key)
        linli("sql", "select * from main.published_at")
        yield Nights(settings, said)
    finally:
        systems.close()
        os.umask(umask)


def batches_of(nights: Nights, record: str) -> list[str]:
    with Register(nights.settings.register_path) as register:
        return [str(nights.settings.home / batch.path) for batch in register.batches(record=record)]


def test_everybody_came_through_and_everything_went_wrong(nights: Nights) -> None:
    """Without this the search below would find nothing because nothing was there."""
    with duckdb.connect() as con:
        people, named = con.execute(
            "select count(distinct reporter_phone),"
            " count(*) filter (where contains(description, '[姓名]') and contains(description, '[证件号]'))"
            " from read_parquet(?) where reporter_phone like 'p1\\_%' escape '\\'",
            [batches_of(nights, "cases")],
        ).fetchone() or (0, 0)
        raw = con.execute("select count(*) from read_parquet(?) where _raw is not null", [batches_of(nights, "matters")]).fetchone()
    assert people == marked.PEOPLE and named >= marked.PEOPLE
    assert raw and raw[0] > 50
    with Register(nights.settings.register_path) as register:
        quarantined = {entry.record for entry in register.quarantine()}
        stopped = {account["record"] for account in register.accounts() if account["stopped"]}
        states = [row["state"] for row in register.runs()]
        published = register.publications()
        runs = [register.run(row["run_id"]) for row in register.runs()]
        failed = {status.feed for run in runs for status in register.source_statuses(run) if status.state == "failed"}
    assert {"cases", "case_steps", "consultations", "residents", "disputes", "matters", "meetings", "returns"} <= quarantined
    assert "callbacks" in stopped
    assert failed == {"whistles", "disputes"}
    assert states == ["degraded", "failed"] and len(published) == 1


def test_nothing_of_anybody_is_under_the_home(nights: Nights) -> None:
    assert search.hits(nights.settings.home) == []


def test_nothing_of_anybody_was_said(nights: Nights) -> None:
    lines = [line for text in nights.said for line in text.splitlines()]
    assert len(lines) > 100
    assert sum(map(search.in_text, lines)) == 0
    airflow = nights.settings.home / "airflow"
    assert list(airflow.rglob("*.db")), "Airflow's database is where it is searched"


def test_no_secret_is_under_the_home(nights: Nights) -> None:
    places = [path for path in nights.settings.home.rglob("*") if path.is_file()]
    for secret in (PASSWORD.encode(), TOKEN.encode(), *(bytes(key, "ascii") for key in ring_keys(nights.settings.key_ring))):
        assert [path.name for path in places if secret in path.read_bytes()] == []


def ring_keys(ring: Path) -> list[str]:
    return list(json.loads(ring.read_text())["keys"].values())


def test_nobody_else_may_read(nights: Nights) -> None:
    settings = nights.settings
    own = [settings.home, *settings.lake.rglob("*"), *settings.verdicts.rglob("*"), *settings.warehouse.rglob("*"), settings.register_path,
        *(settings.home / "logs").rglob("*")]  # fmt: skip
    modes = {path.name: path.stat().st_mode & 0o777 for path in [*own, settings.key_ring] if not path.is_symlink()}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


@pytest.mark.parametrize("spelling", ["19947050007", "199-4705 0007", "１９９４７０５０００７", "340421 1980 0229 0070", "欧阳㐀", "㐂巷"])
def test_the_search_finds(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "a.log").write_text(f"nothing\nsomething {spelling}\n", encoding="utf-8")
    pq.write_table(pa.table({"a": ["x", f"说 {spelling}"]}), tmp_path / "b.parquet", compression="zstd")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as con:
        con.execute("create table t as select ? as v from range(3000)", [f"说 {spelling}"])
    with Register(tmp_path / "d.sqlite") as register:
        register.files.add("sha", "meeting_returns", spelling, "run", "complete")
    found = {place.split(" ")[0] for place in search.hits(tmp_path)}
    assert {"a.log", "b.parquet", "c.duckdb"} <= found and found & {"d.sqlite", "d.sqlite-wal"}
