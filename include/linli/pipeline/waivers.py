"""Waivers: which open quarantine entries are tolerated for the time being. No waiver lets a bad row in (docs/decisions/0036)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from linli import privacy
from linli.contracts import Catalog
from linli.failures import Refusal
from linli.pipeline.declared import record_of
from linli.pipeline.deployment import catalog
from linli.pipeline.quarantined import loaded
from linli.pipeline.words import readable
from linli.register import QuarantineEntry, RegisterError, Waiver
from linli.settings import Settings

LONGEST = dt.timedelta(days=180)
"""how far ahead a waiver may end"""

Entry = tuple[str, str, str]
"""an open quarantine entry: source, record, key"""


class NotToBeWaived(Refusal):
    """A waiver that is not to be had; the message says what may be waived, and until when."""


class NotToBeDismissed(Refusal):
    """An entry that ends by itself, or a reason that says who."""


@dataclass(frozen=True)
class Standing:
    """A waiver on a day: how many open entries it speaks of. One that speaks of more than its ceiling has no effect."""

    waiver: Waiver
    is_in_force: bool
    open_entries: int

    @property
    def is_effective(self) -> bool:
        """Whether it tolerates anything."""
        return self.is_in_force and self.open_entries <= self.waiver.ceiling


def today(settings: Settings) -> dt.date:
    """The day after the newest one that is over, by the clock of this deployment."""
    return settings.newest_day() + dt.timedelta(days=1)


def waive(
    settings: Settings,
    full_name: str,
    rule: str,
    *,
    submitter: str | None,
    ceiling: int,
    reason: str,
    owner: str,
    until: dt.date,
    on: dt.date,
) -> Waiver:
    """Tolerates up to `ceiling` open entries of a rule from `on` to `until`, both included.

    Raises NotToBeWaived, NotDeclared for the record, and RegisterError when the same is waived already or nothing has been loaded yet.
    """
    record = record_of(catalog(settings), full_name)
    check = next((check for check in record.checks if check.rule == rule), None)
    if check is None or not check.quarantines:
        some = "、".join(c.rule for c in record.checks if c.quarantines and c.severity != "critical")
        raise NotToBeWaived(f"{full_name} 没有名为 {rule} 的退回规则，可以暂准的是 {some}")
    if check.severity == "critical":
        raise NotToBeWaived(f"{full_name} 的 {rule} 是关键规则，不能暂准：{check.fix}")
    if not on <= until <= on + LONGEST:
        raise NotToBeWaived(f"截止日 {until} 应在今天（{on}）到 {on + LONGEST} 之间：最长 {LONGEST.days} 天，到期后可重新申请")
    if problem := privacy.problem_of("--reason", reason) or privacy.problem_of("--owner", owner):
        raise NotToBeWaived(f"不能暂准：{problem}")
    with loaded(settings) as register:
        return register.waivers.add(
            full_name, rule, submitter=submitter, ceiling=ceiling, reason=reason, owner=owner, made_on=on, until_on=until
        )


def unwaive(settings: Settings, waiver_id: int, on: dt.date) -> Waiver:
    """Ends a waiver; from `on` its entries are told of again. Raises RegisterError when there is none or it has ended."""
    with loaded(settings) as register:
        return register.waivers.end(waiver_id, on)


def dismiss(settings: Settings, full_name: str, key: str, *, reason: str, owner: str) -> int:
    """Ends the open entry of a file that was refused as a whole and will not come again, with those of its rows; returns how many ended.
    Nothing of it is let in. `key` is whole or as lists show it.

    Raises NotToBeDismissed for any other record, NotDeclared, and RegisterError when there is no such open entry.
    """
    record = record_of(catalog(settings), full_name)
    if record.extract.sheet != "*":
        raise NotToBeDismissed(f"{full_name} 的记录不能作罢：在来源改正或删除就自行了结，暂不改的可以暂准（linli quarantine waive）")
    if problem := privacy.problem_of("--reason", reason) or privacy.problem_of("--owner", owner):
        raise NotToBeDismissed(f"不能作罢：{problem}")
    with loaded(settings) as register:
        found = [e for e in register.quarantine(source=record.source, record=record.name) if key in (e.key, readable(e.key))]
        if not found:
            raise RegisterError(f"{full_name} 没有键为 {key} 的待改记录；键以 linli quarantine list --record {record.name} 所示为准")
        return sum(register.files.dismiss(entry, reason=reason, owner=owner) for entry in found)


def waivers(settings: Settings, on: dt.date) -> list[Standing]:
    """Every waiver ever made, oldest first, as it stands on `on`. Raises RegisterError when nothing has been loaded yet."""
    with loaded(settings) as register:
        return _standings(register.waivers.all(), register.quarantine(), on)


def waived_entries(settings: Settings, on: dt.date) -> frozenset[Entry]:
    """The open entries that are tolerated on `on`: each rule that quarantines them is covered by a waiver in force and not over its
    ceiling. They stay quarantined, and are left out of slips and messages. Raises RegisterError when nothing has been loaded yet."""
    with loaded(settings) as register:
        entries = register.quarantine()
        standings = _standings(register.waivers.all(), entries, on)
    covering = {(s.waiver.source, s.waiver.record, s.waiver.rule, s.waiver.submitter) for s in standings if s.is_effective}
    declared = catalog(settings) if covering else None
    return frozenset((e.source, e.record, e.key) for e in entries if declared and _is_covered(e, covering, declared))


def _standings(found: Sequence[Waiver], entries: Sequence[QuarantineEntry], on: dt.date) -> list[Standing]:
    return [Standing(waiver, waiver.is_in_force(on), sum(_is_about(waiver, entry) for entry in entries)) for waiver in found]


def _is_about(waiver: Waiver, entry: QuarantineEntry) -> bool:
    same = (waiver.source, waiver.record) == (entry.source, entry.record) and waiver.rule in entry.rules
    return same and waiver.submitter in (None, entry.submitter)


def _is_covered(entry: QuarantineEntry, covering: set[tuple[str, str, str, str | None]], declared: Catalog) -> bool:
    told_only = {check.rule for check in declared.record(f"{entry.source}.{entry.record}").checks if not check.quarantines}
    binding = [rule for rule in entry.rules if rule not in told_only]
    return bool(binding) and all(
        any((entry.source, entry.record, rule, submitter) in covering for submitter in (None, entry.submitter)) for rule in binding
    )
