"""`python reader.py STOP_FILE`: an analyst who opens the published warehouse again and again until STOP_FILE is there: whenever the link
to the newest release, the file it leads to or the folder of that is another than at the last look, and once a second all the same.

Every look must find one whole release: its own version in `published_at` and in the file name, the same sums as the last time for the
same version, levels that agree. Prints one JSON object: looks, versions seen, and what was torn.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from linli.publication import NothingPublished, open_published
from linli.settings import Settings

PAUSE_SECONDS, UNCHANGED_SECONDS = 0.02, 1.0
"""a pause between two glances at the link; how long a release that stays as it is goes without a look"""

SUMS = """
    select
      (select list(distinct version) from main.published_at),
      (select list(distinct content_hash) from main.published_at),
      (select list(distinct epoch_us(as_of)) from main.published_at),
      (select [count(*), sum(due_count), sum(on_time_count), sum(case when level = 'district' then due_count end),
         sum(case when level = 'compound' then due_count end)]::bigint[] from mart.mart_clock_257),
      (select [count(*), sum(eligible_count), sum(double_satisfied_count), sum(case when level = 'district' then eligible_count end),
         sum(case when level = 'compound' then eligible_count end)]::bigint[] from mart.mart_two_callback_satisfaction),
      (select path from duckdb_databases() where database_name = current_database())
"""


def look(settings: Settings, known: dict[str, object]) -> str | None:
    """What is wrong with the release found now; None when nothing is. Raises NothingPublished."""
    con = open_published(settings)
    try:
        row = con.execute(SUMS).fetchone()
    finally:
        con.close()
    assert row is not None
    versions, hashes, moments, clock, satisfaction, path = row
    if not len(versions) == len(hashes) == len(moments) == 1:
        return "published_at names more than one version"
    if versions[0] not in Path(path).name:
        return "the file is named after another version than it holds"
    if clock[3] != clock[4] or satisfaction[3] != satisfaction[4]:
        return "district and compounds differ"
    seen = [hashes, moments, clock, satisfaction]
    if known.setdefault(versions[0], seen) != seen:
        return "one version read twice gave two answers"
    return None


def state(published: Path) -> tuple[object, ...]:
    """What changes with the release found at this link: where it leads, which file is there, how large and since when, and what is
    beside it."""
    try:
        found, folder = published.stat(), published.resolve().parent.stat()
        return str(published.readlink()), found.st_ino, found.st_size, found.st_mtime_ns, folder.st_mtime_ns
    except OSError:
        return ()


def main(stop: Path) -> None:
    settings = Settings.load()
    known: dict[str, object] = {}
    torn: list[str] = []
    looks, parent = 0, os.getppid()
    seen: tuple[object, ...] | None = None
    looked_at = 0.0
    while not stop.exists() and os.getppid() == parent:
        # taken before the look: what changes during it is looked at again
        found_now = state(settings.published)
        if found_now == seen and time.monotonic() - looked_at < UNCHANGED_SECONDS:
            time.sleep(PAUSE_SECONDS)
            continue
        seen, looked_at = found_now, time.monotonic()
        try:
            found = look(settings, known)
            looks += 1
        except NothingPublished:
            found = None
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        if found:
            torn.append(found)
    sys.stdout.write(json.dumps({"looks": looks, "versions": sorted(known), "torn": torn}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
