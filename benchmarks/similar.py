"""Similar problems of a year of a city: minutes and CPU seconds to cluster a million invented complaints.

    python benchmarks/similar.py [--cases 1000000]

Eight districts, 29 items; every item has its own words, a tenth of the complaints repeat one of three hot problems of
their district, item and month. Reading from the warehouse is left out: the texts lie in memory by month.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import yaml

from linli.similarity import Rules, similar_cases

LIMIT_MINUTES = 10
PROJECT = Path(__file__).parents[1] / "dbt_project" / "dbt_project.yml"

_COMPLAINTS = """
create macro letter(item, slot, n, place) as chr(19968 + (hash(item, slot, n, place) % 2500)::int);
create macro word(item, slot, n) as letter(item, slot, n, 'first') || letter(item, slot, n, 'second');
create table made as
select
  n::varchar as case_no, 'D' || n % 8 as district_code, 'I' || (hash(n) % 29)::varchar as item_code,
  timestamptz '2026-01-01 00:00:00+08:00' + n * interval '{gap} microseconds' as reported_at,
  case when hash(n, 'hot') % 10 = 0 then hash(n, 'which') % 3 else hash(n, 'said') end as seed,
  ['从上周开始', '今天早上发现', '反映一下', '您好'][(hash(n, 'when') % 4 + 1)::int] as greeting,
  ['请执法队员来看看', '希望有关部门尽快处理', '麻烦核实一下', '请给个答复'][(hash(n, 'ask') % 4 + 1)::int] as request
from range({cases}) t(n);
create table complaints as
select
  case_no, district_code, item_code, reported_at::timestamp as reported_at,
  timezone('Asia/Shanghai', reported_at)::date as reported_on,
  greeting || n_th || '号楼' || word(item_code, 0, hash(case_no) % 3) || word(item_code, 1, hash(case_no) % 3)
  || word(item_code, 2, hash(mixed, 1) % 40) || word(item_code, 3, hash(mixed, 2) % 40)
  || word(item_code, 4, hash(mixed, 3) % 40) || word(item_code, 5, hash(mixed, 4) % 40) || '，' || request as text
from (select *, hash(case_no) % 90 as n_th, hash(seed, district_code, date_trunc('month', reported_at)) as mixed from made);
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    cases = parser.parse_args().cases
    months = [dt.date(2026, month, 1) for month in range(1, 13)]
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(_COMPLAINTS.format(cases=cases, gap=int(364.9 * 86_400e6 / cases)))
        texts: dict[dt.date, pa.Table] = {
            month: con.sql(f"select * from complaints where date_trunc('month', reported_on) = date '{month}'").to_arrow_table()
            for month in months
        }
    rules = Rules(**yaml.load(PROJECT.read_text(encoding="utf-8"), yaml.CSafeLoader)["vars"]["similar"])
    nothing = texts[months[0]].slice(0, 0)
    wall, cpu = time.perf_counter(), time.process_time()
    found = similar_cases(months, lambda month: texts.get(month, nothing), rules)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    centres = len(found.group_by(["month", "centre_case_no"]).aggregate([]))
    print(f"{cases:,} complaints in 12 months: {centres:,} groups of {len(found):,} cases")
    print(f"{wall / 60:.1f} minutes, {cpu:.0f} CPU s, peak memory {memory:,.0f} MiB; the limit is {LIMIT_MINUTES} minutes")
    return 0 if wall <= LIMIT_MINUTES * 60 else 1


if __name__ == "__main__":
    raise SystemExit(main())
