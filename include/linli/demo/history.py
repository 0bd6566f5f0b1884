"""What a system's rows looked like at any moment: every record is the list of its versions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

CST = timezone(timedelta(hours=8))
FIRST_DAY = date(2025, 1, 1)
# Nothing is reported after this day; steps and callbacks of its last cases run on into 2027.
LAST_DAY = date(2026, 12, 31)

Row = dict[str, Any]


def midnight_after(day: date) -> datetime:
    """The instant (Asia/Shanghai) at which `day` is over."""
    return datetime.combine(day + timedelta(days=1), time(), CST)


# The account speaks of "this year": 2026 up to the end of October.
ACCOUNT_FROM = datetime(2026, 1, 1, tzinfo=CST)
ACCOUNT_UNTIL = midnight_after(date(2026, 10, 31))


@dataclass(slots=True)
class Record:
    """One row of a system through time. `versions` ascend; a row of None is a hard delete."""

    key: str
    versions: list[tuple[datetime, Row | None]]
    deleted: bool = field(default=False)

    def at(self, now: datetime) -> Row | None:
        """The row as a reader sees it just before `now`, None if it is not there yet or not any more."""
        n = bisect_left(self.versions, now, key=lambda version: version[0])
        return self.versions[n - 1][1] if n else None

    def rows(self) -> Iterator[Row]:
        return (row for _, row in self.versions if row is not None)

    def delete_at(self, moment: datetime) -> None:
        self.versions.append((moment, None))
        self.deleted = True


History = dict[str, list[Record]]


def number(records: list[Record], column: str, created: str, offset: int) -> None:
    """Give each record its serial number in the order in which the rows were written, as a sequence would."""
    records.sort(key=lambda record: (next(record.rows())[created], record.key))
    for n, record in enumerate(records, offset + 1):
        record.key = str(n)
        for row in record.rows():
            row[column] = n
