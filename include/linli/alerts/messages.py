"""A message as data: what is so, how bad it is, about what, and what to do. Channels render it; nothing here knows of one."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["info", "warning", "critical"]

SEVERITIES: Mapping[Severity, str] = {"info": "提示", "warning": "警告", "critical": "严重"}
"""from the mildest to the gravest"""

KINDS: Mapping[str, str] = {
    "night_failed": "夜间载入失败",
    "night_degraded": "夜间载入不全",
    "night_recovered": "夜间载入恢复",
    "no_load": "没有按时载入",
    "quarantined": "退回待改",
    "corrected": "退回已了结",
    "due_cases": "今天到期和已逾期",
    "stopped_category": "记录中断",
    "missing_returns": "台账未收到",
    "month_waits": "待批准结账",
    "test": "测试",
}

_DIGITS = 16


@dataclass(frozen=True)
class Line:
    """One thing that is said, and how many of it there are; `unit` is the measure word of the count."""

    text: str
    count: int | None = None
    unit: str = "条"


@dataclass(frozen=True)
class Subject:
    """What a message is about, as codes; empty where it does not apply. Routes and silences look at these."""

    source: str = ""
    submitter: str = ""
    station: str = ""
    district: str = ""
    run_id: str = ""
    day: str = ""


@dataclass(frozen=True)
class Message:
    """One message. `topic` names the state it tells of, `fingerprint` how that state is: the same state is told once.

    `remedy` says where to look and what to do, `as_of` how far the data reach. It holds no value of a row.
    """

    kind: str
    severity: Severity
    topic: str
    fingerprint: str
    title: str
    lines: tuple[Line, ...] = ()
    remedy: tuple[str, ...] = ()
    subject: Subject = field(default_factory=Subject)
    as_of: dt.datetime | None = None

    def to_json(self) -> str:
        """The message as one line of JSON, keys in order."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, default=_instant)

    @classmethod
    def from_json(cls, text: str) -> Message:
        """What `to_json` wrote."""
        found: dict[str, Any] = json.loads(text)
        return cls(
            **found
            | {
                "lines": tuple(Line(**line) for line in found["lines"]),
                "remedy": tuple(found["remedy"]),
                "subject": Subject(**found["subject"]),
                "as_of": dt.datetime.fromisoformat(found["as_of"]) if found["as_of"] else None,
            }
        )


@dataclass(frozen=True)
class Letter:
    """A message on its way: its number, when it was told, what is to be remarked, and whether it may have arrived already."""

    number: int
    message: Message
    told_at: dt.datetime
    remarks: tuple[str, ...] = ()
    is_doubtful: bool = False


def fingerprint_of(state: object) -> str:
    """A short hash of a state given as JSON values; the order of keys does not matter, that of lists does."""
    return hashlib.sha256(json.dumps(state, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _instant(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no part of a message")
