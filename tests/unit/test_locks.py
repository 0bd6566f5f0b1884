"""Locks between processes: alone or shared, freed at the end, and whoever waits says so."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from linli import locks
from linli.locks import locked


def test_who_does_not_wait_is_refused_and_sharers_do_not_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "made" / ".lock"
    with locked(path), pytest.raises(BlockingIOError), locked(path, shared=True, waits=False):
        pass
    with locked(path, shared=True), locked(path, shared=True, waits=False), pytest.raises(BlockingIOError), locked(path, waits=False):
        pass
    with locked(path, waits=False):
        assert path.stat().st_mode & 0o077 == 0


def test_waiting_for_somebody_who_stands_still_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "SAID_AFTER_SECONDS", 0.05)
    path, order = tmp_path / ".lock", []

    def second() -> None:
        with locked(path):
            order.append("second")

    with caplog.at_level(logging.WARNING), locked(path):
        waiting = threading.Thread(target=second)
        waiting.start()
        until = time.monotonic() + 10
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.01)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
    assert f"fuser -v {path}" in caplog.text
    caplog.clear()
    with locked(path):
        pass
    assert not caplog.records
