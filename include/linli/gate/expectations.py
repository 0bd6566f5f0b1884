"""The expectations the suites use: Great Expectations' own, asked for their configuration once.

GX 1.24.1 rebuilds an expectation's configuration some ninety times while it judges it once: a third of the time a suite
over a small table takes. Nothing changes an expectation after it is built, so here the first answer is kept. GX looks
the classes up by name when it validates, so these take the names, and in its registry the places, of their parents.
Importing this module imports Great Expectations: only `linli.gate.judge` does, inside its functions.
"""

from __future__ import annotations

import importlib
from typing import Any

from great_expectations.compatibility import pydantic

_given: Any = importlib.import_module("great_expectations.expectations")


def _asked_once(name: str) -> Any:
    parent = getattr(_given, name)

    def configuration(self: Any) -> Any:
        if self._kept is None:
            self._kept = parent.configuration.fget(self)
        return self._kept

    members = {"__module__": __name__, "_kept": pydantic.PrivateAttr(default=None), "configuration": property(configuration)}
    return type(parent)(name, (parent,), members)


NotNull = _asked_once("ExpectColumnValuesToNotBeNull")
Null = _asked_once("ExpectColumnValuesToBeNull")
InSet = _asked_once("ExpectColumnValuesToBeInSet")
Between = _asked_once("ExpectColumnValuesToBeBetween")
Matches = _asked_once("ExpectColumnValuesToMatchRegex")
NotMatches = _asked_once("ExpectColumnValuesToNotMatchRegex")
LengthBetween = _asked_once("ExpectColumnValueLengthsToBeBetween")
Unique = _asked_once("ExpectCompoundColumnsToBeUnique")
Ordered = _asked_once("ExpectColumnPairValuesAToBeGreaterThanB")
