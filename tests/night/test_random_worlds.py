"""Random districts through landing, gate and build: every figure of the marts compared as the domain's rules have it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from worlds import semantic
from worlds.compare import AS_OF, Deployment, unexpected
from worlds.reference import SHANGHAI
from worlds.world import CALENDAR_OVERRIDES, world


def midnight(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def load(deployment: Deployment, *nights: dt.datetime) -> None:
    """Loads the nights, the marts beside the oracle's after each."""
    for as_of in nights:
        assert unexpected(deployment.night(as_of)) == []
        comparison = deployment.compare(as_of)
        assert comparison.cells > 1000
        assert comparison.differences[:10] == []


def test_in_one_go(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "home", [world(seed, cases=600) for seed in (101, 102, 103)])
    load(deployment, AS_OF)
    # a past day computed from all that is known since
    (tmp_path / "past").mkdir()
    past = midnight("2026-10-10")
    comparison = deployment.compare(past, deployment.rebuild(past, tmp_path / "past"))
    assert comparison.cells > 1000
    assert comparison.differences[:10] == []
    # and as the semantic layer defines them
    comparison = semantic.compare(deployment.settings, deployment.marts())
    assert comparison.cells > 1000
    assert comparison.differences[:10] == []


def test_night_by_night_equals_one_go(tmp_path: Path) -> None:
    worlds = [world(seed, cases=250) for seed in (121, 122)]
    # in Spring Festival, a day later, on a make-up Saturday, in the year whose calendar is not published
    nights = [midnight(day) for day in ("2026-02-21", "2026-02-22", "2026-10-10", "2027-01-05")]
    by_night, at_once = (Deployment(tmp_path / name, worlds, with_tests=False) for name in ("by_night", "at_once"))
    load(by_night, *nights)
    assert unexpected(at_once.night(nights[-1])) == []
    assert by_night.marts() == at_once.marts()


def test_reference_data_corrected_between_two_nights(tmp_path: Path) -> None:
    one = world(131, cases=300)
    deployment = Deployment(tmp_path, [one], with_tests=False)
    # what a community reports of a compound that is no longer its own is a bad submission: not what is compared here
    deployment.programmes[0].returns.clear()
    load(deployment, midnight("2026-10-10"))
    before = deployment.marts()
    # a compound changes its community and station, a working day of the summer turns out to have been off
    one.compounds[0].update({name: one.compounds[-1][name] for name in ("community_code", "station_code")})
    deployment.publish_reference({**CALENDAR_OVERRIDES, dt.date(2026, 7, 15): False})
    load(deployment, midnight("2026-10-11"))
    july = (dt.date(2026, 7, 1), one.district_code, "district", one.district_code, "resolve")
    assert deployment.marts()["mart_clock_257"][july] != before["mart_clock_257"][july]
