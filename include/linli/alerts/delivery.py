"""Delivery: what waits is sent, one message at a time, at each channel's pace. One sender at a time.

A sending is noted before it begins and again when it has been answered. Killed in between, nobody knows whether it arrived: it is sent
again with a remark that says so. Lost is worse than twice, and twice without a word would be worse than that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from linli.alerts.channels import Channel, Clock, Outcome, Pace
from linli.alerts.spool import Parcel, Spool
from linli.locks import locked

GIVEN_UP_AFTER = dt.timedelta(days=7)
KEPT = dt.timedelta(days=400)
"""how long what has been told can be looked up"""
PATIENCE = dt.timedelta(minutes=3)
"""how long a delivery waits for the pace of a channel before it leaves the rest to the next one"""

_FIRST_WAIT = dt.timedelta(seconds=30)
_LONGEST_WAIT = dt.timedelta(hours=1)
_WAIT_FOR_PEOPLE = dt.timedelta(minutes=10)
"""a channel that is set up wrongly is tried again so often: somebody may have mended it"""


@dataclass(frozen=True)
class Delivered:
    """What a delivery came to: sendings delivered and refused, deliveries given up, and those still waiting."""

    delivered: int = 0
    refused: int = 0
    given_up: int = 0
    waiting: int = 0

    def as_counts(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


class _Round:
    """One delivery: which channels still take something, and when."""

    def __init__(self, spool: Spool, channels: Mapping[str, Channel], clock: Clock, fallback: str) -> None:
        self._spool, self._channels, self._clock, self._fallback = spool, channels, clock, fallback
        self._out: set[str] = set()

    def soonest(self) -> tuple[dt.datetime, Parcel] | None:
        """The next message to send and when it may be; None when there is nothing for any channel that takes something."""
        found = []
        now, troubles = self._clock.now(), self._spool.troubles()
        for name, channel in self._channels.items():
            # nothing is ever left alone for longer: what says so was written before the clock was put back
            is_left_alone = name in self._out or (name in troubles and now < troubles[name]["retry_at"] <= now + _LONGEST_WAIT)
            parcel = None if is_left_alone else self._spool.next_parcel(name)
            if parcel:
                found.append((self._free_at(channel), parcel))
        return min(found, key=lambda each: (each[0], each[1].letter.number)) if found else None

    def _free_at(self, channel: Channel) -> dt.datetime:
        now = self._clock.now()
        return max([now, *(self._free_by(channel.name, pace, now) for pace in channel.paces)])

    def _free_by(self, name: str, pace: Pace, now: dt.datetime) -> dt.datetime:
        window = dt.timedelta(seconds=pace.seconds)
        # a clock put back leaves attempts in the future: they have been, and count as of now
        made = [min(at, now) for at in self._spool.attempts(name, now - window)]
        return now if len(made) < pace.count else made[-pace.count] + window

    def send(self, parcel: Parcel) -> Outcome:
        """Sends one message; a channel that does not take it is left alone for a while."""
        channel = self._channels[parcel.channel]
        self._spool.begin(parcel, self._clock.now())
        outcome = channel.send(parcel.letter, parcel.recipient, self._clock.now())
        now = self._clock.now()
        retry_at = None
        if outcome.state not in ("delivered", "refused"):
            self._out.add(parcel.channel)
            retry_at = now + self._wait(parcel.channel, outcome)
        fallback = (self._fallback, f"本应发往 {parcel.channel}，被拒收：{outcome.said}") if parcel.channel != self._fallback else None
        self._spool.end(parcel, outcome, now, retry_at=retry_at, fallback=fallback)
        return outcome

    def _wait(self, channel: str, outcome: Outcome) -> dt.timedelta:
        if outcome.wait:
            return outcome.wait
        if outcome.state == "misconfigured":
            return _WAIT_FOR_PEOPLE
        failures = int(self._spool.troubles().get(channel, {"failures": 0})["failures"])
        return min(_FIRST_WAIT * (1 << min(failures, 10)), _LONGEST_WAIT)


def deliver(spool: Spool, channels: Mapping[str, Channel], *, fallback: str, clock: Clock, patience: dt.timedelta = PATIENCE) -> Delivered:
    """Sends what waits, the oldest first, as far as channels take it within `patience`.

    What a channel refuses for good, and what could not be delivered for seven days, goes to `fallback`, which is one of the channels.
    Waits while another process delivers.
    """
    delivered = refused = 0
    with locked(spool.path.with_name(".sending.lock")):
        begun = clock.now()
        spool.recall()
        spool.forget(begun - KEPT)
        given_up = spool.give_up(tuple(channels), before=begun - GIVEN_UP_AFTER, at=begun, fallback=fallback)
        current = _Round(spool, channels, clock, fallback)
        while (due := current.soonest()) and due[0] <= begun + patience:
            if (seconds := (due[0] - clock.now()).total_seconds()) > 0:
                clock.sleep(seconds)
            outcome = current.send(due[1])
            delivered += outcome.state == "delivered"
            refused += outcome.state == "refused"
    return Delivered(delivered, refused, given_up, spool.counts().get("waiting", 0))
