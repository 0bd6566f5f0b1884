"""One night on a short and on a ten times longer history, side by side in one run: what history costs a night.

    python benchmarks/night.py [--cases-a-month 8000] [--months 12] [--nights 3]

Both homes get the same nightly volume; only the history differs. History is landed, gated and built by the product's
own functions; then nights alternate between the two homes, each landing new and changed rows and running gate, build
and publication. Extraction is left out: it reads a window whose size does not depend on history (see extraction.py).
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa

from linli import landing, pipeline, sources
from linli.register import Register
from linli.settings import Settings, as_of

LIMIT = 1.3
LAST_DAY = dt.date(2026, 10, 27)

_CASES = """
create temp table places as
  select row_number() over (order by compound_code) - 1 as place_no, compound_code, station_code, district_code
  from read_csv('{seeds}/compounds.csv', all_varchar=true);
create temp table items as
  select row_number() over (order by item_code) - 1 as item_no, item_code, d.department_name
  from read_csv('{seeds}/enforcement_items.csv', all_varchar=true) i
  join read_csv('{seeds}/departments.csv', all_varchar=true) d on d.department_code = i.lead_department_code;
create temp table numbered as
  select n, timestamptz '{first}' + n * interval '{gap} microseconds' as reported_at
  from range({first_no}, {last_no}) t(n);
create temp table made as
  select '340405-' || strftime(reported_at, '%Y') || '-' || lpad(n::varchar, 8, '0') as case_no, n, reported_at,
    place_no, compound_code, station_code, p.district_code, item_code, department_name
  from numbered join places p on p.place_no = n % (select count(*) from places)
  join items i on i.item_no = (n * 7) % (select count(*) from items);
"""

_TABLES = {
    "cases": """
      select case_no, district_code, compound_code, station_code, '居民来电' as channel, '应诉即办' as phase, item_code,
        '楼道堆放杂物' as title, '二单元楼道长期堆放杂物，影响通行' as description,
        'p1_name' || n % 5000 as reporter_name, 'p1_phone' || n % 9000 as reporter_phone, null::varchar as reporter_id_no,
        null::varchar as reporter_address, department_name as lead_department, null::varchar[] as assisting_departments,
        null::varchar as officer_no, n % 5 = 0 as on_scene, '已回访' as status, null::varchar as duplicate_of,
        reported_at, reported_at as created_at, reported_at + interval 6 day as updated_at
      from made""",
    "case_steps": """
      select n * 3 + k as step_id, case_no, 1::smallint as round_no, ['上报', '受理核实', '办结反馈'][k + 1] as step,
        reported_at + k * interval (30 + n % 24) hour as stepped_at, null::varchar as officer_no, null::varchar as reason,
        reported_at + k * interval (30 + n % 24) hour as created_at
      from made, range(3) s(k)""",
    "callbacks": """
      select n * 2 + k as callback_id, case_no, 1::smallint as round_no, ['组织', '居民'][k + 1] as side,
        ['网格员', '居民'][k + 1] as respondent_role, reported_at + interval (120 + n % 30) hour as called_at, '接通' as outcome,
        n % 11 <> 0 as solved, (3 + n % 3)::smallint as department_score, (3 + (n + k) % 3)::smallint as officer_score,
        null::varchar as comment, null::varchar as called_by, reported_at + interval (120 + n % 30) hour as updated_at
      from made, range(2) s(k)""",
}


def _tables(settings: Settings, first: dt.datetime, gap_us: int, numbers: range) -> dict[str, pa.Table]:
    con = duckdb.connect()
    con.execute("set TimeZone='Asia/Shanghai'")
    con.execute(
        _CASES.format(seeds=settings.reference, first=first.isoformat(), gap=gap_us, first_no=numbers.start, last_no=numbers.stop)
    )
    made = {name: con.sql(sql).to_arrow_table() for name, sql in _TABLES.items()}
    con.close()
    return made


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table([table.column(f.name).cast(f.type) for f in schema], schema=schema)


class Home:
    """A home folder with `months` of history behind it."""

    def __init__(self, folder: Path, months: int, cases_a_month: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        clock = folder / "clock"
        clock.write_text("2026-12-31")
        self.settings = Settings.load({"LINLI_HOME": str(folder), "LINLI_CLOCK": str(clock)})
        self.catalog = pipeline.catalog(self.settings)
        self.gap_us = int(30.4 * 86_400e6 / cases_a_month)
        self.a_day = max(int(cases_a_month / 30.4), 1)
        self.cases = months * cases_a_month
        self.first = as_of(LAST_DAY) - dt.timedelta(days=10) - self.cases * dt.timedelta(microseconds=self.gap_us)
        self.day = LAST_DAY
        self.next_no = self.cases

    def land(self, run_id: str, numbers: range, start: dt.datetime | None) -> None:
        with Register(self.settings.register_path) as register:
            run = register.run(run_id)
            for name, table in _tables(self.settings, self.first, self.gap_us, numbers).items():
                record = self.catalog.record(f"case_system.{name}")
                landing.land(
                    self.settings,
                    register,
                    record,
                    _shaped(table, record.declared_schema()),
                    kind="window",
                    window=sources.Window(start=start, end=run.as_of),
                    snapshot_at=run.as_of,
                    run=run,
                )

    def night(self, numbers: range, start: dt.datetime | None) -> dict[str, float]:
        """Runs one night and returns wall seconds of its parts."""
        run = pipeline.begin(self.settings, self.day)
        self.land(run.run_id, numbers, start)
        seconds = {}
        for name, step in (("gate", pipeline.gate_run), ("build", pipeline.build_run), ("publish", pipeline.publish_run)):
            began = time.perf_counter()
            step(self.settings, run.run_id)
            seconds[name] = time.perf_counter() - began
        pipeline.finish(self.settings, run.run_id, strict=False)
        self.day += dt.timedelta(days=1)
        return seconds

    def next_night(self) -> dict[str, float]:
        """A night with a day's new cases and three days landed again, as the lookback does."""
        numbers = range(self.next_no - 3 * self.a_day, self.next_no + self.a_day)
        self.next_no = numbers.stop
        return self.night(numbers, as_of(self.day) - dt.timedelta(days=4))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases-a-month", type=int, default=8_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--nights", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = {
            "1x": Home(Path(folder) / "short", given.months, given.cases_a_month),
            "10x": Home(Path(folder) / "long", given.months * 10, given.cases_a_month),
        }
        for name, home in homes.items():
            began = time.perf_counter()
            parts = home.night(range(home.cases), None)
            print(f"{name:>4}: history of {home.cases:,} cases loaded in {time.perf_counter() - began:.1f} s {_words(parts)}", flush=True)
            home.next_night()
        times: dict[str, list[float]] = {name: [] for name in homes}
        for _ in range(given.nights):
            for name, home in homes.items():
                parts = home.next_night()
                times[name].append(sum(parts.values()))
                print(f"{name:>4}: night {sum(parts.values()):.1f} s {_words(parts)}", flush=True)
    ratio = statistics.median(times["10x"]) / statistics.median(times["1x"])
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    verdict = "within" if ratio <= LIMIT else "ABOVE"
    print(f"a night after 10x the history takes {ratio:.2f}x the time: {verdict} the limit of {LIMIT}x; peak memory {memory:,.0f} MiB")
    return 0 if ratio <= LIMIT else 1


def _words(parts: dict[str, float]) -> str:
    return "(" + ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items()) + ")"


if __name__ == "__main__":
    raise SystemExit(main())
