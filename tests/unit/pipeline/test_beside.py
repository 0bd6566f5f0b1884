"""A gate in a process of its own: what became of it reaches its parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from linli.pipeline import beside
from linli.settings import Settings


class Unpicklable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def test_an_error_that_cannot_travel_says_what_it_was() -> None:
    told = beside._fit_to_travel(Unpicklable("one", "two"))
    assert type(told) is RuntimeError and str(told) == "Unpicklable: one and two"
    error = ValueError("as it is")
    assert beside._fit_to_travel(error) is error


def test_a_gate_that_has_died_is_told_from_an_error_of_the_gate(tmp_path: Path) -> None:
    waiting = beside._Gate()
    waiting._process.kill()
    waiting._process.wait()
    with pytest.raises(beside.GateLost, match="-9"):
        waiting.run(Settings.load({"LINLI_HOME": str(tmp_path)}), "night-2026-11-01-00000000")
