"""The one-pass compiler: the checks of a record become one DuckDB query giving every bad row its broken rules.

The predicates say exactly what Great Expectations counts as unexpected for the suite built from the same checks:
a null is judged only by `not_null` and `null`, and a row outside the check's `where` is not judged at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from linli.contracts import Check, Where

Scalar = str | int | bool
# What `in_reference: compounds.compound_code` names, by that name.
Reference = Mapping[str, Sequence[Scalar]]


class UnknownReference(ValueError):
    """A check names a reference column that the seeds do not have."""


def ident(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Scalar | None) -> str:
    """`value` as a SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def values_of(name: str, reference: Reference) -> Sequence[Scalar]:
    """The allowed values of `in_reference: name`. Raises UnknownReference."""
    try:
        return reference[name]
    except KeyError:
        raise UnknownReference(f"in_reference: {name}: no such column in the reference seeds") from None


def _listed(values: Sequence[Scalar]) -> str:
    return "(" + ", ".join(literal(value) for value in values) + ")"


def condition(where: Where) -> str:
    """The row condition as SQL."""
    column = ident(where.column)
    parts = []
    if where.equals is not None:
        parts.append(f"{column} = {literal(where.equals)}")
    if where.not_equals is not None:
        parts.append(f"{column} <> {literal(where.not_equals)}")
    if where.is_in is not None:
        parts.append(f"{column} in {_listed(where.is_in)}")
    if where.is_null is not None:
        parts.append(f"{column} is {'' if where.is_null else 'not '}null")
    return " and ".join(parts)


# A pattern that only asks whether one of some texts occurs: searching for them takes half the time of the expression.
_ANYWHERE = re.compile(r"\(\?s\)\.\*\(([^\\.^$*+?()\[\]{}]+)\)\.\*")


def _full_match(column: str, pattern: str) -> str:
    """SQL, true where the whole of `column` matches `pattern`."""
    texts = _ANYWHERE.fullmatch(pattern)
    if texts is None:
        return f"regexp_full_match({column}, {literal(pattern)})"
    return "(" + " or ".join(f"contains({column}, {literal(text)})" for text in texts.group(1).split("|")) + ")"


def _unexpected(check: Check, table: str, reference: Reference) -> str:
    column, expect = ident(check.column), check.expect
    if expect.not_null:
        return f"{column} is null"
    if expect.null:
        return f"{column} is not null"
    if expect.in_set is not None:
        return f"{column} not in {_listed(expect.in_set)}"
    if expect.in_reference is not None:
        return f"{column} not in {_listed(values_of(expect.in_reference, reference))}"
    if expect.matches is not None:
        return f"not {_full_match(column, expect.matches)}"
    if expect.not_matches is not None:
        return _full_match(column, expect.not_matches)
    if expect.max_length is not None:
        return f"length({column}) > {expect.max_length}"
    if expect.at_or_after is not None:
        return f"{column} < {ident(expect.at_or_after)}"
    if expect.before is not None:
        return f"{column} >= {ident(expect.before)}"
    if expect.unique is not None:
        columns = ", ".join(ident(name) for name in ("_batch_id", *expect.unique))
        present = " and ".join(f"{ident(name)} is not null" for name in expect.unique)
        return f"({columns}) in (select ({columns}) from {table} where {present} group by all having count(*) > 1)"
    bounds = []
    if expect.min is not None:
        bounds.append(f"{column} < {literal(expect.min)}")
    if expect.max is not None:
        bounds.append(f"{column} > {literal(expect.max)}")
    return " or ".join(bounds)


def broken(check: Check, table: str, reference: Reference) -> str:
    """A SQL predicate over `table` that is true exactly for the rows that break `check`."""
    parts = [f"({_unexpected(check, table, reference)})", *(f"({condition(where)})" for where in check.where)]
    return " and ".join(parts)


def compile_pass(checks: Sequence[Check], table: str, reference: Reference, secret: frozenset[str] = frozenset()) -> str:
    """One query over `table`: `_batch_id, _row_no, rules list<varchar>, readings list<varchar>` of each bad row.

    `rules` keeps the declared order; `readings` holds, place by place, the text of the value each rule looked at,
    null for the columns in `secret`.
    """

    def reading(check: Check) -> str:
        return "null::varchar" if check.column in secret else f"{ident(check.column)}::varchar"

    predicates = [broken(check, table, reference) for check in checks]
    if not predicates:
        return f"select _batch_id, _row_no, []::varchar[] as rules, []::varchar[] as readings from {table} where false"
    cases = ",\n    ".join(
        f"case when {predicate} then {{'rule': {literal(check.rule)}, 'reading': {reading(check)}}} end"
        for check, predicate in zip(checks, predicates, strict=True)
    )
    anywhere = "\n  or ".join(f"({predicate})" for predicate in predicates)
    return (
        f"with found as (select _batch_id, _row_no, list_filter([\n    {cases}\n  ], lambda x: x is not null) as broken\n"
        f"from {table}\nwhere {anywhere})\n"
        "select _batch_id, _row_no, list_transform(broken, lambda x: x.rule) as rules,"
        " list_transform(broken, lambda x: x.reading) as readings from found"
    )
