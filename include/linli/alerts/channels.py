"""What every channel is, and how the answer to a sending is judged."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from linli import privacy
from linli.alerts.messages import Letter
from linli.alerts.rendering import plain

State = Literal["delivered", "refused", "throttled", "unreachable", "misconfigured"]

_ANSWER_CHARACTERS = 160


@dataclass(frozen=True)
class Outcome:
    """What became of one sending.

    delivered: the channel says so. refused: this message, for good; others may pass. throttled: too many; after `wait` again.
    unreachable: down, slow or broken for now. misconfigured: address, secret or permission is wrong, so no message passes until somebody
    mends it. `is_doubtful`: it may have arrived all the same.
    """

    state: State
    said: str = ""
    wait: dt.timedelta | None = None
    is_doubtful: bool = False


@dataclass(frozen=True)
class Pace:
    """At most `count` sendings in any `seconds`."""

    count: int
    seconds: float


class Channel(Protocol):
    """A way for messages to reach people."""

    @property
    def name(self) -> str: ...

    @property
    def paces(self) -> Sequence[Pace]: ...

    @property
    def recipients(self) -> Sequence[str]:
        """Keys of those who get a sending each; one empty key where the channel itself is the recipient."""
        ...

    def problem(self) -> str:
        """What is missing before anything can be sent; empty when nothing is. Nothing is connected."""
        ...

    def send(self, letter: Letter, recipient: str, at: dt.datetime) -> Outcome:
        """Sends one message to one recipient and judges the answer; never raises for what the other side does."""
        ...


class Clock:
    """The time of day and how to wait, so that tests need not."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def missing_of(*secrets: Callable[[], str] | None) -> str:
    """Which of a channel's secrets cannot be read, and why; empty when they all can or there are none."""
    try:
        for secret in secrets:
            if secret:
                secret()
    except LookupError as missing:
        return str(missing.args[0])
    return ""


def key_of(recipient: str) -> str:
    """A recipient as the spool and lists name it: no address is written there."""
    return hashlib.sha256(recipient.strip().lower().encode()).hexdigest()[:8]


def scrubbed(said: str, secrets: Sequence[str] = ()) -> str:
    """An answer fit to be kept: short, on one line, without the secrets of the channel and without phone and ID numbers."""
    for secret in secrets:
        if secret:
            said = said.replace(secret, "***")
    return privacy.scrub(plain(said, _ANSWER_CHARACTERS))
