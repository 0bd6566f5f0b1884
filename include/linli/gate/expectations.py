"""The expectations the suites use: Great Expectations' own, asked for their configuration once, and for counts only.

GX 1.24.1 rebuilds an expectation's configuration some ninety times while it judges it once: a third of the time a suite
over a small table takes. Nothing changes an expectation after it is built, so here the first answer is kept. It also
fetches the unexpected values of every rule, in a query each, when none are to be in the result: they are for nobody to
see (the compiled pass finds the rows), so here they are not asked for and never leave the table. GX looks the classes
up by name when it validates, so these take the names, and in its registry the places, of their parents.
Importing this module imports Great Expectations: only `linli.gate.judge` does, inside its functions.
"""

from __future__ import annotations

import importlib
from typing import Any

from great_expectations.compatibility import pydantic
from great_expectations.expectations.expectation_configuration import parse_result_format

_given: Any = importlib.import_module("great_expectations.expectations")


def _counting(name: str) -> Any:
    parent = getattr(_given, name)

    def configuration(self: Any) -> Any:
        if self._kept is None:
            self._kept = parent.configuration.fget(self)
        return self._kept

    def dependencies(self: Any, execution_engine: Any = None, runtime_configuration: Any = None, **_: Any) -> Any:
        wanted = parse_result_format(self._get_result_format(runtime_configuration=runtime_configuration))
        shows_values = wanted["result_format"] != "BASIC" or wanted["partial_unexpected_count"]
        runtime = runtime_configuration if shows_values else {**(runtime_configuration or {}), "result_format": "BOOLEAN_ONLY"}
        needed = parent.get_validation_dependencies(self, execution_engine=execution_engine, runtime_configuration=runtime)
        needed.result_format = wanted
        return needed

    members = {
        "__module__": __name__,
        "_kept": pydantic.PrivateAttr(default=None),
        "configuration": property(configuration),
        "get_validation_dependencies": dependencies,
    }
    return type(parent)(name, (parent,), members)


NotNull = _counting("ExpectColumnValuesToNotBeNull")
Null = _counting("ExpectColumnValuesToBeNull")
InSet = _counting("ExpectColumnValuesToBeInSet")
Between = _counting("ExpectColumnValuesToBeBetween")
Matches = _counting("ExpectColumnValuesToMatchRegex")
NotMatches = _counting("ExpectColumnValuesToNotMatchRegex")
LengthBetween = _counting("ExpectColumnValueLengthsToBeBetween")
Unique = _counting("ExpectCompoundColumnsToBeUnique")
Ordered = _counting("ExpectColumnPairValuesAToBeGreaterThanB")
