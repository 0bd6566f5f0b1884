"""Waivers in the register: open entries of a rule that are tolerated for the time being, each with ceiling, reason, owner and last day."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from linli.register.entries import RegisterError, now
from linli.register.moments import as_text


@dataclass(frozen=True)
class Waiver:
    """Up to `ceiling` open entries of a rule (of one submitter when given) are tolerated from `made_on` to `until_on`, both included, or
    to the day before `ended_on`. Days are those of the deployment's own clock."""

    waiver_id: int
    source: str
    record: str
    rule: str
    submitter: str | None
    ceiling: int
    reason: str
    owner: str
    made_on: dt.date
    until_on: dt.date
    ended_on: dt.date | None

    def is_in_force(self, on: dt.date) -> bool:
        """Whether it stands on a day, however many entries are open."""
        return self.made_on <= on <= self.until_on and (self.ended_on is None or on < self.ended_on)


class Waivers:
    """The waivers of the register. None is ever changed or removed, only ended."""

    def __init__(self, db: sqlite3.Connection, write: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._db, self._write = db, write

    def add(
        self,
        full_name: str,
        rule: str,
        *,
        submitter: str | None,
        ceiling: int,
        reason: str,
        owner: str,
        made_on: dt.date,
        until_on: dt.date,
    ) -> Waiver:
        """A new waiver. Raises RegisterError when one for the same rule and submitter is in force on `made_on`."""
        source, _, record = full_name.partition(".")
        with self._write() as db:
            for other in self.all():
                same = (other.source, other.record, other.rule, other.submitter) == (source, record, rule, submitter)
                if same and other.is_in_force(made_on):
                    end_it = f"linli quarantine unwaive {other.waiver_id}"
                    raise RegisterError(f"{full_name} 的 {rule} 已有暂准 {other.waiver_id}（到 {other.until_on}）：先 {end_it}")
            cursor = db.execute(
                "insert into waivers (source, record, rule, submitter, ceiling, reason, owner, made_on, made_at, until_on)"
                " values (?,?,?,?,?,?,?,?,?,?)",
                (source, record, rule, submitter, ceiling, reason, owner, made_on.isoformat(), as_text(now()), until_on.isoformat()),
            )
            number = int(cursor.lastrowid or 0)
        return self.one(number)

    def end(self, waiver_id: int, on: dt.date) -> Waiver:
        """Ends a waiver; from `on` it no longer stands. Raises RegisterError when there is none of that number or it has ended."""
        with self._write() as db:
            waiver = self.one(waiver_id)
            if waiver.ended_on is not None or waiver.until_on < on:
                raise RegisterError(f"暂准 {waiver_id} 已于 {waiver.ended_on or waiver.until_on} 结束")
            db.execute("update waivers set ended_on=?, ended_at=? where waiver_id=?", (on.isoformat(), as_text(now()), waiver_id))
        return self.one(waiver_id)

    def one(self, waiver_id: int) -> Waiver:
        """The waiver of that number. Raises RegisterError when there is none."""
        row = self._db.execute("select * from waivers where waiver_id=?", (waiver_id,)).fetchone()
        if row is None:
            raise RegisterError(f"没有编号为 {waiver_id} 的暂准；有哪些：linli quarantine waivers")
        return _waiver(row)

    def all(self) -> list[Waiver]:
        """Every waiver ever made, oldest first."""
        return [_waiver(row) for row in self._db.execute("select * from waivers order by waiver_id")]


def _waiver(row: sqlite3.Row) -> Waiver:
    made, until = dt.date.fromisoformat(row["made_on"]), dt.date.fromisoformat(row["until_on"])
    ended = dt.date.fromisoformat(row["ended_on"]) if row["ended_on"] else None
    return Waiver(
        row["waiver_id"], row["source"], row["record"], row["rule"], row["submitter"], row["ceiling"], row["reason"], row["owner"],
        made, until, ended,
    )  # fmt: skip
