"""Kills a night again and again, runs it once more, and compares what is published with a night nobody disturbed.

`python -m tests.faults.kills --moments 50` tries every boundary of `mortal.BOUNDARIES` on a home of its own and fifty random moments,
and prints how many published hashes differ (demanded: 0), rows unaccounted for (0) and torn readings (0).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq

from linli import demo, pipeline, publication
from linli.register import Register
from linli.settings import Settings

HERE = Path(__file__).resolve().parent
DAY = dt.date(2025, 12, 1)
"""just after the first month of returns, early in the demo's history: a night is short, and every source has something new"""

LATE_FILES = 6
"""files kept back from the night before, so that this one has some to take in"""

SEVERAL = {
    "written aside": 9, "batch linked": 8, "reading linked, not registered": 7, "reading registered": 3,
    "record judged, not registered": 9, "record judged": 6,
}  # fmt: skip
"""which time to strike where a night comes to a boundary often; the eighth link is inside a file's reading of four records"""

EVERY_READING = range(1, 12, 2)
EVERY_RECORD = range(2, 17, 4)
INSIDE_THE_PATROLS = 16
"""links before it: five of the case system, four of each late file, two of the patrols' four"""


@dataclass
class Outcome:
    """What became of one try: a name, and everything that is not as it should be."""

    name: str
    faults: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    looks: int = 0
    seconds: float = 0.0


class Theatre:
    """One district, a home of the night before as the starting point of every try, and the hash of an undisturbed night."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.base = folder, folder / "home", folder / "base"
        self.env: dict[str, str] = {}
        self.hash, self.last_words = "", ""
        self.seconds = 0.0

    def raise_curtain(self) -> None:
        """Starts the district, runs the night before, and the night itself undisturbed."""
        district = self.folder / "district"
        with mock.patch.dict(os.environ, LINLI_DEMO_FAULT_RATE="0"):
            sources = demo.up(district, until=DAY)
        late = sorted((district / "inbox").iterdir(), key=lambda path: path.stat().st_mtime)[-LATE_FILES:]
        for path in late:
            path.rename(district / path.name)
        self.env = {**os.environ, **sources, "LINLI_HOME": str(self.home), "LINLI_INBOX_QUIET_SECONDS": "0"}
        # nobody is to kill this one: it needs no process of its own
        pipeline.night(self.settings, DAY - dt.timedelta(days=1))
        self.home.rename(self.base)
        for path in late:
            (district / path.name).rename(path)
        self.restore()
        started = time.monotonic()
        self.rerun()
        self.seconds = time.monotonic() - started
        self.hash = publication.content_hash(self.settings.published)

    def close(self) -> None:
        demo.down(self.folder / "district")

    @property
    def settings(self) -> Settings:
        return Settings.load(self.env)

    def restore(self) -> None:
        """The home of the night before, in the same place: dbt takes up what it has parsed there."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.base, self.home, symlinks=True)

    def start(self, *program: str) -> subprocess.Popen[str]:
        """A night in a process group of its own."""
        command = [sys.executable, *program, "night", "--day", DAY.isoformat()]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def rerun(self) -> None:
        """A whole night. Raises RuntimeError with its last words when it does not succeed."""
        command = [sys.executable, "-m", "linli.cli", "night", "--day", DAY.isoformat()]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the night ended with {done.returncode}: {done.stderr[-600:]}")

    def strike_at(self, boundary: str, how: str = "group") -> bool:
        """A night ended at a boundary ('name' or 'name#nth'); whether it was killed there."""
        name, _, nth = boundary.partition("#")
        process = self.start(str(HERE / "mortal.py"), name, nth or str(SEVERAL.get(name, 1)), how)
        _, self.last_words = process.communicate()
        return process.returncode == -signal.SIGKILL

    def strike_after(self, seconds: float, how: str = "group") -> bool:
        """A night ended `seconds` after it began; whether it was still running."""
        process = self.start("-m", "linli.cli")
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            if how == "group":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
        return process.returncode == -signal.SIGKILL

    @contextmanager
    def watched(self, outcome: Outcome) -> Iterator[None]:
        """A polling reader beside whatever is done meanwhile; its findings go into `outcome`."""
        stop = self.folder / "stop"
        stop.unlink(missing_ok=True)
        reader = subprocess.Popen([sys.executable, str(HERE / "reader.py"), str(stop)], env=self.env, stdout=subprocess.PIPE, text=True)
        started = time.monotonic()
        try:
            yield
        finally:
            stop.touch()
            said, _ = reader.communicate()
            found = json.loads(said) if said else {"looks": 0, "torn": ["the reader died"]}
            outcome.looks, outcome.seconds = found["looks"], time.monotonic() - started
            outcome.torn += found["torn"]

    def compare(self, outcome: Outcome) -> None:
        """Adds to `outcome` whatever differs from an undisturbed night."""
        if publication.content_hash(self.settings.published) != self.hash:
            outcome.faults.append("the published content differs")
        outcome.faults += unaccounted(self.settings)

    def one(self, name: str, *strikes: tuple[str | float, str]) -> Outcome:
        """A fresh home, some nights killed one after the other, one undisturbed, the comparison."""
        outcome = Outcome(name)
        self.restore()
        with self.watched(outcome):
            for where, how in strikes:
                killed = self.strike_at(where, how) if isinstance(where, str) else self.strike_after(where, how)
                if isinstance(where, str) and not killed:
                    outcome.faults.append(f"the night did not come to: {where} {self.last_words[-400:]}")
            try:
                self.rerun()
            except RuntimeError as error:
                outcome.faults.append(str(error))
        self.compare(outcome)
        return outcome


def unaccounted(settings: Settings) -> list[str]:
    """Where register and lake do not agree: every batch file is registered and judged, every row in its account, nothing is left over."""
    faults = []
    files = {
        path.relative_to(settings.home).as_posix()
        for path in settings.lake.glob("*/*/dt=*/*.parquet")
        if not path.name.startswith(("keys-", "hash-"))
    }
    with Register(settings.register_path) as register:
        batches = register.batches()
        faults += [f"not registered: {path}" for path in sorted(files - {batch.path for batch in batches})]
        faults += [f"registered without a file: {batch.path}" for batch in batches if batch.path not in files]
        for batch in batches:
            verdict = register.latest_verdict(batch.batch_id)
            rows = pq.read_metadata(settings.home / batch.path).num_rows if batch.path in files else batch.rows
            if verdict is None:
                faults.append(f"not judged: {batch.batch_id}")
                continue
            account = verdict.accepted + verdict.quarantined + verdict.held + verdict.duplicates
            if not rows == batch.rows == verdict.landed == account:
                faults.append(f"{batch.batch_id}: {rows} rows in the file, {verdict.landed} landed, {account} accounted for")
            if verdict.path and not (settings.home / verdict.path).exists():
                faults.append(f"no verdict file: {verdict.verdict_id}")
        held = {r for b in {(b.source, b.record) for b in batches} for r in register.held_rows(*b)}
        for batch in batches:
            verdict = register.latest_verdict(batch.batch_id)
            waiting = sum(row.batch_id == batch.batch_id for row in held)
            if verdict and verdict.held != waiting:
                faults.append(f"{batch.batch_id}: {verdict.held} rows are held, {waiting} wait")
    leftovers = [*settings.releases.glob(".new-*"), *settings.warehouse.glob(".linli.*.link")]
    return faults + [f"left over: {path.name}" for path in leftovers]


def late_riser(theatre: Theatre, boundary: str) -> Outcome:
    """Two nights at once: the older one is stopped on its way, wakes up after the newer one has published, and must be refused."""
    outcome = Outcome(f"a night that wakes up late: {boundary}")
    theatre.restore()
    with theatre.watched(outcome):
        process = theatre.start(str(HERE / "mortal.py"), boundary, "1", "stop")
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        theatre.rerun()
        newest = theatre.settings.published.resolve()
        os.killpg(process.pid, signal.SIGCONT)
        _, words = process.communicate()
        if process.returncode == 0 or "不再继续" not in words:
            outcome.faults.append("the late night was not refused")
        if theatre.settings.published.resolve() != newest:
            outcome.faults.append("the late night has published")
        # what it has still landed is judged by the night after
        theatre.rerun()
    theatre.compare(outcome)
    return outcome


def at_boundaries(theatre: Theatre, boundaries: Mapping[str, object]) -> Iterator[Outcome]:
    """Every boundary, and the kills that leave a child of the night alive."""
    for boundary in boundaries:
        yield theatre.one(boundary, (boundary, "group"))
    yield theatre.one("inside the patrols", (f"batch linked#{INSIDE_THE_PATROLS}", "group"))
    yield theatre.one("in the middle of dbt, which is left alone", ("in the middle of dbt", "alone"))
    yield theatre.one("at every other reading", *((f"reading linked, not registered#{n}", "group") for n in EVERY_READING))
    yield theatre.one("at many records of the gate", *((f"record judged, not registered#{n}", "group") for n in EVERY_RECORD))


def late_risers(theatre: Theatre) -> Iterator[Outcome]:
    """Where a night holds no lock: elsewhere the newer one waits for the older one to wake up or die."""
    for boundary in ("written aside", "before the build", "after the build"):
        yield late_riser(theatre, boundary)


def at_moments(theatre: Theatre, moments: int, seed: int) -> Iterator[Outcome]:
    """Nights killed at random moments, every fourth leaving its children alive."""
    rng = random.Random(seed)
    for number in range(1, moments + 1):
        moment = rng.uniform(0.3, theatre.seconds)
        how = "alone" if number % 4 == 0 else "group"
        yield theatre.one(f"moment {number}: {how} after {moment:.2f} s", (moment, how))


def main() -> int:
    sys.path.insert(0, str(HERE))
    from mortal import BOUNDARIES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--only", choices=["boundaries", "late risers", "moments", *BOUNDARIES], help="one of the parts, or one boundary")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    outcomes = []
    with tempfile.TemporaryDirectory(prefix="linli-kills-") as folder:
        theatre = Theatre(Path(folder).resolve())
        try:
            theatre.raise_curtain()
            print(f"an undisturbed night takes {theatre.seconds:.1f} s and publishes {theatre.hash[:16]}", flush=True)
            parts = {
                "boundaries": at_boundaries(theatre, BOUNDARIES),
                "late risers": late_risers(theatre),
                "moments": at_moments(theatre, args.moments, args.seed),
            }
            if args.only in BOUNDARIES:
                parts = {args.only: iter([theatre.one(args.only, (args.only, "group"))])}
            for outcome in (outcome for name, part in parts.items() if args.only in (None, name) for outcome in part):
                outcomes.append(outcome)
                said = "; ".join(outcome.faults + outcome.torn) or "same"
                print(f"{outcome.name}: {said} ({outcome.looks} looks, {outcome.seconds:.0f} s)", flush=True)
        finally:
            theatre.close()
    moments = sum(outcome.name.startswith("moment ") for outcome in outcomes)
    differing = sum("the published content differs" in outcome.faults for outcome in outcomes)
    other = sum(fault != "the published content differs" for outcome in outcomes for fault in outcome.faults)
    torn = sum(len(outcome.torn) for outcome in outcomes)
    print(
        f"boundaries {len(outcomes) - moments}, moments {moments}, looks {sum(o.looks for o in outcomes)};"
        f" differing hashes {differing}, torn reads {torn}, other faults {other}"
    )
    return 1 if differing or torn or other else 0


if __name__ == "__main__":
    sys.exit(main())
