"""What the register holds, entry by entry, and what it refuses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from linli.failures import Refusal


class RegisterError(Refusal):
    """The register refuses something: it would contradict what is already written."""


class SupersededRun(RegisterError):
    """A newer run has begun; the older one may not publish any more."""


class OtherOrigin(RegisterError):
    """What is to be loaded comes from a demo district and what was loaded from real sources, or the other way round."""


def now() -> dt.datetime:
    """The wall clock, for bookkeeping only; no figure is computed from it."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Run:
    """One try at a night. `token` only grows: whoever holds an older one may not publish."""

    run_id: str
    token: int
    kind: str
    day: dt.date
    as_of: dt.datetime


@dataclass(frozen=True)
class Batch:
    """One immutable landed file; `path` is relative to the home folder."""

    batch_id: str
    source: str
    record: str
    kind: str
    path: str
    rows: int
    interval_start: dt.datetime | None
    interval_end: dt.datetime
    snapshot_at: dt.datetime
    run_id: str
    file_sha: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.source}.{self.record}"


@dataclass(frozen=True)
class Verdict:
    """The n-th verdict about a batch, with its running totals: landed = accepted + quarantined + held + duplicates."""

    batch_id: str
    n: int
    path: str | None
    landed: int
    accepted: int
    quarantined: int
    held: int
    duplicates: int
    stopped: bool
    run_id: str
    decided_at: dt.datetime

    @property
    def verdict_id(self) -> str:
        return f"{self.batch_id}.{self.n}"


@dataclass(frozen=True)
class QuarantineEntry:
    """A bad row, open until its key is accepted or gone at the source."""

    source: str
    record: str
    key: str
    rules: tuple[str, ...]
    submitter: str | None
    batch_id: str
    row_no: int
    source_ref: str | None
    opened_at: dt.datetime
    last_seen_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    closed_reason: str | None = None


@dataclass(frozen=True)
class HeldRow:
    """A row that waits for what it belongs to."""

    batch_id: str
    row_no: int
    source: str
    record: str
    key: str
    rule: str
    since_at: dt.datetime


@dataclass(frozen=True)
class CheckResult:
    """What Great Expectations judged of one rule in one run; `result` is PASS, FAIL or NA (nothing to judge)."""

    source: str
    record: str
    rule: str
    severity: str
    evaluated: int
    unexpected: int
    result: str


@dataclass(frozen=True)
class Answer:
    """What a run found when it asked whether a rule holds: a test of its build, or a rule of the audit before publication. `detail` says it
    in counts, never in values of rows."""

    rule: str
    state: Literal["passed", "broken"]
    detail: str = ""

    @property
    def is_broken(self) -> bool:
        return self.state == "broken"


@dataclass(frozen=True)
class SourceStatus:
    """What became of one feed in one run: loaded, stopped (read, but the gate took none of it), failed, retired (loaded no longer, on
    purpose) or not_configured.

    `as_of` is how far it is loaded at all.
    """

    source: str
    feed: str
    state: str
    detail: str
    as_of: dt.datetime | None
    landed: int

    @property
    def is_missing(self) -> bool:
        """Whether the feed lacks in what the run publishes although it is configured, or was and nobody has said that it no longer is."""
        return self.state in ("failed", "stopped") or (self.state == "not_configured" and self.as_of is not None)


@dataclass(frozen=True)
class Decision:
    """Everything the gate decided about one batch; written in one transaction."""

    verdict: Verdict
    quarantined: Sequence[QuarantineEntry] = ()
    held: Sequence[HeldRow] = ()
    freed: Sequence[tuple[str, int]] = ()
    """(batch_id, row_no) of rows that no longer wait"""
    closed: Sequence[tuple[str, str, str, str]] = ()
    """(source, record, key, reason) of quarantine entries that end"""
