"""Random districts through landing, gate and build: every figure of both marts as the domain's rules have it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import pytest

from worlds.compare import AS_OF, Deployment, unexpected
from worlds.oracle import SHANGHAI
from worlds.world import world


def midnight(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def load(deployment: Deployment, nights: Iterable[dt.datetime]) -> None:
    """Loads the nights, the marts beside the oracle's after each."""
    for as_of in nights:
        assert unexpected(deployment.night(as_of)) == []
        comparison = deployment.compare(as_of)
        assert comparison.cells > 1000
        assert comparison.differences[:10] == []


def test_in_one_go(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, [world(seed, cases=1000) for seed in (101, 102, 103, 104)])
    load(deployment, [AS_OF])


@pytest.mark.parametrize("as_of", ["2026-02-18", "2026-10-10"])
def test_as_of_a_holiday_and_a_make_up_day(tmp_path: Path, as_of: str) -> None:
    load(Deployment(tmp_path, [world(111, cases=1000)]), [midnight(as_of)])


def test_night_by_night_equals_one_go(tmp_path: Path) -> None:
    worlds = [world(seed, cases=400) for seed in (121, 122)]
    nights = [midnight(day) for day in ("2026-02-21", "2026-02-22", "2026-03-01", "2026-10-10", "2026-12-31", "2027-01-01", "2027-01-05")]
    by_night, at_once = Deployment(tmp_path / "by_night", worlds), Deployment(tmp_path / "at_once", worlds)
    load(by_night, nights)
    load(at_once, nights[-1:])
    assert by_night.marts() == at_once.marts()
