"""Invented messages."""

from __future__ import annotations

import datetime as dt
from typing import Any

from linli.alerts import Letter, Line, Message, Subject
from linli.settings import SHANGHAI

MORNING = dt.datetime(2026, 11, 14, 7, 0, tzinfo=SHANGHAI)

RETURNED = Message(
    kind="quarantined",
    severity="warning",
    topic="case_system/340405-S01",
    fingerprint="a1",
    title="案件系统·春晖花苑综合执法工作站：退回 3 条待改",
    lines=(
        Line("退回待改", 3),
        Line("回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听", 2),
        Line("案件：案件状态不在规定选项内", 1),
    ),
    remedy=("逐条查看：linli quarantine list --source case_system",),
    subject=Subject("case_system", "340405-S01", "340405-S01", "340405"),
    as_of=dt.datetime(2026, 11, 14, tzinfo=SHANGHAI),
)


def message(**other: Any) -> Message:
    """RETURNED with some of it different."""
    return Message(**{name: getattr(RETURNED, name) for name in RETURNED.__dataclass_fields__} | other)


def letter(**other: Any) -> Letter:
    """A letter numbered 12, told in the morning; what is given is of its message."""
    return Letter(12, message(**other), MORNING)
