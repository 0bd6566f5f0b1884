"""The gate beside one hand-written DuckDB pass and beside Great Expectations on pandas, over the same rows and rules.

    python benchmarks/gate.py [--rows 1000000]

The gate does all it does at night: enrichment, compiled pass, GX, reconciliation of the counts, dispositions, verdict
file, register. The hand-written pass reads the same file, applies the same rules and writes the same row list. GX on
pandas does the whole job too (`gate_on_pandas.py`): reads the same file, joins the same lookups, finds repeated keys,
runs the gate's own suite with the rows named, and writes the quarantine list; over all rows, since its cost does not
grow in proportion. Its frame is measured whole, as read and joined (this decides: it is what such a job carries on
with), and trimmed to the columns judged, which takes knowing what GX does with a frame. All must find as many bad rows.
The import of GX is left out, being paid once a night. CPU seconds of the process, all threads, beside wall seconds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import gate_on_pandas

from linli.contracts import load
from linli.gate import gate
from linli.gate.judge import _context, suite
from linli.gate.state import opened
from linli.register import Batch, Register
from linli.settings import Settings, as_of

PROJECT = Path(__file__).resolve().parents[1]
AS_OF = as_of(dt.date(2026, 10, 31))
AT_MOST_TIMES_THE_PASS = 4.0
AT_LEAST_TIMES_FASTER_THAN_PANDAS = 8.0

ROWS = """
select '340405-2026-' || lpad(i::varchar, 8, '0') as case_no, '340405' as district_code,
  case when i % 997 = 0 then '340405-C99-X01'
    else '340405-C' || lpad((1 + i % 13)::varchar, 2, '0') || '-X0' || (1 + i % 2) end as compound_code,
  '340405-S' || lpad((1 + i % 13)::varchar, 2, '0') as station_code,
  case when i % 1009 = 0 then '路过'
    else ['居民来电', '队员直诉', '网格上报', '巡查发现', '议事会', '随手拍', '12345热线'][1 + i % 7] end as channel,
  ['未诉先办', '应诉即办', '结诉复办'][1 + i % 3] as phase, '4-0' || (1 + i % 4) as item_code,
  case when i % 1013 = 0 then null else '楼道堆放杂物第' || i || '处' end as title,
  '居民反映三单元楼道长期堆放杂物，影响通行' as description,
  'p1_' || left(md5(i::varchar), 26) as reporter_name, 'p1_' || left(md5((i + 1)::varchar), 26) as reporter_phone,
  null::varchar as reporter_id_no, 'p1_' || left(md5((i + 2)::varchar), 26) as reporter_address,
  ['城管', '公安', '住建', '消防', '市场监管', '自规'][1 + i % 6] as lead_department,
  case when i % 1019 = 0 then ['水务'] when i % 2 = 0 then ['城管', '公安'] end as assisting_departments,
  'E0' || lpad((1 + i % 22)::varchar, 2, '0') as officer_no, i % 9 = 0 as on_scene,
  case when i % 50 = 0 then '重复件' else '处置中' end as status,
  case when i % 50 = 0 and i % 1050 <> 0 then '340405-2026-00000001' end as duplicate_of,
  timestamptz '2026-01-01 08:00:00+08' + (i % 400000) * interval 1 minute
    + case when i % 1021 = 0 then interval 1 year else interval 0 day end as reported_at,
  reported_at + interval 5 minute as created_at, created_at as updated_at,
  '{batch_id}' as _batch_id, i::integer as _row_no, timestamptz '2026-11-01 02:00:00+08' as _snapshot_at, false as _deleted,
  null::varchar as _source_ref, null::varchar as _parent_version, null::varchar[] as _unreadable, null::varchar as _raw
from range({rows}) t(i)
"""

SIX = "('城管', '公安', '住建', '消防', '市场监管', '自规')"
BY_HAND: dict[str, str] = {
    "case_no_present": "c.case_no is null",
    "case_no_format": "not regexp_full_match(c.case_no, '[0-9]{6}-[0-9]{4}-[0-9]{6,8}')",
    "case_no_of_district": "d.district_code is not null and not starts_with(c.case_no, c.district_code || '-')",
    "district_code_present": "c.district_code is null",
    "district_known": "c.district_code is not null and d.district_code is null",
    "compound_code_present": "c.compound_code is null",
    "compound_known": "c.compound_code is not null and x.compound_code is null",
    "compound_in_district": "x.district_code <> d.district_code",
    "station_known": "d.district_code is not null and c.station_code is not null and s.station_code is null",
    "channel_present": "c.channel is null",
    "channel_listed": "c.channel not in ('居民来电', '队员直诉', '网格上报', '巡查发现', '议事会', '随手拍', '12345热线')",
    "phase_present": "c.phase is null",
    "phase_listed": "c.phase not in ('未诉先办', '应诉即办', '结诉复办')",
    "item_code_present": "c.item_code is null",
    "item_known": "c.item_code is not null and e.item_code is null",
    "title_present": "c.title is null",
    "title_garbled": "regexp_matches(c.title, '锟斤拷|烫烫烫|�')",
    "lead_department_listed": f"c.lead_department not in {SIX}",
    "assisting_departments_listed": f"len(list_filter(c.assisting_departments, lambda n: n not in {SIX})) > 0",
    "officer_known": "d.district_code is not null and c.officer_no is not null and o.officer_no is null",
    "on_scene_present": "c.on_scene is null",
    "status_present": "c.status is null",
    "status_listed": "c.status not in ('待受理', '处置中', '已挂起', '已办结', '已回访', '已作废', '已撤诉', '重复件')",
    "duplicate_of_present": "c.duplicate_of is null and c.status = '重复件'",
    "duplicate_of_absent": "c.duplicate_of is not null and c.status <> '重复件'",
    "duplicate_of_another": "c.duplicate_of = c.case_no",
    "reported_at_present": "c.reported_at is null",
    "reported_at_plausible": "c.reported_at < timestamptz '2015-01-01 00:00:00+08'",
    "reported_at_not_future": "c.reported_at >= timestamptz '2026-11-01 00:00:00+08'",
    "created_after_report": "c.created_at < c.reported_at",
}


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], Any]) -> tuple[Cost, Any]:
    wall, cpu = time.perf_counter(), _cpu()
    answer = work()
    return Cost(time.perf_counter() - wall, _cpu() - cpu), answer


def lay_out(home: Path, rows: int) -> tuple[Settings, Register, Batch]:
    """A home with one landed batch of `rows` cases, about one in 150 of them bad."""
    settings = Settings(home=home, project=PROJECT, reference=PROJECT / "dbt_project" / "seeds", key_ring=home / "ring.json")
    register = Register(settings.register_path)
    run = register.begin_run(AS_OF.date() - dt.timedelta(days=1), AS_OF)
    path = settings.lake / "case_system" / "cases" / "window-bench.parquet"
    path.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Shanghai'")
        connection.execute(f"copy ({ROWS.format(batch_id='bench', rows=rows)}) to '{path}' (compression zstd)")
    batch = Batch("bench", "case_system", "cases", "window", str(path.relative_to(home)), rows, None, AS_OF, AS_OF, run.run_id)
    register.add_batches([batch])
    return settings, register, batch


def by_hand(settings: Settings, batch: Batch) -> int:
    """The pass somebody would write for this one table; returns how many bad rows it lists."""
    seeds = {"districts": "district_code", "compounds": "compound_code", "stations": "station_code", "enforcement_items": "item_code"}
    reasons = ", ".join(f"case when {bad} then '{rule}' end" for rule, bad in BY_HAND.items())
    anywhere = " or ".join(f"({bad})" for bad in BY_HAND.values())
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = 'Asia/Shanghai'; set threads = {settings.threads}")
        for seed in (*seeds, "officers"):
            connection.execute(f"create table {seed} as from read_csv('{settings.reference / seed}.csv', all_varchar = true)")
        connection.execute(
            f"""copy (select c._batch_id, c._row_no, list_filter([{reasons}], lambda r: r is not null) as rules
            from read_parquet('{settings.home / batch.path}') c
            left join districts d on d.district_code = c.district_code
            left join compounds x on x.compound_code = c.compound_code
            left join stations s on s.station_code = c.station_code and s.district_code = c.district_code
            left join enforcement_items e on e.item_code = c.item_code
            left join (select distinct officer_no, district_code from officers) o
              on o.officer_no = c.officer_no and o.district_code = c.district_code
            where {anywhere}) to '{settings.home / "by_hand.parquet"}'"""
        )
        ((bad,),) = connection.execute(f"select count(*) from '{settings.home / 'by_hand.parquet'}'").fetchall()
        return int(bad)


def on_pandas(settings: Settings, register: Register, batch: Batch) -> dict[bool, tuple[Cost, int]]:
    """What the whole job costs with GX on pandas, and how many rows it quarantines; by whether the frame is trimmed."""
    catalog = load(PROJECT / "expectations")
    record = catalog.record("case_system.cases")
    with opened(settings, register, catalog) as state:
        expectations = suite(record, state.reference(record))
    source = _context().data_sources.add_pandas("frames")
    whole = source.add_dataframe_asset("judged").add_batch_definition_whole_dataframe("all")
    return {
        trimmed: measured(partial(gate_on_pandas.run, settings, batch, record, expectations, whole, trimmed=trimmed))
        for trimmed in (True, False)
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    imported, _ = measured(_context)
    with tempfile.TemporaryDirectory() as folder:
        settings, register, batch = lay_out(Path(folder) / "whole", given.rows)
        by_hand(settings, batch)
        hand, hand_bad = measured(lambda: by_hand(settings, batch))
        catalog = load(PROJECT / "expectations")
        run = register.run(batch.run_id)
        mine, report = measured(lambda: gate(settings, register, catalog, run))
        hand_after, _ = measured(lambda: by_hand(settings, batch))
        hand = Cost((hand.wall + hand_after.wall) / 2, (hand.cpu + hand_after.cpu) / 2)
        quarantined = report.records[0].quarantined
        if quarantined != hand_bad:
            raise SystemExit(f"the gate quarantines {quarantined} rows, the hand-written pass lists {hand_bad}")
        pandas = on_pandas(settings, register, batch)
    for bad in {bad for _, bad in pandas.values()} - {quarantined}:
        raise SystemExit(f"the gate quarantines {quarantined} rows, GX on pandas {bad}")
    (trimmed, _), (whole, _) = pandas[True], pandas[False]
    print(f"{given.rows:,} case rows, {len(BY_HAND)} rules, {quarantined:,} rows quarantined; GX import {imported.cpu:.1f} CPU s a night")
    print(f"{'':34}{'CPU s':>8}{'wall s':>8}")
    for name, cost in (
        ("hand-written DuckDB pass", hand),
        ("gate (pass + GX + verdict)", mine),
        ("GX on pandas, whole frame", whole),
        ("GX on pandas, columns trimmed", trimmed),
    ):
        print(f"{name:34}{cost.cpu:8.2f}{cost.wall:8.2f}")
    over, faster = mine.cpu / hand.cpu, whole.cpu / mine.cpu
    print(f"gate / hand-written pass      CPU {over:.2f}x (at most {AT_MOST_TIMES_THE_PASS:g}x)   wall {mine.wall / hand.wall:.2f}x")
    wanted = f"(at least {AT_LEAST_TIMES_FASTER_THAN_PANDAS:g}x)"
    print(f"GX on pandas, whole / gate    CPU {faster:.1f}x {wanted}   wall {whole.wall / mine.wall:.1f}x")
    print(f"GX on pandas, trimmed / gate  CPU {trimmed.cpu / mine.cpu:.1f}x   wall {trimmed.wall / mine.wall:.1f}x")
    return 0 if over <= AT_MOST_TIMES_THE_PASS and faster >= AT_LEAST_TIMES_FASTER_THAN_PANDAS else 1


if __name__ == "__main__":
    sys.exit(main())
