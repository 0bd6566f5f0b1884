"""Which days are loaded, and what is said of a source that used to be."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from linli import pipeline
from linli.failures import SourceContractBroken
from linli.pipeline.admission import DayBeforeFirst, DayBeforeNewest
from linli.pipeline.deployment import register_of
from linli.pipeline.months import DayNotLoaded
from linli.pipeline.steps import _note_the_rest
from linli.register import Batch, OtherOrigin, Register, Run, SourceStatus
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
    assert said["cases"] == ("not_configured", as_of(FIRST), "此前载入过；请检查 LINLI_CASE_SYSTEM_URL，确实不再载入就设为 off")
    assert said["whistles"] == ("not_configured", None, "")


def ended(settings: Settings, day: dt.date) -> tuple[str, list[SourceStatus]]:
    """How a published night ends in which nothing was read, and what it says of the feeds."""
    with register_of(settings) as register:
        run = register.begin_run(day, as_of(day))
        _note_the_rest(settings, register, run)
        register.note_publication(run.run_id, run, "0" * 64, as_of(day))
    state = pipeline.finish(settings, run.run_id, strict=False)
    with register_of(settings) as register:
        return state, register.source_statuses(run)


def test_a_source_that_was_loaded_lacks_when_nobody_has_said_that_it_is_retired(settings: Settings) -> None:
    assert ended(settings, FIRST)[0] == "succeeded"
    with register_of(settings) as register:
        loaded(register, FIRST)
    assert ended(settings, FIRST)[0] == "degraded"
    retired = replace(settings, retired=frozenset({"case_system"}))
    state, said = ended(retired, FIRST)
    assert (state, {each.state for each in said if each.source == "case_system"}) == ("succeeded", {"retired"})
    assert next(each.as_of for each in said if each.feed == "cases") == as_of(FIRST)
    assert Settings.load({"LINLI_CASE_SYSTEM_URL": "off"}).retired == retired.retired


def test_an_inbox_without_a_new_file_is_up_to_date(settings: Settings) -> None:
    later = FIRST + dt.timedelta(days=5)
    with register_of(settings) as register:
        loaded(register, FIRST)
        run = register.begin_run(later, as_of(later))
        register.set_source_status(run, SourceStatus("case_system", "cases", "loaded", "", as_of(later), 0))
        assert register.window_end("case_system", "cases") == as_of(FIRST)
        assert register.loaded_to("case_system", "cases", "cases") == as_of(later)
        assert register.loaded_to("case_system", "whistles", "whistles") is None


def test_an_older_day_does_not_take_the_publication_back_unasked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [FIRST + dt.timedelta(days=n) for n in range(4)]
    with register_of(settings) as register:
        loaded(register, FIRST)
    ended(settings, days[2])
    with pytest.raises(DayBeforeNewest, match=r"已发布到 2026-11-02，2026-11-01 的记录早已载入；.*linli rebuild --day 2026-11-01"):
        pipeline.begin(settings, days[1])
    assert pipeline.begin(settings, days[1], republish=True).day == days[1]
    assert pipeline.begin(settings, days[1], kind="reconcile").day == days[1]
    assert pipeline.begin(settings, days[2]).day == days[2]
    nights: list[tuple[dt.date, bool]] = []
    monkeypatch.setattr(sys.modules["linli.pipeline.night"], "night", lambda _, day, *, republish: nights.append((day, republish)))
    list(pipeline.backfill(settings, days[0], days[3]))
    list(pipeline.backfill(settings, days[0], days[1], republish=True))
    assert nights == [(days[2], False), (days[3], False), (days[0], True), (days[1], True)]
    with pytest.raises(DayBeforeNewest):
        list(pipeline.backfill(settings, days[0], days[1]))


def test_where_the_data_come_from_is_settled_once_something_has_landed(settings: Settings) -> None:
    with register_of(settings) as register:
        begun = [register.begin_run(FIRST, as_of(FIRST), is_demo=is_demo) for is_demo in (True, False)]
        assert register.is_of_demo() is None
        demo, real = (Batch(run.run_id, "case_system", "cases", "window", run.run_id, 1, None, as_of(FIRST), as_of(FIRST), run.run_id)
                      for run in begun)  # fmt: skip
        register.add_batches([real])
        assert register.is_of_demo() is False
        with pytest.raises(OtherOrigin, match="里是真实来源的数据，不载入示范区"):
            register.add_batches([demo])
        assert register.known_batch_ids() == {real.batch_id}
    with pytest.raises(OtherOrigin):
        pipeline.begin(replace(settings, is_demo=True), FIRST)
    assert pipeline.begin(settings, FIRST).day == FIRST


def test_a_home_in_which_nobody_said_that_it_is_a_demo_is_of_real_sources(settings: Settings) -> None:
    with register_of(settings) as register:
        loaded(register, FIRST)
        assert register.is_of_demo() is False


def test_a_reconciliation_does_not_make_a_feed_read(settings: Settings) -> None:
    later = FIRST + dt.timedelta(days=1)
    with register_of(settings) as register:
        loaded(register, FIRST)
        run = register.begin_run(later, as_of(later), kind="reconcile")
        register.set_source_status(run, SourceStatus("case_system", "cases", "loaded", "", as_of(later), 0))
        assert register.loaded_to("case_system", "cases", "cases") == as_of(FIRST)


def test_a_feed_is_not_loaded_past_what_the_gate_let_nothing_in_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = FIRST - dt.timedelta(days=2)
    with register_of(settings) as register:
        loaded(register, FIRST)
        run = register.begin_run(FIRST, as_of(FIRST))
        monkeypatch.setattr(Register, "stopped_windows", lambda _: {("case_system", "cases"): as_of(before)})
        _note_the_rest(replace(settings, connections={"case_system": "postgresql://127.0.0.1:1/x"}), register, run)
        said = {status.feed: (status.state, status.as_of) for status in register.source_statuses(run)}
    assert said["cases"] == ("failed", as_of(before))


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
