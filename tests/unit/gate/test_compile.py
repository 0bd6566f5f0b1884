"""The compiled pass: each kind of expectation catches exactly the rows it should, nulls and conditions included."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from linli.contracts import Check, Expect, Where
from linli.gate.compile import UnknownReference, compile_pass, condition, ident, literal

ROWS: list[tuple[str | None, int | None, int | None, bool | None]] = [
    ("a", 1, 2, True),
    ("b", 5, 5, False),
    ("b", 6, 5, None),
    (None, None, 3, True),
    ("o'brien", 0, None, False),
    ("长长长", 3, 1, True),
]


def check(column: str, expect: dict[str, Any], where: tuple[dict[str, Any], ...] = (), rule: str = "rule") -> Check:
    return Check(
        rule=rule, column=column, expect=Expect(**expect), where=tuple(Where(**w) for w in where), reason="r", message="m", fix="f"
    )


def caught(*checks: Check, secret: frozenset[str] = frozenset()) -> dict[int, tuple[list[str], list[str | None]]]:
    with duckdb.cursor() as connection:
        connection.execute("create temp table t (_batch_id varchar, _row_no integer, s varchar, n integer, m integer, f boolean)")
        connection.executemany("insert into t values ('x', ?, ?, ?, ?, ?)", [(i, *row) for i, row in enumerate(ROWS)])
        sql = compile_pass(checks, "t", {"seed.s": ["a", "b"]}, secret)
        return {row_no: (rules, readings) for _, row_no, rules, readings in connection.execute(sql).fetchall()}


@pytest.mark.parametrize(
    ("column", "expect", "where", "rows"),
    [
        ("s", {"not_null": True}, (), {3}),
        ("s", {"null": True}, (), {0, 1, 2, 4, 5}),
        ("s", {"in_set": ("a", "o'brien")}, (), {1, 2, 5}),
        ("f", {"in_set": (True,)}, (), {1, 4}),
        ("s", {"in_reference": "seed.s"}, (), {4, 5}),
        ("n", {"min": 1}, (), {4}),
        ("n", {"max": 5}, (), {2}),
        ("n", {"min": 1, "max": 5}, (), {2, 4}),
        ("s", {"matches": "[ab]"}, (), {4, 5}),
        ("s", {"matches": "长"}, (), {0, 1, 2, 4, 5}),
        ("s", {"not_matches": ".*长.*"}, (), {5}),
        ("s", {"max_length": 2}, (), {4, 5}),
        ("n", {"at_or_after": "m"}, (), {0}),
        ("n", {"before": "m"}, (), {1, 2, 5}),
        ("s", {"unique": ("s",)}, (), {1, 2}),
        ("s", {"not_null": True}, ({"column": "f", "equals": False},), set()),
        ("n", {"max": 0}, ({"column": "s", "equals": "b"},), {1, 2}),
        ("n", {"max": 0}, ({"column": "s", "not_equals": "b"},), {0, 5}),
        ("n", {"max": 0}, ({"column": "s", "is_in": ("a", "长长长")},), {0, 5}),
        ("m", {"max": 0}, ({"column": "n", "is_null": True},), {3}),
        ("m", {"max": 0}, ({"column": "n", "is_null": False}, {"column": "f", "equals": True}), {0, 5}),
    ],
)
def test_each_kind_catches_exactly_its_rows(column: str, expect: dict[str, Any], where: tuple[Any, ...], rows: set[int]) -> None:
    assert set(caught(check(column, expect, where))) == rows


def test_a_row_lists_its_rules_in_declared_order_with_what_they_read() -> None:
    found = caught(check("n", {"max": 5}, rule="first"), check("s", {"in_set": ("a",)}, rule="second"))
    assert found[2] == (["first", "second"], ["6", "b"])
    assert found[1] == (["second"], ["b"])


def test_a_secret_column_is_judged_but_not_read() -> None:
    assert caught(check("s", {"in_set": ("a",)}), secret=frozenset({"s"}))[1] == (["rule"], [None])


def test_without_checks_nothing_is_caught() -> None:
    assert caught() == {}


def test_an_unknown_reference_is_named() -> None:
    with pytest.raises(UnknownReference, match=r"seed\.missing"):
        caught(check("s", {"in_reference": "seed.missing"}))


def test_quoting() -> None:
    assert (ident('a"b'), literal("o'x"), literal(True), literal(7), literal(None)) == ('"a""b"', "'o''x'", "true", "7", "null")
    assert condition(Where(column="f", equals=False)) == '"f" = false'
