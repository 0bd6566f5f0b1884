"""The audit between build and publication: questions whose wrong answer must keep a generation from being read."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from linli.failures import Refusal
from linli.register import Answer, Register, Run

_EXPECTED = ("mart_clock_257", "mart_two_callback_satisfaction")


class AuditFailed(Refusal):
    """The generation is not fit to be published; the message lists what was found."""


class ReleaseNotWhole(AuditFailed):
    """The file written does not hold the rows it should; `detail` says which table."""

    rule = "release_whole"

    def __init__(self, detail: str) -> None:
        super().__init__(f"审核未通过，未发布：{detail}（{self.rule}）")
        self.detail = detail


def refuse_broken(answers: Sequence[Answer]) -> None:
    """Raises AuditFailed when a rule is broken."""
    if broken := [answer for answer in answers if answer.is_broken]:
        raise AuditFailed("审核未通过，未发布：" + "；".join(f"{answer.detail}（{answer.rule}）" for answer in broken))


def audit(con: duckdb.DuckDBPyConnection, register: Register, run: Run, *, previous_as_of_rows: int = 0) -> list[Answer]:
    """The answer to every rule about the generation open in `con` (schemas mart, core, landing); it may be published when none is broken.

    `previous_as_of_rows` is the number of clock rows published before: a mart that was filled may not become empty. Without its marts
    nothing else is asked.
    """
    names = {r[0] for r in con.execute("select table_name from information_schema.tables where table_schema='mart'").fetchall()}
    missing = [name for name in _EXPECTED if name not in names]
    if missing:
        return [Answer("marts_present", "broken", f"缺少 {'、'.join(missing)}")]
    return [
        Answer("marts_present", "passed"),
        _of_this_run(con, run),
        _filled(con, run, previous_as_of_rows),
        _none(
            con,
            "clock_adds_up",
            "mart.mart_clock_257 where due_count <> on_time_count + late_count + overdue_count + open_count",
            "行的按期、超期、超期未办、未到期之和不等于到期数",
        ),
        _none(
            con,
            "satisfaction_adds_up",
            "mart.mart_two_callback_satisfaction where eligible_count <> matured_count + pending_count"
            " or double_called_count > matured_count or double_satisfied_count > double_called_count",
            "行的计数互相矛盾",
        ),
        _levels_add_up(con),
        _no_row_lost(register),
    ]


def _answer(rule: str, wrong: str) -> Answer:
    return Answer(rule, "broken" if wrong else "passed", wrong)


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _none(con: duckdb.DuckDBPyConnection, rule: str, broken_rows: str, wrong: str) -> Answer:
    count = _count(con, f"select count(*) from {broken_rows}")
    return _answer(rule, f"{count} {wrong}" if count else "")


def _of_this_run(con: duckdb.DuckDBPyConnection, run: Run) -> Answer:
    built_for = con.execute("select as_of from landing.run").fetchall()
    is_other = len(built_for) != 1 or built_for[0][0] != run.as_of
    return _answer("one_as_of", "仓库不是按本次运行的截止时间建成的，请重新运行当天" if is_other else "")


def _filled(con: duckdb.DuckDBPyConnection, run: Run, rows_before: int) -> Answer:
    is_emptied = rows_before and not _count(con, "select count(*) from mart.mart_clock_257")
    why = f"{run.day} 早于最早的记录，或记录没有载入"
    return _answer("not_emptied", f"“257”时钟上次有 {rows_before} 行，现在为空：{why}" if is_emptied else "")


def _levels_add_up(con: duckdb.DuckDBPyConnection) -> Answer:
    wrong = []
    for mart, grain, columns in (
        ("mart_clock_257", "month, district_code, step", ("due_count", "on_time_count")),
        ("mart_two_callback_satisfaction", "month, district_code", ("eligible_count", "double_satisfied_count")),
    ):
        sums = ", ".join(f"sum({c}) as {c}" for c in columns)
        count = _count(
            con,
            f"select count(*) from (select {grain}, level, {sums} from mart.{mart} group by all) l"
            f" join (select {grain}, {sums} from mart.{mart} where level='district' group by all) d using ({grain})"
            f" where {' or '.join(f'l.{c} <> d.{c}' for c in columns)}",
        )
        wrong += [f"{mart} 有 {count} 个层级合计与全区不符"] if count else []
    return _answer("levels_add_up", "；".join(wrong))


def _no_row_lost(register: Register) -> Answer:
    lost = [a for a in register.accounts() if a["landed"] != a["accepted"] + a["quarantined"] + a["held"] + a["duplicates"] + a["ungated"]]
    return _answer("no_row_lost", f"{len(lost)} 类记录的到货与去向对不上" if lost else "")
