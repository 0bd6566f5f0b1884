"""A closed month is a folder that appears whole and never changes: closed/2026-10/.

    figures.parquet, records.parquet, metrics.parquet   see linli.closing.figures
    directory.json                                      which places there were, and which belonged to which
    closing.json                                        what it was closed from, by whom, with which campaign for the next month

The folder is written aside and renamed into place, which fails when it is there already: the rename is the commit point.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from linli.calendar import next_month
from linli.closing.figures import Mart, read_month
from linli.durable import whole
from linli.failures import Refusal

_ACCOUNT = "closing.json"
_DIRECTORY = "directory.json"


class AlreadyClosed(Refusal):
    """The month is closed; its figures do not change any more, corrections become restatements."""


class NothingToClose(Refusal):
    """There is no record of the month, or not of what a month is reviewed by: it lies before the first ones."""


class NotClosed(Refusal):
    """The month has not been closed."""


@dataclass(frozen=True)
class Closing:
    """The account of a closed month.

    `inputs_hash` names the accepted rows and the definitions the figures were computed from, `content_hash` the figures.
    `as_of` is the end of the month. `sources` says up to when each feed was loaded. `campaign` is what was chosen for the
    next month, free of personal data; `campaigns` are those of the proposals it means, by codes. `asked_at` is when
    the approver was asked.
    """

    month: dt.date
    as_of: dt.datetime
    inputs_hash: str
    definitions: str
    content_hash: str
    code_version: str
    figure_count: int
    approved_by: str
    closed_at: dt.datetime
    campaign: str = ""
    sources: Sequence[dict[str, Any]] = field(default_factory=tuple)
    campaigns: Sequence[dict[str, Any]] = field(default_factory=tuple)
    asked_at: dt.datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.month:%Y-%m}"


def folder_of(closed: Path, month: dt.date) -> Path:
    """Where a month lies once it is closed."""
    return closed / f"{month:%Y-%m}"


def directory_of(closed: Path, month: dt.date) -> str | None:
    """The directory frozen with a month; None for one closed without."""
    path = folder_of(closed, month) / _DIRECTORY
    return path.read_text(encoding="utf-8") if path.exists() else None


def closing_of(closed: Path, month: dt.date) -> Closing:
    """The account of a closed month. Raises NotClosed."""
    account = folder_of(closed, month) / _ACCOUNT
    if not account.exists():
        raise NotClosed(f"{month:%Y-%m} 还没有结账")
    said = json.loads(account.read_text(encoding="utf-8"))
    said["month"] = dt.date.fromisoformat(said["month"])
    for name in ("as_of", "closed_at", "asked_at"):
        said[name] = dt.datetime.fromisoformat(said[name]) if said.get(name) else None
    return Closing(**said)


def check_open(closed: Path, month: dt.date) -> None:
    """Raises AlreadyClosed for a month that is closed."""
    if folder_of(closed, month).exists():
        raise AlreadyClosed(f"{month:%Y-%m} 已经结账，不能重结；之后的更正会列为重述")


def out_of_order(closed: Path, month: dt.date) -> str:
    """What is to be said of a month that is not the one after the newest closed; empty when it is, or none has been closed."""
    newest = max((each.month for each in closed_months(closed)), default=None)
    if newest is None or month == next_month(newest):
        return ""
    if month > newest:
        return f"{next_month(newest):%Y-%m} 还没有结账，{month:%Y-%m} 在它之后"
    return f"{newest:%Y-%m} 已经结账，{month:%Y-%m} 在它之前"


def closed_months(closed: Path) -> list[Closing]:
    """Every closed month, oldest first."""
    months = sorted(path.parent.name for path in closed.glob(f"[0-9]*/{_ACCOUNT}"))
    return [closing_of(closed, dt.date.fromisoformat(f"{name}-01")) for name in months]


def chosen_campaigns(closed: Path) -> list[dict[str, Any]]:
    """The campaigns chosen at the close of every month, oldest first."""
    return [campaign for closing in closed_months(closed) for campaign in closing.campaigns]


def close(
    closed: Path,
    work_file: Path,
    marts: Sequence[Mart],
    month: dt.date,
    *,
    as_of: dt.datetime,
    inputs_hash: str,
    definitions: str,
    code_version: str,
    approved_by: str,
    closed_at: dt.datetime,
    campaign: str = "",
    campaigns: Sequence[dict[str, Any]] = (),
    asked_at: dt.datetime | None = None,
    sources: Sequence[dict[str, Any]] = (),
    directory: str = "",
) -> Closing:
    """Freezes the figures of `month` as `work_file` holds them, and the `directory` of places beside them. Raises AlreadyClosed, of two at
    once the later FileExistsError, and NothingToClose."""
    check_open(closed, month)
    with whole(folder_of(closed, month)) as aside:
        count, content_hash = _write(aside, work_file, marts, month)
        if not _has_records(aside):
            raise NothingToClose(f"{month:%Y-%m} 没有任何记录，不能结账：请核对月份")
        closing = Closing(
            month, as_of, inputs_hash, definitions, content_hash, code_version, count, approved_by, closed_at, campaign, list(sources),
            list(campaigns), asked_at,
        )  # fmt: skip
        account = json.dumps(asdict(closing), ensure_ascii=False, indent=1, default=lambda moment: moment.isoformat())
        (aside / _ACCOUNT).write_text(account + "\n", encoding="utf-8")
        if directory:
            (aside / _DIRECTORY).write_text(directory, encoding="utf-8")
    return closing


def _has_records(folder: Path) -> bool:
    """Whether any record is behind the figures: before the first one, those of every known place are zero."""
    [(found,)] = duckdb.execute(f"select count(*) from '{folder / 'records.parquet'}'").fetchall()
    return bool(found)


def _write(folder: Path, work_file: Path, marts: Sequence[Mart], month: dt.date) -> tuple[int, str]:
    with duckdb.connect() as con:
        read_month(con, work_file, marts, month)
        for table in ("figures", "records", "metrics"):
            con.execute(f"copy (from {table} order by all) to '{folder / table}.parquet' (compression zstd)")
        return figures_hash(con)


def figures_hash(con: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """How many figures the table `figures` holds, and a hash of them that does not depend on their order."""
    row = con.execute(
        "select count(*), string_agg(h, '' order by h) from (select sha256(cast(f as varchar)) as h from figures as f)"
    ).fetchone()
    assert row is not None
    return int(row[0]), hashlib.sha256((row[1] or "").encode()).hexdigest()
