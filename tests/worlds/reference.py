"""What the oracles share of the world outside the sources: the reference data of a deployment, and which days are worked on.

As the domain's rules have it, with the sentence each line implements; nothing here is shared with the warehouse.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays

SHANGHAI = ZoneInfo("Asia/Shanghai")
PUBLISHED_YEARS = frozenset(day.year for day in chinese_calendar.constants.holidays)


@dataclass(frozen=True)
class Coverage:
    """A station that covers a compound from one day to another, both included; without an end still."""

    station: str
    from_on: dt.date
    to_on: dt.date | None


@dataclass(frozen=True)
class Reference:
    """What the seeds say about codes, and the days a deployment has overridden."""

    community_of: Mapping[str, str]
    station_of: Mapping[str, str]
    category_of: Mapping[str, str]
    department_codes: Mapping[str, str]
    channel_codes: Mapping[str, str]
    overrides: Mapping[dt.date, bool] = field(default_factory=dict)
    district_of: Mapping[str, str] = field(default_factory=dict)
    coverage: Mapping[str, Sequence[Coverage]] = field(default_factory=dict)
    communities: Mapping[str, str] = field(default_factory=dict)

    def station_on(self, compound: str, day: dt.date) -> str | None:
        """The station that covered the compound on `day`, else its own."""
        # "seed compound_stations (closed periods), else the station of compounds, else none"
        for one in self.coverage.get(compound, ()):
            if one.from_on <= day and (one.to_on is None or day <= one.to_on):
                return one.station
        return self.station_of.get(compound)

    @classmethod
    def read(cls, folder: Path) -> Reference:
        """From a folder of seed files."""

        def rows(name: str) -> list[dict[str, str]]:
            with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
                return list(csv.DictReader(file))

        def pairs(name: str, key: str, value: str) -> dict[str, str]:
            return {row[key]: row[value] for row in rows(name)}

        coverage: dict[str, list[Coverage]] = defaultdict(list)
        for row in rows("compound_stations"):
            first, last = dt.date.fromisoformat(row["from_on"]), row["to_on"]
            coverage[row["compound_code"]].append(Coverage(row["station_code"], first, dt.date.fromisoformat(last) if last else None))
        return cls(
            community_of=pairs("compounds", "compound_code", "community_code"),
            station_of=pairs("compounds", "compound_code", "station_code"),
            category_of=pairs("enforcement_items", "item_code", "category_code"),
            department_codes=pairs("departments", "department_name", "department_code"),
            channel_codes=pairs("channels", "channel_name", "channel_code"),
            overrides={
                dt.date.fromisoformat(day): is_workday.lower() == "true"
                for day, is_workday in pairs("calendar_overrides", "calendar_on", "is_workday").items()
            },
            district_of=pairs("compounds", "compound_code", "district_code"),
            coverage=coverage,
            communities=pairs("communities", "community_code", "district_code"),
        )


@functools.cache
def _published_or_provisional(day: dt.date) -> bool:
    # "`chinesecalendar` holds every published year … Days of a year not yet published are provisional:
    #  statutory holidays from `holidays`, no make-up days."
    if day.year in PUBLISHED_YEARS:
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5 and day not in _statutory(day.year)


@functools.cache
def _statutory(year: int) -> frozenset[dt.date]:
    return frozenset(holidays.country_holidays("CN", years=year))


def is_workday(day: dt.date, reference: Reference) -> bool:
    """Whether people work on `day`."""
    # "A deployment can override single days in a seed."
    override = reference.overrides.get(day)
    return _published_or_provisional(day) if override is None else override


def local_day(moment: dt.datetime) -> dt.date:
    """The date in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def month_of(day: dt.date) -> dt.date:
    """The first day of its month."""
    return day.replace(day=1)
