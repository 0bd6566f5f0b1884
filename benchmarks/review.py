"""The review pack of a month, of everybody, in four formats: `python benchmarks/review.py [2026-10]`.

Reads the published file of LINLI_HOME; where nothing is published, the main job is run on a demo district of its own before. Writes the
pack of the month (without one: of the last whole month loaded) twice into folders that are gone afterwards, and prints the time of each,
whether both are the same bytes, how many pages the PDFs have and how much is fetched from outside. 0 when the slower one kept the limit,
both are equal, every PDF is one page and nothing is fetched.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linli import pipeline
from linli.review import FORMATS
from linli.settings import Settings

LIMIT_SECONDS = 60.0
LEVELS = ("district", "community", "compound")
"""those the limit is about; the pack has stations and departments besides"""


@contextmanager
def _published() -> Iterator[Settings]:
    """The home of LINLI_HOME, or of a night on a demo district where that has published nothing."""
    settings = Settings.load()
    if settings.published.exists():
        yield settings
        return
    print("nothing is published: a night on a demo district of its own comes first", flush=True)
    with tempfile.TemporaryDirectory(prefix="linli-review-of-demo-") as folder:
        own = {name: value for name, value in os.environ.items() if not name.startswith("LINLI_")}
        own |= {"LINLI_HOME": f"{folder}/var", "LINLI_DEMO_HOME": f"{folder}/demo"}
        linli = Path(sys.executable).with_name("linli")
        try:
            subprocess.run([linli, "run"], env=own, stdout=subprocess.DEVNULL, check=True)
            yield Settings.load(own)
        finally:
            subprocess.run([linli, "demo", "down"], env=own, stdout=subprocess.DEVNULL, check=True)


def _last_whole_month(settings: Settings) -> dt.date:
    day = pipeline.latest_day(settings)
    assert day is not None
    return ((day + dt.timedelta(days=1)).replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("month", nargs="?", type=lambda text: dt.date.fromisoformat(f"{text}-01"))
    given = parser.parse_args().month
    said, took = [], []
    with _published() as settings, tempfile.TemporaryDirectory(prefix="linli-review-") as folder:
        month = given or _last_whole_month(settings)
        for number in (1, 2):
            start, cpu = time.perf_counter(), time.process_time()
            pack = pipeline.review(settings, month, into=Path(folder) / str(number))
            took.append(time.perf_counter() - start)
            said.append(json.loads((pack.folder / "pack.json").read_text(encoding="utf-8")))
            limited = sum(unit.level in LEVELS for unit in pack.units)
            print(
                f"pack {number}: {len(pack.units)} units ({limited} of {', '.join(LEVELS)}), {len(pack.files)} files in"
                f" {len(FORMATS)} formats, {took[-1]:.1f} s, {time.process_time() - cpu:.1f} CPU s"
            )
        pages = [len(re.findall(rb"/Type\s*/Page\b", path.read_bytes())) for path in pack.folder.glob("*.pdf")]
        outside = [path.name for path in pack.folder.glob("*.html") if re.search(rb"(?:src|href)=\"(?:\w+:)?//", path.read_bytes())]
    is_equal, is_whole = said[0] == said[1], set(pages) == {1}
    print(f"same bytes: {is_equal}; PDFs of one page: {pages.count(1)} of {len(pages)}; references to the outside: {len(outside)}")
    holds = max(took) <= LIMIT_SECONDS and is_equal and is_whole and not outside
    print(f"at most {LIMIT_SECONDS:g} s: {'holds' if holds else 'DOES NOT HOLD'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
