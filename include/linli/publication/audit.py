"""The audit between build and publication: questions whose wrong answer must keep a generation from being read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from linli.failures import Refusal
from linli.register import Register, Run

_EXPECTED = ("mart_clock_257", "mart_two_callback_satisfaction")


class AuditFailed(Refusal):
    """The generation is not fit to be published; the message lists what was found."""


@dataclass(frozen=True)
class Finding:
    """One failed question of the audit."""

    rule: str
    detail: str


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def audit(con: duckdb.DuckDBPyConnection, register: Register, run: Run, *, previous_as_of_rows: int = 0) -> Sequence[Finding]:
    """Findings about the generation open in `con` (schemas mart, core, landing); empty when it may be published.

    `previous_as_of_rows` is the number of clock rows published before: a mart that was filled may not become empty.
    """
    findings = []
    names = {r[0] for r in con.execute("select table_name from information_schema.tables where table_schema='mart'").fetchall()}
    missing = [name for name in _EXPECTED if name not in names]
    if missing:
        return [Finding("marts_present", f"缺少 {'、'.join(missing)}")]
    built_for = con.execute("select as_of from landing.run").fetchall()
    if len(built_for) != 1 or built_for[0][0] != run.as_of:
        findings.append(Finding("one_as_of", "仓库不是按本次运行的截止时间建成的，请重新运行当天"))
    rows = _count(con, "select count(*) from mart.mart_clock_257")
    if previous_as_of_rows and not rows:
        why = f"{run.day} 早于最早的记录，或记录没有载入"
        findings.append(Finding("not_emptied", f"“257”时钟上次有 {previous_as_of_rows} 行，现在为空：{why}"))
    wrong = _count(
        con,
        "select count(*) from mart.mart_clock_257 where due_count <> on_time_count + late_count + overdue_count + open_count",
    )
    if wrong:
        findings.append(Finding("clock_adds_up", f"{wrong} 行的按期、超期、逾期未办、未到期之和不等于到期数"))
    wrong = _count(
        con,
        "select count(*) from mart.mart_two_callback_satisfaction where eligible_count <> matured_count + pending_count"
        " or double_called_count > matured_count or double_satisfied_count > double_called_count",
    )
    if wrong:
        findings.append(Finding("satisfaction_adds_up", f"{wrong} 行的计数互相矛盾"))
    for mart, columns in (
        ("mart_clock_257", ("due_count", "on_time_count")),
        ("mart_two_callback_satisfaction", ("eligible_count", "double_satisfied_count")),
    ):
        grain = "month, district_code, step" if mart == "mart_clock_257" else "month, district_code"
        sums = ", ".join(f"sum({c}) as {c}" for c in columns)
        wrong = _count(
            con,
            f"select count(*) from (select {grain}, level, {sums} from mart.{mart} group by all) l"
            f" join (select {grain}, {sums} from mart.{mart} where level='district' group by all) d using ({grain})"
            f" where {' or '.join(f'l.{c} <> d.{c}' for c in columns)}",
        )
        if wrong:
            findings.append(Finding("levels_add_up", f"{mart} 有 {wrong} 个层级合计与全区不符"))
    accounts = register.accounts()
    unbalanced = [a for a in accounts if a["landed"] != a["accepted"] + a["quarantined"] + a["held"] + a["duplicates"] + a["ungated"]]
    if unbalanced:
        findings.append(Finding("no_row_lost", f"{len(unbalanced)} 类记录的到货与去向对不上"))
    return findings
