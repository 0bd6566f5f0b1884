"""A terminal as every test of the command line has it."""

from __future__ import annotations

import pytest

from linli.cli import terminal


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is in which the first test looked at it."""
    monkeypatch.setattr(terminal.console, "width", 200)
