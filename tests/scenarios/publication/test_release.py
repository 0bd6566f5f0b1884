"""Publication: audited, fenced, atomic, three kept, readable and nothing else."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from linli.publication import OLDEST_CLIENT, AuditFailed, NothingPublished, ask, content_hash, open_published, publish, release
from linli.register import Register, Run, SupersededRun
from linli.settings import Settings, as_of

DAY = dt.date(2026, 10, 31)
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path / "home")})


@pytest.fixture
def register(settings: Settings) -> Register:
    return Register(settings.register_path)


def _work(settings: Settings, run: Run, *, on_time: int = 3, late: int = 1, due: int = 4, reverse: bool = False) -> None:
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    settings.work_file.unlink(missing_ok=True)
    con = duckdb.connect(str(settings.work_file))
    con.execute("set TimeZone='Asia/Shanghai'")
    for schema in ("landing", "core", "mart", "ref", "people", "service"):
        con.execute(f"create schema {schema}")
    con.execute("create table landing.run (as_of timestamptz)")
    con.execute("insert into landing.run values (?)", [run.as_of])
    con.execute("create table ref.departments as select 'fire' as department_code")
    con.execute("create table core.dim_compound as select 'C' as compound_code")
    con.execute("create table core.fct_case_step as select 'private' as case_no")
    con.execute("create table people.dim_resident as select 'private' as resident_no")
    con.execute("create table service.mart_data_service as select ? as run_count", [run.token])
    con.execute(
        "create table mart.mart_clock_257 (month date, district_code varchar, level varchar, key varchar, step varchar, due_count bigint,"
        " on_time_count bigint, late_count bigint, overdue_count bigint, open_count bigint, on_time_rate double)"
    )
    levels = ["district", "department"]
    for level in reversed(levels) if reverse else levels:
        con.execute(
            "insert into mart.mart_clock_257 values ('2026-10-01', '340405', ?, 'k', 'accept', ?, ?, ?, 0, 0, 0.75)",
            [level, due, on_time, late],
        )
    con.execute(
        "create table mart.mart_two_callback_satisfaction as select date '2026-10-01' as month, '340405' as district_code,"
        " 'district' as level, '340405' as key, 2 as eligible_count, 1 as matured_count, 1 as pending_count, 1 as double_called_count,"
        " 1 as double_satisfied_count"
    )
    con.close()


def _published(settings: Settings, register: Register, **rows: int | bool) -> str:
    run = register.begin_run(DAY, as_of(DAY))
    _work(settings, run, **rows)  # type: ignore[arg-type]
    return publish(settings, register, run, code_version="test", closed={}).content_hash


def test_nothing_published_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(NothingPublished, match="linli night"):
        open_published(settings)


def test_marts_and_reference_are_published_and_facts_are_not(settings: Settings, register: Register) -> None:
    _published(settings, register)
    con = open_published(settings)
    names = {r[0] for r in con.execute("select table_name from information_schema.tables").fetchall()}
    assert {"mart_clock_257", "departments", "dim_compound", "published_at", "data_account", "mart_data_service"} <= names
    assert not names & {"fct_case_step", "dim_resident"}
    named = con.execute("select name from column_names where mart = 'mart_clock_257' and column_name = 'due_count'").fetchall()
    assert named == [("到期环节数",)]
    assert con.execute("select distinct mart from column_names where mart = 'mart_data_service'").fetchall() == [("mart_data_service",)]
    with pytest.raises(duckdb.Error):
        con.execute("create table mart.x as select 1")
    with pytest.raises(duckdb.Error):
        con.execute("select * from read_csv('/etc/hostname')")
    with pytest.raises(duckdb.Error):
        con.execute("set enable_external_access=true")


def test_equal_figures_have_equal_hashes_and_others_do_not(settings: Settings, register: Register) -> None:
    first = _published(settings, register)
    assert _published(settings, register, reverse=True) == first
    assert content_hash(settings.published) == first
    assert _published(settings, register, on_time=2, late=2) != first


def test_a_wrong_sum_is_not_published(settings: Settings, register: Register) -> None:
    _published(settings, register)
    before = settings.published.resolve()
    run = register.begin_run(DAY, as_of(DAY))
    _work(settings, run, due=5)
    with pytest.raises(AuditFailed, match="clock_adds_up"):
        publish(settings, register, run, code_version="test", closed={})
    assert settings.published.resolve() == before


def told(settings: Settings, where: str = "true") -> list[tuple[object, ...]]:
    return ask(settings, f"select rule, state, detail from data_audit where {where} order by asked_at, rule")


def test_a_release_tells_every_rule_its_audit_asked(settings: Settings, register: Register) -> None:
    _published(settings, register)
    rules = ["clock_adds_up", "levels_add_up", "marts_present", "no_row_lost", "not_emptied", "one_as_of", "release_whole"]
    assert told(settings) == [(rule, "passed", "") for rule in [*rules, "satisfaction_adds_up"]]


def test_a_night_that_was_refused_is_told_of_by_the_next_release(settings: Settings, register: Register) -> None:
    """Once, however often it was asked; and no longer than runs are shown."""
    refused = register.begin_run(DAY, as_of(DAY))
    _work(settings, refused, due=5)
    for _ in range(2):
        with pytest.raises(AuditFailed):
            publish(settings, register, refused, code_version="test", closed={})
    run = register.begin_run(DAY + dt.timedelta(days=400), as_of(DAY + dt.timedelta(days=400)))
    _work(settings, run)
    publish(settings, register, run, code_version="test", closed={})
    of_refused = f"run_id = '{refused.run_id}'"
    assert told(settings, f"{of_refused} and state = 'broken'") == [
        ("clock_adds_up", "broken", "2 行的按期、超期、超期未办、未到期之和不等于到期数")
    ]
    assert len(told(settings, of_refused)) == 7
    assert ask(settings, f"select distinct day, kind, stage from data_audit where {of_refused}") == [(DAY, "night", "audit")]
    later = register.begin_run(DAY + dt.timedelta(days=401), as_of(DAY + dt.timedelta(days=401)))
    _work(settings, later)
    publish(settings, register, later, code_version="test", closed={})
    assert told(settings, of_refused) == []


def test_a_release_that_is_not_whole_is_told_of(settings: Settings, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    write = release._write

    def torn(*given: Any) -> release.Parts:
        parts = write(*given)
        return {month: replace(part, rows=part.rows + 1) for month, part in parts.items()}

    with monkeypatch.context() as patched:
        patched.setattr(release, "_write", torn)
        with pytest.raises(AuditFailed, match="release_whole"):
            _published(settings, register)
    _published(settings, register)
    assert [row[:2] for row in told(settings, "rule = 'release_whole'")] == [("release_whole", "broken"), ("release_whole", "passed")]


def test_a_generation_of_another_day_is_not_published(settings: Settings, register: Register) -> None:
    run = register.begin_run(DAY, as_of(DAY))
    _work(settings, run)
    later = register.begin_run(DAY + dt.timedelta(days=1), as_of(DAY + dt.timedelta(days=1)))
    with pytest.raises(AuditFailed, match="one_as_of"):
        publish(settings, register, later, code_version="test", closed={})


def test_a_superseded_run_may_not_publish(settings: Settings, register: Register) -> None:
    old = register.begin_run(DAY, as_of(DAY))
    _work(settings, old)
    register.begin_run(DAY, as_of(DAY))
    with pytest.raises(SupersededRun):
        publish(settings, register, old, code_version="test", closed={})
    assert not settings.published.exists()


def test_three_releases_are_kept(settings: Settings, register: Register) -> None:
    for _ in range(5):
        _published(settings, register)
    assert len(list(settings.releases.glob("linli-*.duckdb"))) == 3
    assert settings.published.resolve() in list(settings.releases.glob("linli-*.duckdb"))


def storage(path: Path) -> tuple[str, int]:
    """The oldest DuckDB that can read the file, as this one tells it, and the version of the format in the file's own header."""
    with duckdb.connect() as con:
        con.execute(f"attach '{path}' as release (read_only)")
        [(said,)] = con.execute("select tags['storage_version'] from duckdb_databases() where database_name = 'release'").fetchall()
    header = path.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    return str(said), int.from_bytes(header[12:20], "little")


def test_the_oldest_client_can_read_every_release(settings: Settings, register: Register, tmp_path: Path) -> None:
    """One written from the beginning, one made out of that, and one made after so much has gone that it is written anew."""
    with duckdb.connect() as con:
        con.execute(f"attach '{tmp_path / 'oldest'}' as oldest (storage_version 'v{OLDEST_CLIENT}')")
        con.execute(f"attach '{tmp_path / 'newest'}' as newest")
    of_the_oldest = storage(tmp_path / "oldest")
    assert of_the_oldest[0] == f"v{OLDEST_CLIENT}+" and storage(tmp_path / "newest") > of_the_oldest
    for rows in ({}, {"on_time": 2, "late": 2}, {"on_time": 1, "late": 3}):
        _published(settings, register, **rows)
        assert storage(settings.published.resolve()) == of_the_oldest


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md", "docs/queries/README.md", "docs/howto/copies.md"])
def test_analysts_are_told_which_clients_can_read_a_release(document: str) -> None:
    text = (PROJECT / document).read_text(encoding="utf-8")
    told = re.findall(r"DuckDB (?:client )?(?:from )?(\d+\.\d+)", text)
    assert told == [OLDEST_CLIENT.rpartition(".")[0]]


def test_a_reader_keeps_its_release_while_another_is_switched_in(settings: Settings, register: Register) -> None:
    _published(settings, register)
    con = open_published(settings)
    _published(settings, register, on_time=2, late=2)
    assert con.execute("select distinct on_time_count from mart.mart_clock_257").fetchall() == [(3,)]
