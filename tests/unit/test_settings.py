"""Settings: read once, checked, and never shown with their secrets."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from linli import settings
from linli.settings import SHANGHAI, Settings, SettingsError, as_of


def test_as_of_is_local_midnight_after_the_day() -> None:
    assert as_of(dt.date(2026, 10, 31)).isoformat() == "2026-11-01T00:00:00+08:00"


def test_home_holds_everything_but_the_key_ring_can_live_elsewhere(tmp_path: Path) -> None:
    found = Settings.load({"LINLI_HOME": str(tmp_path / "h"), "LINLI_KEY_RING": str(tmp_path / "k" / "ring.json")})
    assert found.lake.is_relative_to(found.home) and found.work_file.is_relative_to(found.home)
    assert not found.key_ring.is_relative_to(found.home)


def test_secrets_are_not_shown() -> None:
    found = Settings.load({"LINLI_CASE_SYSTEM_URL": "postgresql://u:secret@h/d", "LINLI_PATROL_APP_TOKEN": "token-1"})
    assert found.tokens["patrol_app"] == "token-1"
    assert "secret" not in repr(found) and "token-1" not in repr(found)
    assert found.connection("case_system") == "postgresql://u:secret@h/d"


def test_a_source_left_unset_is_not_configured() -> None:
    assert Settings.load({}).connection("case_system") is None


def test_channels_are_in_home_when_there_are_any_and_elsewhere_when_they_are_named(tmp_path: Path) -> None:
    own, elsewhere = tmp_path / "alerts.yml", tmp_path / "elsewhere.yml"
    given = {"LINLI_HOME": str(tmp_path)}
    found, named = Settings.load(given), Settings.load(given | {"LINLI_ALERTS": str(elsewhere)})
    assert (found.channels, named.channels) == (None, elsewhere)
    own.write_text("channels: {}")
    assert (found.channels, named.channels) == (own, elsewhere)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINLI_MOSTLY_BAD_SHARE", "1.5"), ("LINLI_THREADS", "many"), ("LINLI_SATISFIED_MIN_SCORE", "6"),
        ("LINLI_MEMORY_LIMIT", "lots"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.load({name: value})


def test_every_setting_is_in_the_table_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(LINLI_\w+)` \| ([^|]+?) \|", text, re.MULTILINE))
    source = (Path(__file__).parents[2] / "include" / "linli" / "settings.py").read_text(encoding="utf-8")
    defaults = dict(re.findall(r'_(?:number|size)\(env, "(\w+)", "?([\w.]+)"?', source))
    assert len(defaults) == 9 and {name: rows.get(name) for name in defaults} == defaults
    assert {f"LINLI_{name}" for name in settings._OTHERS} - set(re.findall(r"LINLI_\w+", text)) == set()


def test_the_newest_day_is_yesterday_or_what_the_clock_of_the_sources_says(tmp_path: Path) -> None:
    before = dt.datetime.now(SHANGHAI).date()
    assert before - dt.timedelta(days=1) <= Settings.load({}).newest_day() < dt.datetime.now(SHANGHAI).date()
    settings = Settings.load({"LINLI_CLOCK": str(tmp_path / "clock")})
    for content in (None, "", "morgen"):
        if content is not None:
            (tmp_path / "clock").write_text(content)
        with pytest.raises(SettingsError, match="LINLI_CLOCK"):
            settings.newest_day()
    (tmp_path / "clock").write_text("2027-02-28\n")
    assert settings.newest_day() == dt.date(2027, 2, 28)


def test_a_fifth_source_is_configured_by_its_name() -> None:
    found = Settings.load({"LINLI_HOTLINE_URL": "http://h", "LINLI_HOTLINE_TOKEN": "t", "LINLI_MEETING_INBOX": "/in"})
    assert (found.connection("hotline"), found.tokens["hotline"], found.connection("meeting_returns")) == ("http://h", "t", "/in")


def test_the_analysts_database_is_no_source_and_not_shown() -> None:
    found = Settings.load({"LINLI_SERVING_URL": " postgresql://u:secret@h/d\n"})
    assert (found.serving_url, dict(found.connections)) == ("postgresql://u:secret@h/d", {})
    assert "secret" not in repr(found)
