"""A clock that waits for nobody, and a channel that answers as it is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from linli.alerts import Clock, Letter, Outcome
from linli.alerts.channels import Pace
from unit.alerts.letters import MORNING


class StoppedClock(Clock):
    """Stands still but for what is slept; remembers how long that was."""

    def __init__(self, at: dt.datetime = MORNING) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += dt.timedelta(seconds=seconds)

    def pass_by(self, **much: float) -> None:
        self.at += dt.timedelta(**much)


class Robot:
    """A channel that remembers what it was sent, and answers as `answer` says."""

    def __init__(self, name: str = "robot", *, paces: Sequence[Pace] = (), recipients: Sequence[str] = ("",)) -> None:
        self.name, self.paces, self.recipients = name, paces, recipients
        self.letters: list[tuple[Letter, str, dt.datetime]] = []
        self.answer: Callable[[Letter], Outcome] = lambda _: Outcome("delivered")

    def problem(self) -> str:
        return ""

    def send(self, letter: Letter, recipient: str, at: dt.datetime) -> Outcome:
        self.letters.append((letter, recipient, at))
        return self.answer(letter)

    @property
    def topics(self) -> list[str]:
        return [letter.message.topic for letter, _, _ in self.letters]
