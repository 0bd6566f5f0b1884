"""Nights killed at a few boundaries and moments, one after the other on one home; `python -m tests.faults.kills` tries them all.

A chain is worse than the single kills: each night begins among what all the dead ones before it have left.
"""

from __future__ import annotations

import importlib
import os
import random
import tempfile
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from faults.kills import DAY, Outcome, Theatre, unaccounted
from faults.mortal import BOUNDARIES
from linli import pipeline
from linli.register import Register, SupersededRun

CHAIN = (
    ("batch linked", "group"),
    ("reading linked, not registered", "group"),
    ("verdict file written", "group"),
    ("in the middle of dbt", "alone"),
    ("switched, not registered", "group"),
)
MOMENTS = 3


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    # Not in pytest's own folder: it closes that to others again and again, and as root PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="linli-kills-") as folder:
        theatre = Theatre(Path(folder).resolve())
        try:
            theatre.raise_curtain()
            yield theatre
        finally:
            theatre.close()


def test_killed_nights_leave_no_trace_in_what_is_published(theatre: Theatre) -> None:
    """And a night that began before the last one and wakes up after it may neither load nor publish any more."""
    outcome = Outcome("a chain of kills")
    theatre.restore()
    rng = random.Random(7)
    # Early moments, because a landing has more to leave half-done than a build.
    moments = sorted(theatre.seconds * rng.random() ** 2 for _ in range(MOMENTS))
    with theatre.watched(outcome):
        killed = [theatre.strike_at(*each) for each in CHAIN]
        # where the machine has more time than when the undisturbed night was measured, one is over before its moment: then half of it
        killed += [any(theatre.strike_after(moment / part) for part in (1, 2, 4)) for moment in moments]
        zombie = pipeline.begin(theatre.settings, DAY)
        theatre.rerun()
    assert all(killed), "every night was to die"
    theatre.compare(outcome)
    assert (outcome.faults, outcome.torn) == ([], [])
    assert outcome.looks > 20
    newest = theatre.settings.published.resolve()
    with pytest.raises(SupersededRun):
        pipeline.publish_run(theatre.settings, zombie.run_id)
    with pytest.raises(SupersededRun):
        pipeline.extract_feed(theatre.settings, zombie.run_id, pipeline.FeedRef("case_system", "cases"))
    assert theatre.settings.published.resolve() == newest
    with Register(theatre.settings.register_path) as register:
        assert register.batches(run_id=zombie.run_id) == []


def test_every_boundary_is_where_it_is_looked_for() -> None:
    for module, dotted, when in BOUNDARIES.values():
        assert callable(attrgetter(dotted)(importlib.import_module(module))), dotted
        assert when in ("before", "after", "during")


def test_the_comparison_sees_what_it_is_for(theatre: Theatre) -> None:
    """A batch file nobody registered, a verdict that does not add up with its rows, a release of other figures."""
    theatre.restore()
    settings = theatre.settings
    assert unaccounted(settings) == []
    with Register(settings.register_path) as register:
        batch = next(batch for batch in register.batches() if batch.rows)
    path = settings.home / batch.path
    os.link(path, path.with_name("window-nobody.parquet"))
    assert [fault.split(":")[0] for fault in unaccounted(settings)] == ["not registered"]
    path.unlink()
    assert f"registered without a file: {batch.path}" in unaccounted(settings)
    outcome = Outcome("the night before")
    theatre.compare(outcome)
    assert "the published content differs" in outcome.faults
