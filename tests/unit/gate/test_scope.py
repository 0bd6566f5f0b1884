"""By which columns a context asks for what was accepted: said beside it, or the context is refused."""

from __future__ import annotations

import pytest

from linli.contracts import Catalog
from linli.gate import ContextBroken
from linli.gate.state import scope


def test_every_record_a_context_reads_is_said_with_columns_both_have(catalog: Catalog) -> None:
    asked = 0
    for record in catalog.records:
        for of in catalog.records:
            if record.context_sql and f'accepted."{of.full_name}"' in record.context_sql:
                pairs = scope(record, of.full_name)
                assert pairs and {column for column, _ in pairs} <= {column.name for column in of.columns}
                asked += 1
    assert asked > 10


def test_a_context_that_does_not_say_by_what_it_asks_is_refused(catalog: Catalog) -> None:
    steps = catalog.record("case_system.case_steps")
    assert scope(steps, "case_system.cases")
    text = "\n".join(line for line in (steps.context_sql or "").splitlines() if not line.startswith("-- case_system.cases:"))
    with pytest.raises(ContextBroken, match=r"case_system\.case_steps: its context reads case_system.cases without a line"):
        scope(steps.model_copy(update={"context_sql": text}), "case_system.cases")
