"""Every declared rule has a passing row that it judges and a mutant, and the mutant is caught by exactly that rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from linli.contracts import Check, RecordDecl, load
from linli.gate import gate
from linli.gate.again import depends_on_context
from linli.gate.compile import condition
from linli.gate.decide import decide
from linli.gate.enrich import load_batch
from linli.gate.state import GateState, opened
from scenarios.gate.lake import PROJECT, Lake, Row

CASES = {path.stem: path for path in sorted((Path(__file__).parent / "cases").glob("*.yml"))}
CATALOG = load(PROJECT / "expectations")


def automatic(record: RecordDecl) -> dict[str, Row]:
    """Mutants of the rules that typed columns of JSON and file records have by themselves."""
    found: dict[str, Row] = {}
    for check in record.checks:
        column = check.column.removeprefix("ctx_unreadable_")
        if column != check.column:
            found[check.rule] = {column: None, "_unreadable": [column], "_raw": f'{{"{column}": "看不懂"}}'}
    return found


def read(name: str) -> dict[str, Any]:
    case: dict[str, Any] = yaml.load(CASES[name].read_text(encoding="utf-8"), yaml.CSafeLoader)
    return case


def judged(state: GateState, lake: Lake, record: RecordDecl, rows: list[Row]) -> dict[int, tuple[str, list[str]]]:
    """Verdict and broken rules of each row of one batch."""
    batch = lake.land(record.full_name, rows)
    load_batch(state, record, [batch])
    decide(state, record, state.reference(record))
    answer = state.connection.execute(
        "select d._row_no, d.verdict, coalesce(x.rules, d.rules) from decided d left join broken x using (_batch_id, _row_no)"
    )
    return {row_no: (verdict, rules) for row_no, verdict, rules in answer.fetchall()}


def judges(check: Check) -> str:
    """SQL over `judged`: the row meets the conditions of the rule, and what the rule looks at is there."""
    expect = check.expect
    seen = () if expect.not_null or expect.null else (check.column, expect.at_or_after, expect.before, *(expect.unique or ()))
    return " and ".join([*(condition(where) for where in check.where), *(f"{name} is not null" for name in seen if name)]) or "true"


def context_conditions(record: RecordDecl, row: Row) -> tuple[Any, ...]:
    """What `row` says to the conditions inside the context: the columns it compares with words, and whether those it asks for are there."""
    context = record.context_sql or ""
    worded = sorted(set(re.findall(r"\bb\.(\w+) (?:=|in) \(?'", context)))
    asked = sorted(set(re.findall(r"\bb\.(\w+) is (?:not )?null", context)))
    return (*(row[name] for name in worded), *(row[name] is None for name in asked))


def test_every_record_and_rule_has_its_case() -> None:
    assert sorted(CASES) == sorted(record.full_name for record in CATALOG.records)
    for record in CATALOG.records:
        case = read(record.full_name)
        assert [*case["mutants"], *automatic(record)] == [check.rule for check in record.checks], record.full_name
        assert list(case["held"]) == [hold.rule for hold in record.holds], record.full_name


@pytest.mark.parametrize("name", sorted(CASES))
def test_mutants_are_caught_by_their_own_rule_and_counted_alike(name: str, tmp_path: Path) -> None:
    case, record = read(name), CATALOG.record(name)
    lake = Lake.at(tmp_path, mostly_bad_min_rows=1000)
    for full_name, rows in case.get("accepted", {}).items():
        lake.land(full_name, rows)
    report = gate(lake.settings, lake.register, lake.catalog, lake.run)
    assert all(one.accepted == one.landed for one in report.records), [one.rules for one in report.records]
    good, beside = case["good"], case["beside"]
    checks = {check.rule: check for check in record.checks}
    with opened(lake.settings, lake.register, lake.catalog) as state:
        judging = ", ".join(f"coalesce(bool_or({judges(check)}), false)" for check in record.checks)
        unjudged, passed = set(checks), list[Row]()
        for change in ({"set": {}}, *case.get("passing", ())):
            rows = [*change.get("beside", beside), {**good, **change["set"]}]
            answer = judged(state, lake, record, rows)
            assert all(one == ("accepted", []) for one in answer.values()), answer
            passed += rows
            (judging_it,) = state.connection.execute(f"select {judging} from judged").fetchall()
            unjudged -= {rule for rule, is_judging in zip(checks, judging_it, strict=True) if is_judging}
        assert not unjudged, f"no row that passes meets the conditions of {sorted(unjudged)}"
        unsaid = automatic(record)
        for rule, change in {**case["mutants"], **{rule: {"set": change} for rule, change in unsaid.items()}}.items():
            rows = [*change.get("beside", beside), {**good, **change["set"]}]
            verdict, rules = judged(state, lake, record, rows)[len(rows) - 1]
            extra = set(change.get("also", ()))
            assert rule in rules and set(rules) <= {rule, *extra}, (rule, rules)
            assert verdict == ("accepted" if checks[rule].severity == "info" else "quarantined"), rule
            if depends_on_context(checks[rule]):
                met = context_conditions(record, rows[-1])
                assert met in [context_conditions(record, row) for row in passed], f"no row that passes meets {met} as the mutant of {rule}"
        for rule, change in case["held"].items():
            rows = [*change.get("beside", beside), {**good, **change["set"]}]
            verdict, rules = judged(state, lake, record, rows)[len(rows) - 1]
            assert verdict == "held" and rule in rules, (rule, verdict, rules)
    # The batches above are still without a verdict: now Great Expectations judges them all and must count the same.
    # Judged together they stand for one another, so rules that look at what stands may be satisfied by another mutant.
    lake.next_run()
    report = gate(lake.settings, lake.register, lake.catalog, lake.run)
    (mine,) = report.records
    assert mine.landed == mine.accepted + mine.quarantined + mine.held + mine.duplicates > len(case["mutants"])
    results = {row["rule"]: row for row in lake.register.check_results(lake.run.run_id)}
    leaning = {c.rule for c in record.checks if "standing" in (record.context_sql or "") and "ctx_" in f"{c.column} {c.expect}"}
    assert {rule for rule in checks if results[rule]["result"] != "FAIL"} <= leaning
