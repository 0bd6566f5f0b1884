"""Any past as_of computed again, whatever the threads, the time zone and the locale of the machine: one content hash each.

    python -m tests.worlds.rebuilds --moments 10

Loads random worlds in several nights, published one by one, then computes random past days again in processes of their own.
A day on which a night was published must also come out as it was published then, although the calendar has been corrected since. Exits
with 1 on any difference.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from linli import publication
from linli.settings import Settings

from .compare import Deployment
from .reference import SHANGHAI
from .world import CALENDAR_OVERRIDES, world

NIGHTS = tuple(dt.date(2026, month, day) for month, day in ((2, 20), (4, 30), (6, 30), (9, 30), (10, 10), (12, 31)))
CORRECTED, SATURDAY = NIGHTS[3], dt.date(2026, 3, 14)
"""from this night on that day is known to have been worked, which moves terms of March"""
MACHINES = (
    {"LINLI_THREADS": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    {"LINLI_THREADS": "2", "TZ": "Asia/Shanghai", "LC_ALL": "C"},
    {"LINLI_THREADS": "4", "TZ": "America/St_Johns", "LC_ALL": "POSIX", "PYTHONHASHSEED": "7"},
)
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


def load(home: Path, seeds: int, cases: int) -> tuple[Settings, dict[dt.date, str]]:
    """Loads and publishes the nights; the content hash each was published with, by day."""
    deployment = Deployment(home, [world(seed, cases) for seed in range(301, 301 + seeds)])
    published = {}
    for day in NIGHTS:
        if day == CORRECTED:
            deployment.publish_reference({**CALENDAR_OVERRIDES, SATURDAY: True})
        deployment.night(dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), SHANGHAI))
        run = deployment.register.run(deployment.register.runs(1)[0]["run_id"])
        release = publication.publish(deployment.settings, deployment.register, run, code_version="test", closed={})
        published[day] = release.content_hash
    return deployment.settings, published


def rebuilt(settings: Settings, day: dt.date, machine: dict[str, str]) -> str:
    """The content hash `linli rebuild` prints on such a machine."""
    env = {**os.environ, **machine, "LINLI_HOME": str(settings.home), "LINLI_REFERENCE": str(settings.reference), "COLUMNS": "200"}
    command = [sys.executable, "-m", "linli.cli", "rebuild", "--day", day.isoformat()]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    [found] = _HASH.findall(done.stdout)
    return str(found)


def main() -> int:
    """The command; 0 when each day has one hash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1, help="of the choice of days")
    asked = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="linli-rebuilds-") as folder:
        settings, published = load(Path(folder), asked.seeds, asked.cases)
        span = (NIGHTS[-1] - NIGHTS[0]).days
        others = [NIGHTS[0] + dt.timedelta(days=n) for n in random.Random(asked.seed).sample(range(span), asked.moments)]
        days = sorted({*others, *random.Random(asked.seed).sample(NIGHTS[:-1], min(2, asked.moments))})[: asked.moments]
        for day in days:
            hashes = {rebuilt(settings, day, machine) for machine in MACHINES}
            same = len(hashes) == 1 and published.get(day) in (None, *hashes)
            bad += not same
            print(f"{day}: {'one hash' if same else 'DIFFERENT'} {' '.join(sorted(h[:12] for h in hashes))}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
