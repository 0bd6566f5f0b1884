"""Great Expectations as the judge: a suite built from the declarations, run over the enriched table.

It decides success and keeps the history; rows are quarantined by the compiled pass. The two count every rule on
their own, and a difference fails the gate. Importing GX takes seconds, so it happens inside `judge`, once a process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from linli.contracts import Check, RecordDecl, Where
from linli.gate.compile import Reference, values_of
from linli.gate.state import GateState
from linli.register import CheckResult

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

# No sampled values: a result must not carry what people typed.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_contexts: list[EphemeralDataContext] = []


class GateDisagreement(RuntimeError):
    """Great Expectations and the compiled pass count a rule differently, or GX could not judge it."""


def _context() -> EphemeralDataContext:
    """The process's one ephemeral GX context, quiet, without progress bars and without telemetry."""
    if not _contexts:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        import linli.gate.duckdb_source  # noqa: F401  registers the data source type

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        _contexts.append(context)
    return _contexts[0]


def make_ready() -> None:
    """Imports Great Expectations and makes its context, which the first judgement of a process would do."""
    _context()


def _judged(address: str) -> Any:
    """The table `judged` as a batch definition, in the one data source of this process."""
    sources: Any = _context().data_sources
    source = sources.all().get("gate")
    if source is None:
        source = sources.add_duckdb(name="gate", connection_string=address)
        source.add_table_asset("judged", table_name="judged").add_batch_definition_whole_table("all")
    return source.get_asset("judged").get_batch_definition("all")


def _condition(where: tuple[Where, ...]) -> Any:
    """The row condition as GX has it, None without one."""
    from great_expectations.expectations.row_conditions import Column

    parts: list[Any] = []
    for one in where:
        column = Column(one.column)
        if one.equals is not None:
            parts.append(column == one.equals)
        if one.not_equals is not None:
            parts.append(column != one.not_equals)
        if one.is_in is not None:
            parts.append(column.is_in(list(one.is_in)))
        if one.is_null is not None:
            parts.append(column.is_null() if one.is_null else column.is_not_null())
    joined = None
    for part in parts:
        joined = part if joined is None else joined & part
    return joined


def _expectation(check: Check, reference: Reference) -> Any:
    from linli.gate import expectations as kinds

    expect, column = check.expect, check.column
    common: dict[str, Any] = {"meta": {"rule": check.rule}, "severity": check.severity, "notes": check.reason}
    condition = _condition(check.where)
    if condition is not None:
        common["row_condition"] = condition
    if expect.not_null:
        return kinds.NotNull(column=column, **common)
    if expect.null:
        return kinds.Null(column=column, **common)
    if expect.in_set is not None:
        return kinds.InSet(column=column, value_set=list(expect.in_set), **common)
    if expect.in_reference is not None:
        allowed = list(values_of(expect.in_reference, reference))
        return kinds.InSet(column=column, value_set=allowed, **common)
    if expect.matches is not None:
        return kinds.Matches(column=column, regex=expect.matches, **common)
    if expect.not_matches is not None:
        return kinds.NotMatches(column=column, regex=expect.not_matches, **common)
    if expect.max_length is not None:
        return kinds.LengthBetween(column=column, max_value=expect.max_length, **common)
    if expect.unique is not None:
        columns = ["_batch_id", *expect.unique]
        return kinds.Unique(column_list=columns, ignore_row_if="any_value_is_missing", **common)
    if expect.at_or_after is not None or expect.before is not None:
        later, earlier = (column, expect.at_or_after) if expect.at_or_after else (expect.before, column)
        return kinds.Ordered(
            column_A=later,
            column_B=earlier,
            or_equal=expect.at_or_after is not None,
            ignore_row_if="either_value_is_missing",
            **common,
        )
    return kinds.Between(column=column, min_value=expect.min, max_value=expect.max, **common)


def suite(record: RecordDecl, reference: Reference) -> ExpectationSuite:
    """The GX suite of a record: one expectation for each declared check, its rule in `meta`."""
    _context()
    import great_expectations as gx

    return gx.ExpectationSuite(name=record.full_name, expectations=[_expectation(check, reference) for check in record.checks])


def judge(state: GateState, record: RecordDecl, reference: Reference, counted: Mapping[str, int]) -> list[CheckResult]:
    """What GX says of every rule over the table `judged`; `counted` is what the compiled pass counted.

    An empty table is judged NA, not passed. Raises GateDisagreement.
    """
    ((rows,),) = state.connection.execute("select count(*) from judged").fetchall()
    if not rows or not record.checks:
        return [CheckResult(record.source, record.name, check.rule, check.severity, 0, 0, "NA") for check in record.checks]
    from linli.gate.duckdb_source import lend

    with lend(state.connection) as address:
        outcome = _judged(address).get_batch().validate(suite(record, reference), result_format=RESULT_FORMAT)
    results, differences = [], []
    severity = {check.rule: check.severity for check in record.checks}
    for one in outcome.results:
        rule = one.expectation_config.meta["rule"]
        info = one.exception_info or {}
        if info.get("raised_exception", bool(info)):
            differences.append(f"{rule}: GX could not judge it")
            continue
        unexpected = one.result.get("unexpected_count") or 0
        if unexpected != counted.get(rule, 0):
            differences.append(f"{rule}: GX counts {unexpected}, the compiled pass {counted.get(rule, 0)}")
        evaluated = one.result.get("element_count") or 0
        results.append(
            CheckResult(record.source, record.name, rule, severity[rule], evaluated, unexpected, "PASS" if one.success else "FAIL")
        )
    if differences or len(results) != len(record.checks):
        raise GateDisagreement(f"{record.full_name}: " + ("; ".join(differences) or "GX left rules out"))
    return results
