"""`python reader.py STOP_FILE`: an analyst who opens the published warehouse again and again until STOP_FILE is there.

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

PAUSE_SECONDS = 0.1

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


def main(stop: Path) -> None:
    settings = Settings.load()
    known: dict[str, object] = {}
    torn: list[str] = []
    looks, parent = 0, os.getppid()
    while not stop.exists() and os.getppid() == parent:
        try:
            found = look(settings, known)
            looks += 1
        except NothingPublished:
            found = None
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        if found:
            torn.append(found)
        time.sleep(PAUSE_SECONDS)
    sys.stdout.write(json.dumps({"looks": looks, "versions": sorted(known), "torn": torn}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
