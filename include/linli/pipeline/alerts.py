"""Alerts end to end: what is to be said is collected from the register and the published marts, spooled, and delivered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from linli import alerts
from linli.alerts import Clock, Configuration, Delivered, Letter, Message, Outcome, Spool, Tally
from linli.pipeline import standing, watches
from linli.pipeline.declared import check_source
from linli.pipeline.deployment import catalog, register_of
from linli.pipeline.places import Places, places_of
from linli.pipeline.waivers import today, waived_entries
from linli.settings import SHANGHAI, Settings

CLOCK = Clock()
_NOTHING = Tally()


@dataclass
class Sent:
    """What was told anew, what stands as told, what is silenced; and what became of the deliveries."""

    tally: Tally = _NOTHING
    delivered: Delivered = field(default_factory=Delivered)


def configuration_of(settings: Settings) -> Configuration:
    """The channels and routes of this deployment. Raises ConfigurationError."""
    return alerts.load(settings.channels, settings.alerts / "outbox")


def unknown_conditions(settings: Settings, configuration: Configuration) -> set[tuple[str, str]]:
    """The (condition, name) of routes that no message can meet: of a source that is not declared, or of a place the newest release does
    not know. Any place will do before the first one."""
    asked = configuration.conditions()
    places = places_of(settings) if asked else Places()
    known: dict[str, Collection[str]] = {"sources": catalog(settings).sources}
    if places.names:
        known |= {"submitters": places.names, "stations": set(places.stations.values()), "districts": set(places.districts.values())}
    return {(condition, name) for condition, name in asked if condition in known and name not in known[condition]}


@contextmanager
def spool_of(settings: Settings) -> Iterator[Spool]:
    """The spool, closed again at the end."""
    with Spool(settings.alerts / "spool.sqlite") as spool:
        yield spool


def send_alerts(settings: Settings, *, clock: Clock = CLOCK) -> Sent:
    """Tells of runs, quarantine, standing findings and a month that waits for approval; delivers what waits. Raises ConfigurationError."""
    configuration = configuration_of(settings)
    with spool_of(settings) as spool, _delivering(spool, configuration, clock) as sent:
        sent.tally += _of_the_register(settings, spool, configuration, clock.now())
        sent.tally += _of_the_marts(settings, spool, configuration, clock.now())
    return sent


def heartbeat(settings: Settings, *, at: dt.datetime | None = None, clock: Clock = CLOCK) -> Sent:
    """Tells when the load that should be there by the hour of the configuration (07:00) is not, as of `at` (default: now)."""
    configuration, moment = configuration_of(settings), at or clock.now()
    with spool_of(settings) as spool, _delivering(spool, configuration, clock) as sent:
        if not settings.register_path.exists():
            current = watches.load(settings, None, moment, configuration.load_by)
            sent.tally += spool.tell("load", current, at=clock.now(), route=configuration.route)
            return sent
        with register_of(settings) as register:
            current = watches.load(settings, register, moment, configuration.load_by)
            sent.tally += spool.tell(
                "load", current, at=clock.now(), route=configuration.route, ended=lambda told: watches.loaded(register, told)
            )
    return sent


def morning(settings: Settings, *, at: dt.datetime | None = None, clock: Clock = CLOCK) -> Sent:
    """Tells every station its steps due and overdue this morning, by the newest release, once a day and again when what is known of it
    has changed; before the hour of the configuration nothing is told yet."""
    configuration, moment = configuration_of(settings), at or clock.now()
    with spool_of(settings) as spool, _delivering(spool, configuration, clock) as sent:
        reach = standing.published_as_of(settings)
        if reach and moment.astimezone(SHANGHAI).time() >= configuration.load_by:
            today = moment.astimezone(SHANGHAI).date()
            if settings.clock:
                today = min(today, settings.newest_day() + dt.timedelta(days=1))
            current = list(standing.due_cases(settings, places_of(settings), reach, today))
            sent.tally += spool.tell("due", current, at=clock.now(), route=configuration.route)
    return sent


def try_channel(settings: Settings, name: str, *, clock: Clock = CLOCK) -> list[Outcome]:
    """Sends a test message through one channel, past routes and spool: what became of it for each recipient. A channel that takes it is
    left alone no longer. Raises NoSuchChannel."""
    channel = configuration_of(settings).channel(name)
    message = Message(
        kind="test",
        severity="info",
        topic="test",
        fingerprint="",
        title="测试消息：看到它，说明这个渠道可用",
        lines=(alerts.Line(f"渠道 {name}"),),
    )
    with spool_of(settings) as spool:
        outcomes = []
        for recipient in channel.recipients:
            spool.note_attempt(name, clock.now())
            outcomes.append(channel.send(Letter(0, message, clock.now()), recipient, clock.now()))
        if all(outcome.state == "delivered" for outcome in outcomes):
            spool.mended(name)
        return outcomes


def add_silence(
    settings: Settings, *, source: str, submitter: str, kind: str, until_on: dt.date, reason: str, owner: str, clock: Clock = CLOCK
) -> int:
    """Silences messages up to the end of a day; returns the number of the silence. Raises NotSilenced for one that may not be,
    NoSuchSubmitter and NotDeclared for a submitter or a source nobody knows."""
    now = clock.now()
    alerts.check(source=source, submitter=submitter, kind=kind, until_on=until_on, reason=reason, owner=owner, at=now)
    check_source(catalog(settings), source or None)
    with spool_of(settings) as spool:
        told_of = {told.message.subject.submitter for told in spool.standing("quarantine").values()}
        places_of(settings).check_submitter(submitter, told_of)
        return spool.silence(source=source, submitter=submitter, kind=kind, until_on=until_on, reason=reason, owner=owner, at=now)


def _of_the_register(settings: Settings, spool: Spool, configuration: Configuration, at: dt.datetime) -> Tally:
    if not settings.register_path.exists():
        return _NOTHING
    declared, route = catalog(settings), configuration.route
    with register_of(settings) as register:
        found = watches.runs(register, declared)
        tally = spool.tell("runs", found, at=at, route=route, ended=lambda told: watches.recovered(register, told))
        if watches.is_settled(register, at):
            told_before, places = spool.standing("quarantine"), places_of(settings)
            waived = waived_entries(settings, today(settings))
            entries = list(watches.quarantined(register, declared, places, told_before, waived))
            entries += watches.lasting(register, places, told_before, entries)
            tally += spool.tell(
                "quarantine", entries, at=at, route=route, ended=lambda told: watches.corrected(settings, register, declared, places, told)
            )
        return tally


def _of_the_marts(settings: Settings, spool: Spool, configuration: Configuration, at: dt.datetime) -> Tally:
    reach = standing.published_as_of(settings)
    if reach is None:
        return _NOTHING
    declared, places = catalog(settings), places_of(settings)
    with register_of(settings) as register:
        waiting = list(standing.month_waits(settings, register, reach))
    found = {
        "stopped": list(standing.stopped(settings, declared, reach)),
        "returns": list(standing.returns(settings, places, reach)),
        "month": waiting,
    }
    tally = _NOTHING
    for watch, current in found.items():
        tally += spool.tell(watch, current, at=at, route=configuration.route)
    return tally


@contextmanager
def _delivering(spool: Spool, configuration: Configuration, clock: Clock) -> Iterator[Sent]:
    """Delivers at the end, also where something could not be collected: what waits does not wait for that."""
    sent = Sent()
    try:
        yield sent
    finally:
        sent.delivered = alerts.deliver(spool, configuration.channels, fallback=alerts.OUTBOX, clock=clock)
