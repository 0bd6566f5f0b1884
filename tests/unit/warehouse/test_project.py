"""The staged project: in line with its origin, with the deployment's seeds, and a hash that moves with every definition."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pytest
import yaml

from linli.calendar import calendar_rows, last_published_year
from linli.register import Register
from linli.settings import SHANGHAI, Settings, as_of
from linli.warehouse.build import last_calendar_day
from linli.warehouse.project import CAMPAIGNS, chosen, fingerprint, keep_seeds, small_group_n, stage


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    project, reference = tmp_path / "project", tmp_path / "reference"
    (project / "dbt_project" / "models").mkdir(parents=True)
    (project / "dbt_project" / "models" / "a.sql").write_text("select 1")
    (project / "dbt_project" / "seeds").mkdir()
    (project / "dbt_project" / "seeds" / "districts.csv").write_text("district_code\n340405\n")
    (project / "expectations").mkdir()
    reference.mkdir()
    (reference / "districts.csv").write_text("district_code\n340402\n")
    return Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_PROJECT": str(project), "LINLI_REFERENCE": str(reference)})


def test_the_deployments_seeds_replace_the_projects(settings: Settings) -> None:
    staged = stage(settings)
    assert (staged.folder / "seeds" / "districts.csv").read_text() == "district_code\n340402\n"
    assert (staged.folder / "models" / "a.sql").read_text() == "select 1"


def test_how_many_are_few_is_what_the_marts_go_by(settings: Settings) -> None:
    declared = settings.project / "dbt_project" / "dbt_project.yml"
    declared.parent.mkdir(parents=True, exist_ok=True)
    declared.write_text("vars: {small_group_n: 7}", encoding="utf-8")
    assert small_group_n(settings) == 7


def test_an_unchanged_file_keeps_its_time_and_a_removed_one_goes(settings: Settings) -> None:
    first = stage(settings)
    model = first.folder / "models" / "a.sql"
    before = model.stat().st_mtime_ns
    assert stage(settings).definitions == first.definitions
    assert model.stat().st_mtime_ns == before
    (settings.project / "dbt_project" / "models" / "a.sql").unlink()
    assert stage(settings).definitions != first.definitions
    assert not model.exists()


def test_the_fingerprint_moves_with_definitions_thresholds_and_calendar(settings: Settings) -> None:
    days = calendar_rows(dt.date(2026, 1, 1), dt.date(2026, 1, 5))
    project = stage(settings)
    prints = {
        fingerprint(project, settings, days),
        fingerprint(project, dataclasses.replace(settings, satisfied_min_score=5), days),
        fingerprint(project, dataclasses.replace(settings, small_sample_n=20), days),
        fingerprint(project, settings, calendar_rows(dt.date(2026, 1, 1), dt.date(2026, 1, 5), {dt.date(2026, 1, 5): False})),
    }
    (settings.reference / "districts.csv").write_text("district_code\n340403\n")
    prints.add(fingerprint(stage(settings), settings, days))
    assert len(prints) == 5
    shutil.rmtree(settings.home / "dbt")
    assert fingerprint(stage(settings), settings, days) in prints


def test_no_new_year_changes_the_fingerprint_but_a_published_year_does(settings: Settings) -> None:
    project, published = stage(settings), last_published_year()
    first_on, years = dt.date(published, 1, 1), range(published - 5, published + 9)
    last_on = {year: last_calendar_day(dt.datetime(year, 1, 2, tzinfo=SHANGHAI)) for year in years}
    longest = calendar_rows(first_on, max(last_on.values()))

    def of(year: int, known: int = published) -> str:
        days = longest.slice(0, (last_on[year] - first_on).days + 1)
        announced = pc.less_equal(pc.year(days["calendar_on"]), known)
        provisional = pc.and_(days["is_provisional"], pc.invert(announced))
        return fingerprint(project, settings, days.set_column(2, "is_provisional", provisional))

    assert len({of(year) for year in years}) == 1
    assert last_calendar_day(dt.datetime(published + 9, 1, 1, tzinfo=SHANGHAI)).year == published + 20
    assert of(published + 1, known=published + 1) != of(published + 1)


def test_what_was_chosen_lies_over_the_reference_and_redefines_nothing(settings: Settings) -> None:
    (settings.reference / CAMPAIGNS).write_text("listed")
    before = stage(settings)
    chosen(settings).mkdir(parents=True)
    (chosen(settings) / CAMPAIGNS).write_text("listed and chosen")
    after = stage(settings)
    assert (after.folder / "seeds" / CAMPAIGNS).read_text() == "listed and chosen"
    assert after.definitions == before.definitions
    assert after.campaigns != before.campaigns


def test_a_past_day_has_the_seeds_of_the_last_night_up_to_it(settings: Settings) -> None:
    kept = {}
    with Register(settings.register_path) as register:
        for day, code in ((1, "340401"), (3, "340403"), (5, "340403")):
            (settings.reference / "districts.csv").write_text(f"district_code\n{code}\n")
            run = register.begin_run(dt.date(2026, 10, day), as_of(dt.date(2026, 10, day)))
            kept[day] = keep_seeds(settings, stage(settings))
            register.note_seeds(run, kept[day])
            if day != 5:
                with register.publishing(run):
                    register.note_publication(f"v{day}", run, "hash", run.as_of)
        assert kept[1] != kept[3] == kept[5]
        found = {day: register.seeds_at(as_of(dt.date(2026, 10, day))) for day in (1, 2, 3, 31)}
        assert found == {1: kept[1], 2: kept[1], 3: kept[3], 31: kept[3]}
        assert register.seeds_at(as_of(dt.date(2026, 9, 1))) == kept[1]
    then = stage(settings, kept[1])
    assert (then.folder / "seeds" / "districts.csv").read_text() == "district_code\n340401\n"
    assert stage(settings).definitions != then.definitions


def test_every_thread_of_a_build_that_spills_can_set_what_the_profile_sets(tmp_path: Path) -> None:
    """dbt sets them on each of its connections, and DuckDB does not take every setting once something lies on disk."""
    profile = yaml.safe_load((Settings.load({}).project / "dbt_project" / "profiles.yml").read_text(encoding="utf-8"))
    chosen = profile["linli"]["outputs"]["duckdb"]["settings"] | {"memory_limit": "24MB", "threads": 2}
    with duckdb.connect(tmp_path / "work.duckdb") as con:
        for _ in range(2):
            with con.cursor() as cursor:
                for name, value in chosen.items():
                    cursor.execute(f"set {name} = '{value}'")
                cursor.execute("create or replace temp table t as select md5(i::varchar) as h, i from range(200000) r(i) order by h")
                [(spilled,)] = cursor.execute("select count(*) from duckdb_temporary_files()").fetchall()
        assert spilled


def test_all_is_parsed_anew_when_a_macro_has_changed(settings: Settings) -> None:
    macro = settings.project / "dbt_project" / "macros" / "m.sql"
    macro.parent.mkdir()
    macro.write_text("{% macro m() %}{% endmacro %}", encoding="utf-8")
    parsed = stage(settings).target / "partial_parse.msgpack"
    parsed.parent.mkdir(parents=True)
    parsed.write_bytes(b"")
    (settings.project / "dbt_project" / "models" / "a.sql").write_text("select 2")
    stage(settings)
    assert parsed.exists()
    macro.write_text("{% macro m() %}{{ ref('a') }}{% endmacro %}", encoding="utf-8")
    stage(settings)
    assert not parsed.exists()
