"""Random worlds through landing, gate and build, every figure of the marts beside the oracle's.

    python -m tests.worlds.compare --seeds 20 --cases 5000

All seeds are one district each of one deployment, so one build serves them all. Exits with 1 on any difference.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pyarrow as pa

from linli import contracts, gate, landing, warehouse
from linli.contracts import Catalog
from linli.register import Register, Run
from linli.settings import Settings
from linli.warehouse import dbt
from linli.warehouse.project import StagedProject

from . import case_oracle, ledger_oracle, oracle, programme_oracle, return_oracle
from .oracle import Key
from .programme_world import Programme, Return, programme
from .reference import SHANGHAI, Reference
from .world import CALENDAR_OVERRIDES, Books, Row, World, reference, world

KEYS = {
    "mart_clock_257": ("month", "district_code", "level", "key", "step"),
    "mart_two_callback_satisfaction": ("month", "district_code", "level", "key"),
    "mart_case_volume": ("month", "district_code", "level", "key"),
    "mart_whistle": ("month", "district_code", "level", "key", "whistle_level_code"),
    "mart_backlog": ("month", "district_code", "level", "key", "age_code"),
    "mart_frequent_problem": ("month", "district_code", "level", "key", "item_code"),
    "mart_patrol": ("month", "district_code", "level", "key"),
    "mart_matter": ("month", "district_code", "level", "key"),
    "mart_points": ("month", "district_code", "level", "key", "resident_kind_code"),
    "mart_lead": ("month", "district_code", "level", "key"),
    "mart_return_completeness": ("month", "district_code", "community_code", "sheet"),
}
RETURNS = ("returns", "meetings", "matters")
TOLERANCE = 1e-9
AS_OF = dt.datetime(2027, 1, 5, tzinfo=SHANGHAI)
LOOKBACK = dt.timedelta(days=3)

Mart = dict[Key, dict[str, Any]]


@dataclass(frozen=True)
class Interval:
    """What a batch covers."""

    start: dt.datetime | None
    end: dt.datetime


@dataclass
class Comparison:
    """How many figures were laid side by side, and where they differ."""

    cells: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, what: str, expected: Mart, found: Mart) -> None:
        """Compares two marts row by row, column by column."""
        for key in sorted(expected.keys() | found.keys(), key=str):
            where = f"{what} {' '.join(map(str, key))}"
            if key not in found or key not in expected:
                self.differences.append(f"{where}: only in the {'oracle' if key in expected else 'warehouse'}")
                continue
            if uncompared := found[key].keys() - expected[key].keys() - set(KEYS[what]):
                self.differences.append(f"{where}: {', '.join(sorted(uncompared))} only in the warehouse")
            for column, value in expected[key].items():
                self.cells += 1
                if not same(value, found[key][column]):
                    self.differences.append(f"{where} {column}: oracle {value}, warehouse {found[key][column]}")


def same(expected: Any, found: Any) -> bool:
    """Counts and flags exactly, rates within the tolerance, nothing only beside nothing."""
    if expected is None or found is None:
        return expected is None and found is None
    if isinstance(expected, float):
        return abs(expected - float(found)) <= TOLERANCE
    return bool(expected == found) and isinstance(found, bool) == isinstance(expected, bool)


class Deployment:
    """A home of its own whose districts are the worlds; nights are loaded one after another.

    `with_tests=False` leaves out dbt's data tests, half of what a build of small worlds costs: the oracle sees more than they do.
    """

    def __init__(self, home: Path, worlds: Sequence[World], *, with_tests: bool = True) -> None:
        self.with_tests = with_tests
        self.settings = Settings.load({"LINLI_HOME": str(home), "LINLI_REFERENCE": str(home / "reference")})
        self.worlds = list(worlds)
        self.programmes = [programme(one) for one in self.worlds]
        self.publish_reference()
        self.catalog: Catalog = contracts.load(self.settings.project / "expectations")
        self.register = Register(self.settings.register_path)
        self.loaded_to: dt.datetime | None = None

    def publish_reference(self, overrides: Mapping[dt.date, bool] = CALENDAR_OVERRIDES) -> None:
        """Writes the seed files as the worlds have them now."""
        reference(self.worlds, self.settings.reference, overrides)
        self.reference = Reference.read(self.settings.reference)

    def night(self, as_of: dt.datetime) -> gate.GateReport:
        """Loads what was written since the last night, less the lookback, up to `as_of`, and builds."""
        day = as_of.astimezone(SHANGHAI).date() - dt.timedelta(days=1)
        run = self.register.begin_run(day, as_of)
        window = Interval(self.loaded_to and self.loaded_to - LOOKBACK, as_of)
        self._land(run, window)
        report = gate.gate(self.settings, self.register, self.catalog, run)
        run_dbt = dbt._run
        left_out = [] if self.with_tests else ["--exclude-resource-type", "test"]

        def run_without(project: StagedProject, settings: Settings, work_file: Path, command: list[str], **named: Any) -> Any:
            return run_dbt(project, settings, work_file, [*command, *left_out], **named)

        with mock.patch.object(dbt, "_run", run_without):
            warehouse.build(self.settings, self.register, self.catalog, run)
        self.loaded_to = as_of
        return report

    def _land(self, run: Run, window: Interval) -> None:
        self._land_rows(run, window, "window", self._books(lambda books: books.changed(window.start, window.end)))
        if self.loaded_to is not None:
            loaded_to = self.loaded_to
            gone = self._books(lambda books: books.deleted(loaded_to, window.end))
            self._land_rows(run, window, "tombstone", gone, _deleted=True)
        self._land_returns(run, window)

    def _books(self, read: Callable[[Books], Mapping[str, list[Row]]]) -> dict[str, list[Row]]:
        """What is read of the books of all districts, by the record's full name."""
        found: dict[str, list[Row]] = defaultdict(list)
        for books in (*self.worlds, *self.programmes):
            for name, rows in read(books).items():
                found[name] += rows
        return found

    def _land_rows(
        self, run: Run, window: Interval, kind: str, found: Mapping[str, list[Row]], snapshot_at: dt.datetime | None = None, **stamps: Any
    ) -> None:
        for name, its in found.items():
            record = self.catalog.record(name)
            rows = [{**row, **stamps} for row in its]
            given = {*record.declared_schema().names, *(rows[0] if rows else ())}
            columns = pa.schema([column for column in record.landing_schema() if column.name in given])
            landing.land(
                self.settings, self.register, record, pa.Table.from_pylist(rows, columns), kind=kind, window=window,
                snapshot_at=snapshot_at or window.end, run=run, expected_rows=len(rows),
            )  # fmt: skip

    def _land_returns(self, run: Run, window: Interval) -> None:
        """The files received since the last night: the first of each community and month together, then the second of each."""
        files = [one for of_district in self.programmes for one in of_district.received(self.loaded_to, window.end)]
        waves: dict[tuple[int, int], list[Return]] = defaultdict(list)
        of_month: dict[Key, list[Return]] = defaultdict(list)
        for one in sorted(files, key=lambda one: one.received_at):
            before = of_month[one.community_code, one.month_on]
            instants = {other.received_at for other in before} - {one.received_at}
            waves[len(instants), sum(other.received_at == one.received_at for other in before)].append(one)
            before.append(one)
        for (instant, _), of_wave in sorted(waves.items()):
            snapshot_at = window.end - dt.timedelta(seconds=60 - instant)
            for name in RETURNS:
                rows = [row | {"_parent_version": one.file_sha} for one in of_wave for row in one.rows[name]]
                self._land_rows(run, window, "window", {f"meeting_returns.{name}": rows}, snapshot_at)

    def rebuild(self, as_of: dt.datetime, into: Path) -> Path:
        """A file in the folder `into`, computed for `as_of` from everything loaded so far, as a restatement is."""
        run = self.register.begin_run(as_of.astimezone(SHANGHAI).date() - dt.timedelta(days=1), as_of)
        built = into / self.settings.work_file.name
        warehouse.rebuild(self.settings, self.register, self.catalog, run, self.register.verdicts(), built)
        return built

    def marts(self, built: Path | None = None) -> dict[str, Mart]:
        """The marts as the warehouse, or another file, has them."""
        found = {}
        with duckdb.connect(str(built or self.settings.work_file), read_only=True) as connection:
            for name, keys in KEYS.items():
                rows = connection.sql(f"select * from mart.{name}").to_arrow_table().to_pylist()
                found[name] = {tuple(row[key] for key in keys): row for row in rows}
                if len(found[name]) != len(rows):
                    raise AssertionError(f"{name}: {len(rows)} rows for {len(found[name])} keys")
        return found

    def compare(self, as_of: dt.datetime, built: Path | None = None) -> Comparison:
        """The marts beside the oracle's, world by world; those of `built` know what has been loaded since as_of."""
        found, comparison = self.marts(built), Comparison()
        districts = {w.district_code for w in self.worlds}
        for name, mart in found.items():
            strangers = {key[1] for key in mart} - districts
            comparison.differences += [f"{name}: a district nobody has, {district}" for district in sorted(strangers)]
        for one, other in zip(self.worlds, self.programmes, strict=True):
            expected = self.expected(one, other, as_of, self.loaded_to if built and self.loaded_to else as_of)
            for name, mart in found.items():
                its_own = {key: row for key, row in mart.items() if key[1] == one.district_code}
                comparison.add(name, expected[name], its_own)
        return comparison

    def expected(self, one: World, other: Programme, as_of: dt.datetime, known: dt.datetime) -> dict[str, Mart]:
        """Every mart of a district as of an instant as the oracle has it, from what had been written by `known`."""
        rows = {name.partition(".")[2]: its for books in (one, other) for name, its in books.loaded(known).items()}
        cases = oracle.cases_of(rows, self.reference, as_of)
        book = programme_oracle.CaseBook.of(rows, cases, as_of)
        return oracle.marts(cases, as_of) | {
            "mart_case_volume": case_oracle.volume(rows, cases, self.reference, as_of),
            "mart_whistle": case_oracle.whistle(cases, rows["whistles"], self.reference, as_of),
            "mart_backlog": case_oracle.backlog(cases, self.reference, as_of),
            "mart_frequent_problem": case_oracle.frequent_problem(cases, as_of),
            "mart_patrol": programme_oracle.patrol(rows, book, self.reference, as_of),
            "mart_matter": ledger_oracle.matter(other.filed(known), self.reference, as_of),
            "mart_points": ledger_oracle.points(rows, self.reference, as_of),
            "mart_lead": ledger_oracle.lead(rows, self.reference, as_of),
            "mart_return_completeness": return_oracle.completeness(other.filed(known), self.reference, one.district_code, as_of),
        }


def unexpected(report: gate.GateReport) -> list[str]:
    """What the gate did to these valid submissions that it should not have.

    A callback made between two resolutions of its round was fine when it was made; it is bad once the second stands.
    """
    found = []
    for record in report.records:
        if record.landed != record.accepted + record.quarantined + record.held + record.duplicates:
            found.append(f"{record.record}: {record.landed} rows landed are not accounted for")
        for of_batch in record.rules.values():
            found += [
                f"{record.record}: {rule} broken by {rows} rows"
                for rule, rows in of_batch.items()
                if (record.record, rule) != ("case_system.callbacks", "called_after_resolution")
            ]
    return sorted(found)


def main(arguments: Iterable[str] | None = None) -> int:
    """The command; 0 when nothing differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--as-of", type=dt.datetime.fromisoformat, nargs="+", default=[AS_OF], help="one night each, in order")
    parser.add_argument("--home", type=Path, help="an empty folder to work in and keep; a temporary one otherwise")
    parser.add_argument("--show", type=int, default=20, help="how many differences to print")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    moments = [at if at.tzinfo else at.replace(tzinfo=SHANGHAI) for at in asked.as_of]

    watch = _Watch()
    worlds = [world(seed, asked.cases) for seed in range(asked.first_seed, asked.first_seed + asked.seeds)]
    print(f"{len(worlds)} worlds of {asked.cases} cases ({watch})", flush=True)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="linli-worlds-") as folder:
        deployment = Deployment(asked.home or Path(folder), worlds)
        for as_of in moments:
            report = deployment.night(as_of)
            print(f"as of {as_of.isoformat()}: landed, gated and built ({watch})", flush=True)
            comparison = deployment.compare(as_of)
            wrong = unexpected(report) + comparison.differences
            bad += len(wrong)
            print(f"  {comparison.cells:,} cells compared, {len(comparison.differences)} differences ({watch})")
            for line in wrong[: asked.show]:
                print(f"  {line}")
    return 1 if bad else 0


class _Watch:
    """Seconds since it was last read."""

    def __init__(self) -> None:
        self.since = time.monotonic()

    def __str__(self) -> str:
        since, self.since = self.since, time.monotonic()
        return f"{self.since - since:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
