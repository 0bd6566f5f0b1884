"""Silences: what is known and need not be told for a while. Each has a reason, an owner and a last day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from linli import privacy
from linli.alerts.messages import KINDS, Message
from linli.failures import Refusal
from linli.settings import SHANGHAI

LONGEST_DAYS = 92
LONGEST_CRITICAL_DAYS = 7
CRITICAL_KINDS = ("night_failed", "no_load")


class NotSilenced(Refusal):
    """A silence that may not be, or is not there."""


@dataclass(frozen=True)
class Silence:
    """Messages that meet every part given are not told up to the end of `until_on`; critical ones for seven days at most."""

    silence_id: int
    source: str
    submitter: str
    kind: str
    until_on: dt.date
    reason: str
    owner: str
    created_at: dt.datetime

    def is_over(self, at: dt.datetime) -> bool:
        return at.astimezone(SHANGHAI).date() > self.until_on

    def covers(self, message: Message, at: dt.datetime) -> bool:
        """Whether the message is not to be told now."""
        subject = message.subject
        asked = ((self.source, subject.source), (self.submitter, subject.submitter), (self.kind, message.kind))
        if self.is_over(at) or any(wanted and wanted != value for wanted, value in asked):
            return False
        return message.severity != "critical" or at < self.created_at + dt.timedelta(days=LONGEST_CRITICAL_DAYS)


def check(*, source: str, submitter: str, kind: str, until_on: dt.date, reason: str, owner: str, at: dt.datetime) -> None:
    """Raises NotSilenced for a silence of everything, without reason or owner or with a number of a person in them, in the past or too
    long."""
    today = at.astimezone(SHANGHAI).date()
    if not (source or submitter or kind):
        raise NotSilenced("要写明静默什么：--source、--submitter、--kind 至少一个")
    if kind and kind not in KINDS:
        raise NotSilenced(f"--kind“{kind}”不认识，可选 {'、'.join(KINDS)}")
    if problem := privacy.problem_of("--reason", reason) or privacy.problem_of("--owner", owner):
        raise NotSilenced(f"不能静默：{problem}")
    if until_on < today:
        raise NotSilenced(f"--until {until_on} 已经过去")
    longest = LONGEST_CRITICAL_DAYS if kind in CRITICAL_KINDS else LONGEST_DAYS
    if until_on > (latest := today + dt.timedelta(days=longest)):
        raise NotSilenced(f"--until {until_on} 太远：这类消息最多静默 {longest} 天，到 {latest} 为止；到期后如有需要再续")
