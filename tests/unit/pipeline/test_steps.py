"""Which days are loaded, and what is said of a source that used to be."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from linli import pipeline
from linli.failures import SourceContractBroken
from linli.pipeline.months import DayNotLoaded
from linli.pipeline.steps import DayBeforeFirst, _note_the_rest, register_of
from linli.register import Batch, Register, Run
from linli.settings import Settings, as_of

FIRST = dt.date(2026, 10, 31)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path / "home")})


def loaded(register: Register, day: dt.date) -> Run:
    run = register.begin_run(day, as_of(day))
    moment = as_of(day)
    register.add_batches([Batch(str(day), "case_system", "cases", "window", f"lake/{day}", 1, None, moment, moment, run.run_id)])
    return run


def test_a_day_before_the_first_one_loaded_is_refused(settings: Settings) -> None:
    assert pipeline.begin(settings, FIRST).day == FIRST
    with register_of(settings) as register:
        loaded(register, FIRST)
        loaded(register, FIRST + dt.timedelta(days=3))
    assert pipeline.begin(settings, FIRST).day == FIRST
    with pytest.raises(DayBeforeFirst, match=r"2026-10-30 早于最初载入的 2026-10-31：.*请从 2026-10-31 起"):
        pipeline.begin(settings, FIRST - dt.timedelta(days=1))
    with pytest.raises(DayBeforeFirst):
        pipeline.rebuild(settings, FIRST - dt.timedelta(days=1))


def test_a_day_that_no_night_has_reached_is_not_rebuilt(settings: Settings) -> None:
    with register_of(settings) as register:
        run = loaded(register, FIRST)
        register.note_publication("v", run, "0" * 64, as_of(FIRST))
    with pytest.raises(DayNotLoaded, match="2026-11-01 还没有载入"):
        pipeline.rebuild(settings, FIRST + dt.timedelta(days=1))


def test_a_source_no_longer_configured_keeps_the_day_it_was_loaded_to(settings: Settings) -> None:
    with register_of(settings) as register:
        loaded(register, FIRST)
        run = register.begin_run(FIRST + dt.timedelta(days=1), as_of(FIRST + dt.timedelta(days=1)))
        _note_the_rest(settings, register, run)
        said = {status.feed: (status.state, status.as_of, status.detail) for status in register.source_statuses(run)}
    assert said["cases"] == ("not_configured", as_of(FIRST), "此前载入过")
    assert said["whistles"] == ("not_configured", None, "")


def test_the_newest_night_if_it_has_failed(settings: Settings) -> None:
    assert pipeline.failed_since(settings) is None
    with register_of(settings) as register:
        register.end_run(register.begin_run(FIRST, as_of(FIRST)), "failed")
        register.end_run(register.begin_run(FIRST, as_of(FIRST), kind="rebuild"), "succeeded")
    assert pipeline.failed_since(settings) == FIRST
    with register_of(settings) as register:
        register.end_run(register.begin_run(FIRST, as_of(FIRST)), "degraded")
    assert pipeline.failed_since(settings) is None


@pytest.mark.parametrize("address", ["foo://host/cases", "127.0.0.1:5432/cases"])
def test_an_address_of_no_kind_is_refused_before_anything_is_loaded(tmp_path: Path, address: str) -> None:
    with pytest.raises(SourceContractBroken, match="LINLI_CASE_SYSTEM_URL"):
        pipeline.check_addresses(Settings.load({"LINLI_HOME": str(tmp_path), "LINLI_CASE_SYSTEM_URL": address}))
