"""A long history beside a short one: what ten times the months cost a full build, and what they cost a night.

    python benchmarks/history.py [--cases-a-month 83333] [--months 12] [--times 10] [--nights 3] [--districts 20] [--memory 14GB]
        [--folder DIR]

Both homes have the same districts and the same records a month; only the number of months differs. By default that is one
million cases in a year beside ten million in ten, with every other record of the four sources in proportion. History is
landed month by month by the product's own function and accepted as it is; the nights after it are landed, gated, built and
published. Extraction is left out: it reads a window whose size does not depend on history (see extraction.py). Beside the
full builds stand a plain scan and copy of the same Parquet files, and pandas making the two headline marts of the short one.
The limit is on the time of a night, as in night.py; the CPU time, which noise moves less, is printed beside it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from linli import landing, pipeline, sources
from linli.contracts import Catalog
from linli.demo import reference
from linli.register import Decision, Register, Verdict
from linli.settings import Settings, as_of

LIMIT = 1.3
LAST_DAY = dt.date(2026, 10, 27)
MICROSECONDS_A_MONTH = 30.4375 * 86_400e6
MADE = (Path(__file__).with_suffix(".sql")).read_text(encoding="utf-8")

_SEEDS = """
set TimeZone = 'Asia/Shanghai';
create table departments as from read_csv('{seeds}/departments.csv', all_varchar = true);
create table places as
  select row_number() over (order by compound_code) - 1 as place_no, compound_code, district_code, community_code,
    dense_rank() over (order by community_code) - 1 as community_no
  from read_csv('{seeds}/compounds.csv', all_varchar = true);
create table items as
  select row_number() over (order by item_code) - 1 as item_no, item_code, department_name
  from read_csv('{seeds}/enforcement_items.csv', all_varchar = true) i join departments d on d.department_code = i.lead_department_code;
create table officers as
  select district_code, officer_no, department_name, row_number() over (partition by district_code order by officer_no) - 1 as nth
  from (select district_code, officer_no, min(department_code) as department_code
    from read_csv('{seeds}/officers.csv', all_varchar = true) group by 1, 2) o join departments d using (department_code);
set variable places = (select count(*) from places);
set variable items = (select count(*) from items);
"""


@dataclass
class Cost:
    """Wall and CPU seconds of something done here and in processes it started; the largest of them in MiB."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} CPU s, {self.memory:,.0f} MiB"


@contextmanager
def measured() -> Iterator[Cost]:
    """Fills in the cost of the block at its end."""
    cost, done = Cost(), threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            cost.memory = max(cost.memory, *(_resident(pid) for pid in _own_processes()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, cpu = time.perf_counter(), _cpu()
    try:
        yield cost
    finally:
        cost.wall, cost.cpu = time.perf_counter() - wall, _cpu() - cpu
        done.set()
        watcher.join()


def _cpu() -> float:
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def _own_processes() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return [os.getpid(), *map(int, children)]


def _resident(pid: int) -> float:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(pages) * resource.getpagesize() / 2**20


@dataclass
class Home:
    """A home folder with `months` of history up to LAST_DAY behind it."""

    folder: Path
    months: int
    cases_a_month: int
    districts: int
    memory: str
    day: dt.date = LAST_DAY
    nights: list[Cost] = field(default_factory=list)

    def __post_init__(self) -> None:
        seeds = self.folder / "seeds"
        write_seeds(seeds, self.districts, self.months)
        clock = self.folder / "clock"
        clock.write_text("2026-12-31")
        places = {"LINLI_HOME": str(self.folder), "LINLI_REFERENCE": str(seeds), "LINLI_CLOCK": str(clock)}
        self.settings = Settings.load({**places, "LINLI_MEMORY_LIMIT": self.memory})
        self.catalog = pipeline.catalog(self.settings)
        self.gap = int(MICROSECONDS_A_MONTH / self.cases_a_month)
        self.first_at = as_of(_months_before(LAST_DAY, self.months - 1) - dt.timedelta(days=1))
        self._con = duckdb.connect()
        self._con.execute(_SEEDS.format(seeds=seeds))

    @property
    def cases(self) -> int:
        """Cases reported up to the end of LAST_DAY."""
        return (as_of(LAST_DAY) - self.first_at) // dt.timedelta(microseconds=self.gap)

    def fill(self) -> None:
        """Lands the history month by month, as far as it has not landed before, and accepts all of it."""
        run = pipeline.begin(self.settings, LAST_DAY)
        last = self.catalog.records[-1]
        with Register(self.settings.register_path) as register:
            loaded_to = register.window_end(last.source, last.name)
        starts = [as_of(_months_before(LAST_DAY, back) - dt.timedelta(days=1)) for back in reversed(range(self.months))]
        for start, end in zip(starts, [*starts[1:], as_of(LAST_DAY)], strict=True):
            if loaded_to is None or end > loaded_to:
                self._land(run.run_id, start, end, accept=True)

    def build(self) -> None:
        """Builds everything from what has landed, and publishes it."""
        run = pipeline.begin(self.settings, LAST_DAY)
        pipeline.build_run(self.settings, run.run_id)
        pipeline.publish_run(self.settings, run.run_id)
        pipeline.finish(self.settings, run.run_id, strict=False)

    def night(self) -> tuple[Cost, dict[str, Cost]]:
        """The next night: what changed in its day and the lookback before it. Returns its cost as a whole and by step."""
        self.day += dt.timedelta(days=1)
        run = pipeline.begin(self.settings, self.day)
        self._land(run.run_id, as_of(self.day) - self.settings.lookback - dt.timedelta(days=1), as_of(self.day), accept=False)
        parts: dict[str, Cost] = {}
        with measured() as whole:
            for name, step in (("gate", pipeline.gate_run), ("build", pipeline.build_run), ("publish", pipeline.publish_run)):
                with measured() as parts[name]:
                    step(self.settings, run.run_id)
        pipeline.finish(self.settings, run.run_id, strict=False)
        return whole, parts

    def seconds_by_node(self) -> dict[str, float]:
        """Seconds of each node of the last build, slowest first."""
        told = json.loads((self.folder / "dbt" / "results.json").read_text(encoding="utf-8"))
        return dict(sorted(((name, seconds) for name, _, seconds, *_ in told), key=lambda each: -each[1]))

    def _land(self, run_id: str, start: dt.datetime, end: dt.datetime, *, accept: bool) -> None:
        for name, value in (("first_at", self.first_at), ("from_at", start), ("to_at", end)):
            self._con.execute(f"set variable {name} = timestamptz '{value.isoformat()}'")
        self._con.execute(f"set variable gap = {self.gap}::bigint")
        self._con.execute(MADE)
        with Register(self.settings.register_path) as register:
            run = register.run(run_id)
            for record in self.catalog.records:
                rows = self._con.sql(f'select * from "{record.full_name}"').to_arrow_table()
                window = sources.Window(start=start, end=end)
                batch = landing.land(self.settings, register, record, rows, kind="window", window=window, snapshot_at=end, run=run)
                if accept:
                    verdict = Verdict(
                        batch.batch_id, 1, None, landed=batch.rows, accepted=batch.rows, quarantined=0, held=0, duplicates=0,
                        stopped=False, run_id=run_id, decided_at=end,
                    )  # fmt: skip
                    register.add_decisions([Decision(verdict)], [], run)


def write_seeds(folder: Path, districts: int, months: int) -> None:
    """Reference data of invented districts, whose posts and rota reach as far back as the history does."""
    shutil.copytree(Settings.load({}).reference, folder, ignore=shutil.ignore_patterns("*.yml"), dirs_exist_ok=True)
    reference.write_reference(folder, districts)
    for name in ("officers", "compound_stations", "agreements"):
        path = folder / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("2025-", "2010-"), encoding="utf-8")
    places = [reference.district(index) for index in range(districts)]
    turns = [(place, _months_before(LAST_DAY, back)) for place in places for back in range(-2, months)]
    rota = [f"{place.code},{month},{reference.on_duty(place, month.year, month.month)}" for place, month in turns]
    (folder / "rota.csv").write_text("\n".join(["district_code,month_on,department_code", *rota, ""]), encoding="utf-8")


def _months_before(day: dt.date, back: int) -> dt.date:
    months = day.year * 12 + day.month - 1 - back
    return dt.date(months // 12, months % 12 + 1, 1)


def plain_copy(settings: Settings, catalog: Catalog) -> Cost:
    """What it costs to read every landed file once and to write the rows out again, and nothing else."""
    with tempfile.TemporaryDirectory(dir=settings.home) as folder, duckdb.connect() as con, measured() as cost:
        con.execute(f"set threads = {settings.threads}; set memory_limit = '{settings.memory_limit}'; set preserve_insertion_order = false")
        for record in catalog.records:
            con.execute(
                f"copy (select * from read_parquet('{settings.lake}/{record.source}/{record.name}/*/*.parquet', union_by_name = true))"
                f" to '{folder}/{record.table}.parquet'"
            )
    return cost


def on_pandas(home: Home) -> tuple[Cost, str]:
    """The two headline marts made by pandas, in a process of its own, and whether they say what the published ones say."""
    script = Path(__file__).with_name("marts_on_pandas.py")
    with measured() as cost:
        done = subprocess.run([sys.executable, str(script), str(home.folder)], capture_output=True, text=True, check=False)
    return cost, (done.stdout.strip() or f"failed: {done.stderr.strip()[-200:]}")


def build(name: str, home: Home) -> Cost:
    """Lands the history and builds it; returns the cost of the build."""
    home.fill()
    with Register(home.settings.register_path) as register:
        rows = sum(account["landed"] for account in register.accounts())
    size = sum(path.stat().st_size for path in home.settings.lake.rglob("*.parquet")) / 2**20
    print(f"{name:>4}: {home.cases:,} cases in {home.months} months, {rows:,} rows in {size:,.0f} MiB of Parquet", flush=True)
    with measured() as cost:
        home.build()
    print(f"{name:>4}: full build and publication {cost}", flush=True)
    print(f"{name:>4}: slowest {slowest(home.seconds_by_node())}", flush=True)
    copy = plain_copy(home.settings, home.catalog)
    print(f"{name:>4}: plain scan and copy of the same Parquet {copy}: the build is {cost.cpu / copy.cpu:.0f}x", flush=True)
    return cost


def slowest(seconds: dict[str, float]) -> str:
    """The nodes of a build that took longest, in words."""
    return ", ".join(f"{name.split('.')[2][:40]} {took:.1f} s" for name, took in list(seconds.items())[:8])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases-a-month", type=int, default=83_333)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--districts", type=int, default=20)
    parser.add_argument("--memory", default="14GB", help="what DuckDB may use; ten million cases do not fit the default of a deployment")
    parser.add_argument("--folder", type=Path, help="where the homes are made and kept; what has landed there is not landed again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        folder = given.folder or Path(aside)
        short, long = (
            Home(folder / f"{times}x", given.months * times, given.cases_a_month, given.districts, given.memory)
            for times in (1, given.times)
        )
        homes = {"1x": short, f"{given.times}x": long}
        builds = {name: build(name, home) for name, home in homes.items()}
        print("  1x: the two headline marts on pandas {}; {}".format(*on_pandas(short)), flush=True)
        for home in homes.values():
            home.night()
        for _ in range(given.nights):
            for name, home in homes.items():
                whole, parts = home.night()
                home.nights.append(whole)
                print(f"{name:>4}: night {whole} ({'; '.join(f'{part} {cost}' for part, cost in parts.items())})", flush=True)
        for name, home in homes.items():
            print(f"{name:>4}: slowest of a night {slowest(home.seconds_by_node())}")
    full = builds[f"{given.times}x"].cpu / builds["1x"].cpu
    cpu, wall = (
        statistics.median(getattr(c, what) for c in long.nights) / statistics.median(getattr(c, what) for c in short.nights)
        for what in ("cpu", "wall")
    )
    print(f"after {given.times}x the history a full build takes {full:.1f}x the CPU time,")
    print(f"and a night {wall:.2f}x the time ({cpu:.2f}x the CPU time): {'within' if wall <= LIMIT else 'ABOVE'} the limit of {LIMIT}x")
    return 0 if wall <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
