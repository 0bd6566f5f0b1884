"""Calm districts, and what is planted in each of them: a hot spot, a campaign that helped and one that did not, made-up times, one
problem in five compounds.

    PYTHONPATH=tests python -m tests.worlds.plants [--seeds 10] [--texts 100000]

Prints for each kind how many were planted and found, how much was credited that nobody planted, and of how many it could have been:
the base rate. Each seed is a district of its own; all of them are built together. 1 when something planted was not found, or more was
credited than the rule's own error rate makes of so many once in a thousand runs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import random
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from linli.similarity import Rules, similar_cases
from warehouse_home import CASE, Home

from . import world
from .complaints import Planted, complaints
from .lives import CALENDAR, DEPARTMENTS
from .oracle import due_on
from .reference import SHANGHAI

Row = dict[str, Any]

MONTHS = [dt.date(2026, month, 1) for month in range(1, 10)]
CASES_A_MONTH = 600
CAMPAIGN_MONTH, HOT_MONTH, LAST_MINUTE_MONTH, BULK_MONTH = (dt.date(2026, month, 1) for month in (6, 8, 7, 9))
AS_OF = "2026-10-20"
CHANCE_OF_A_CLUSTER = 1e-6
"""that a complaint is like one of another compound of the time by the words people choose alone"""
ONCE_IN = 1000


@dataclass(frozen=True)
class Found:
    """One kind of plant: how many there were and were found, how much else was credited, of how many it could have been, and how often the
    rule says that it errs."""

    kind: str
    planted: int
    found: int
    credited: int
    could_be: int
    chance: float

    def __str__(self) -> str:
        besides = f"{self.credited} of {self.could_be:,} (at most {self.allowed})"
        return f"{self.kind:42} planted {self.planted:3}, found {self.found:3}; credited besides {besides}"

    @property
    def allowed(self) -> int:
        """What is exceeded less than once in `ONCE_IN` runs where nothing but chance is at work."""
        allowed, beyond = -1, 1.0
        while beyond > 1 / ONCE_IN:
            allowed += 1
            beyond -= math.comb(self.could_be, allowed) * self.chance**allowed * (1 - self.chance) ** (self.could_be - allowed)
        return allowed

    @property
    def is_right(self) -> bool:
        return self.found == self.planted and self.credited <= self.allowed


@dataclass
class District:
    """A calm district with its plants. Codes: `hot` (compound, item), `campaigns` department -> whether it helps, officers by signal."""

    seed: int
    places: world.World
    hot: tuple[str, str] = ("", "")
    campaigns: dict[str, bool] = field(default_factory=dict)
    campaign_rows: list[Row] = field(default_factory=list)
    made_up: dict[str, str] = field(default_factory=dict)
    cases: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)


def district(seed: int) -> District:
    """The district of `seed`, the same every time: what is complained of, where and when are drawn independently of each other."""
    rng = random.Random(f"calm {seed}")
    found = District(seed, _places(rng, seed))
    compounds, items = [row["compound_code"] for row in found.places.compounds], rng.sample(world.items(), len(world.items()))
    officers = [row["officer_no"] for row in found.places.officers]
    found.hot = (rng.choice(compounds), items[4])
    found.made_up = dict(zip(("last_minute", "bulk_closing"), rng.sample(officers, 2), strict=True))
    helps = {}
    for number, (department, does_help) in enumerate((("urban_management", True), ("fire", False))):
        its_items, its_compounds = items[2 * number : 2 * number + 2], rng.sample(compounds, 6)
        found.campaigns[department] = does_help
        found.campaign_rows.append(
            {"district_code": found.places.district_code, "month_on": CAMPAIGN_MONTH.isoformat(), "department_code": department,
             "item_codes": ";".join(sorted(its_items)), "compound_codes": ";".join(sorted(its_compounds))}
        )  # fmt: skip
        if does_help:
            helps = {(compound, item) for compound in its_compounds for item in its_items}
    at_places, of_items = [rng.uniform(0.5, 1.5) for _ in compounds], [3.0] * 4 + [rng.uniform(0.3, 2) for _ in items[4:]]
    for month in MONTHS:
        for _ in range(CASES_A_MONTH):
            place, item = rng.choices(compounds, at_places)[0], rng.choices(items, of_items)[0]
            if month > CAMPAIGN_MONTH and (place, item) in helps and rng.random() < 0.7:
                continue
            _case(rng, found, month, place, item, rng.choice(officers))
        if month == HOT_MONTH:
            for _ in range(25):
                _case(rng, found, month, *found.hot, rng.choice(officers))
    return found


def _places(rng: random.Random, seed: int) -> world.World:
    code = f"{420_000 + seed:06d}"
    found = world.World(seed, code)
    for c in range(1, 6):
        community, station = f"{code}-C{c:02d}", f"{code}-S{c:02d}"
        found.communities.append({"community_code": community, "community_name": f"第{c}社区", "district_code": code})
        found.stations.append({"station_code": station, "station_name": f"第{c}工作站", "community_code": community, "district_code": code})
        found.compounds += [
            {"compound_code": f"{community}-X{x:02d}", "compound_name": f"{c}区{x}号院", "community_code": community,
             "station_code": station, "district_code": code, "household_count": rng.randint(200, 900)}
            for x in range(1, 5)
        ]  # fmt: skip
        found.officers += [
            {"officer_no": f"E{3 * c + n:03d}", "officer_name": f"队员{3 * c + n}", "district_code": code, "station_code": station,
             "department_code": rng.choice(("urban_management", "fire", "market")), "from_on": "2025-01-01", "to_on": ""}
            for n in range(3)
        ]  # fmt: skip
    return found


def _case(rng: random.Random, found: District, month: dt.date, compound: str, item: str, officer: str) -> None:
    day = month + dt.timedelta(days=rng.randrange(28))
    reported = _hours(rng, day)
    number = len(found.cases)
    case_no = f"{found.places.district_code}-{day.year}-{number:06d}"
    found.cases.append(
        CASE | {"case_no": case_no, "district_code": found.places.district_code, "compound_code": compound, "item_code": item,
                "officer_no": officer, "lead_department": rng.choice(DEPARTMENTS), "channel": rng.choice(world.CHANNELS),
                "title": "小区事项", "reported_at": reported, "status": "已办结"}
    )  # fmt: skip
    accepted = max(reported + dt.timedelta(minutes=5), _hours(rng, _due(day, rng.choice((0, 1, 1, 2)))))
    makes_up = month == LAST_MINUTE_MONTH and officer == found.made_up["last_minute"] and rng.random() < 0.5
    if makes_up or rng.random() < 0.002:
        accepted = dt.datetime.combine(_due(day, 2), dt.time(23, 59, rng.randrange(60)), tzinfo=SHANGHAI)
    resolved = max(accepted + dt.timedelta(minutes=30), _hours(rng, _due(day, rng.choice((3, 4, 5, 6)))))
    if month == BULK_MONTH and officer == found.made_up["bulk_closing"] and rng.random() < 0.5:
        resolved = dt.datetime.combine(_due(day, 8), dt.time(17, 30, rng.randrange(40)), tzinfo=SHANGHAI)
    for kind, at in (("上报", reported), ("受理核实", accepted), ("办结反馈", resolved)):
        step_id = found.seed * 1_000_000 + len(found.steps)
        found.steps.append(
            {"step_id": step_id, "case_no": case_no, "round_no": 1, "step": kind, "stepped_at": at, "officer_no": officer}
        )  # fmt: skip


def _hours(rng: random.Random, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(8), tzinfo=SHANGHAI) + dt.timedelta(seconds=rng.randrange(10 * 3600))


def _due(day: dt.date, n: int) -> dt.date:
    due = due_on(day, n, [], CALENDAR) if n else day
    assert due is not None
    return due


def built(folder: Path, districts: Sequence[District]) -> Home:
    """A home in `folder` with these districts loaded and built."""
    reference = folder / "reference"
    world.reference([each.places for each in districts], reference)
    world.write_seed(reference, "campaigns", (row for each in districts for row in each.campaign_rows))
    home = Home(folder / "home", reference)
    home.land("case_system.cases", [row for each in districts for row in each.cases], snapshot=AS_OF)
    home.land("case_system.case_steps", [row for each in districts for row in each.steps], snapshot=AS_OF)
    home.build(AS_OF)
    return home


def of_marts(home: Home, districts: Sequence[District]) -> Iterator[Found]:
    """What the marts say of the plants."""
    of_code = {each.places.district_code: each for each in districts}
    places = home.rows(
        "select month, district_code, key, item_code, is_hot_spot from mart.mart_frequent_problem"
        " where level in ('compound', 'community') and case_count >= 10"
    )
    hot = [row[:4] for row in places if row[4]]
    planted = [(HOT_MONTH, code, key, each.hot[1]) for code, each in of_code.items() for key in (each.hot[0], each.hot[0][:-4])]
    yield _compared("hot spots, compounds and their communities", planted, hot, len(places) - len(planted), _beyond("hot_spot_z"))

    judged = home.rows("select district_code, department_code, verdict from mart.mart_campaign_effect where month = date '2026-09-01'")
    helping = [(code, department) for code, each in of_code.items() for department, helps in each.campaigns.items() if helps]
    credited = [row[:2] for row in judged if row[2] in ("fewer", "more")]
    yield _compared("campaigns, by the third month after", helping, credited, len(judged) - len(helping), 2 * _beyond("wilson_z"))

    for signal, month in (("last_minute", LAST_MINUTE_MONTH), ("bulk_closing", BULK_MONTH)):
        # what is made up in one month may end in the next
        asked = home.rows(
            "select district_code, key, month, is_notable from mart.mart_signal"
            f" where level = 'officer' and signal = '{signal}' and candidate_count > 0"
        )
        officers = [(code, each.made_up[signal]) for code, each in of_code.items()]
        until = (month + dt.timedelta(days=40)).replace(day=1)
        of_plant = {row[:3] for row in asked if row[:2] in officers and month <= row[2] <= until}
        notable = [row[:3] for row in asked if row[3]]
        found = {row[:2] for row in notable if row in of_plant}
        besides = [row for row in notable if row not in of_plant]
        could_be, chance = len(asked) - len(of_plant), _beyond("signals", "notable_z")
        yield Found(f"signal {signal}, officers by month", len(officers), len(found), len(besides), could_be, chance)


def _compared(
    kind: str, planted: Iterable[tuple[Any, ...]], credited: Iterable[tuple[Any, ...]], could_be: int, chance: float
) -> Found:
    planted, credited = set(planted), set(credited)
    return Found(kind, len(planted), len(planted & credited), len(credited - planted), could_be, chance)


def _beyond(*names: str) -> float:
    """How often chance alone goes beyond a z of the project's variables, on one side."""
    z: Any = _variables()
    for name in names:
        z = z[name]
    return 1 - statistics.NormalDist().cdf(z)


def of_texts(seed: int, count: int) -> Found:
    """The clusters of several compounds among `count` complaints of a year in which two were planted."""
    planted = [
        Planted(3, 7, dt.date(2026, 5, 4), "充电桩位被油车霸占", 5),
        Planted(0, 21, dt.date(2026, 9, 2), "二次供水有铁腥味", 5),
    ]
    texts = complaints(seed, count, dt.date(2026, 1, 1), 365, planted)
    months = [dt.date(2026, month, 1) for month in range(1, 13)]
    month_of = pc.floor_temporal(texts.column("reported_on"), unit="month")
    answer = similar_cases(months, lambda month: texts.filter(pc.equal(month_of, pa.scalar(month))), rules())
    case_nos = texts.column("case_no").to_pylist()
    compound = dict(zip(case_nos, texts.column("compound_code").to_pylist(), strict=True))
    reported = dict(zip(case_nos, texts.column("reported_on").to_pylist(), strict=True))
    clusters: dict[tuple[dt.date, str], set[str]] = {}
    for row in answer.to_pylist():
        clusters.setdefault((row["month"], row["centre_case_no"]), set()).add(row["case_no"])
    credited = {
        tuple(sorted(cases))
        for (month, _), cases in clusters.items()
        if len({compound[case] for case in cases}) >= _variables()["similar_min_compounds"]
        and any(reported[case].month == month.month for case in cases)
    }
    planted_cases = [tuple(f"P{plant}-{n}" for n in range(5)) for plant in range(2)]
    return _compared("clusters of similar complaints", planted_cases, credited, count, CHANCE_OF_A_CLUSTER)


def rules() -> Rules:
    """The rules by which the project tells similar texts."""
    return Rules(**_variables()["similar"])


def _variables() -> Mapping[str, Any]:
    project = yaml.load((world.PROJECT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    found: Mapping[str, Any] = project["vars"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--texts", type=int, default=100_000)
    asked = parser.parse_args()
    seeds = range(1, asked.seeds + 1)
    with tempfile.TemporaryDirectory(prefix="linli-plants-") as folder:
        districts = [district(seed) for seed in seeds]
        answers = list(of_marts(built(Path(folder), districts), districts))
    of_seeds = [of_texts(seed, asked.texts) for seed in seeds]
    sums = [sum(getattr(one, name) for one in of_seeds) for name in ("planted", "found", "credited", "could_be")]
    answers.append(Found(of_seeds[0].kind, *sums, CHANCE_OF_A_CLUSTER))
    sys.stdout.writelines(f"{answer}\n" for answer in answers)
    return 0 if all(answer.is_right for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
