"""Codes, instants, checksums and commands as people read and type them."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pytest

from linli.pipeline.words import moment, readable, shown, typeable

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("上报时间（2026-10-08 09:21:21.1995+08）", "上报时间（2026-10-08 09:21）"),
        ("2026-10-08 01:21:21+00", "2026-10-08 09:21"),
        ("2026-10-08T01:21:21.199500Z", "2026-10-08 09:21"),
        ("2026-10-08 09:21:21.199500+08:00", "2026-10-08 09:21"),
        ("2026-10-08 与 09:21", "2026-10-08 与 09:21"),
        (f"{SHA}|会议", "0123456789ab|会议"),
        (f"{SHA}0", f"{SHA}0"),
    ],
)
def test_instants_and_checksums_are_short(text: str, said: str) -> None:
    assert readable(text) == said


def test_values_are_shown_without_python() -> None:
    at = dt.datetime(2026, 10, 8, 1, 21, 21, tzinfo=dt.UTC)
    values = (None, True, False, ["城管", "公安"], at, dt.date(2026, 10, 8), 3)
    assert [shown(value) for value in values] == ["", "是", "否", "城管、公安", "2026-10-08 09:21", "2026-10-08", "3"]
    assert (moment(None), moment(at)) == ("—", "2026-10-08 09:21")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with an environment in `.venv`, entered but not activated."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("linli", "python"):
        (folder / name).touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder


def test_a_command_not_on_the_path_is_named_by_its_place(environment: Path) -> None:
    assert typeable("先运行 linli night 或 make run") == "先运行 .venv/bin/linli night 或 make run"
    assert typeable("/srv/linli demo 与 linli 无关") == "/srv/linli demo 与 linli 无关"


def test_a_command_on_the_path_is_named_by_its_name(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(environment))
    assert typeable("linli night") == "linli night"


def test_another_installation_on_the_path_is_not_meant(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "linli").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    assert typeable("linli night") == ".venv/bin/linli night"
