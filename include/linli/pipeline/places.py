"""What the published reference data call places: names of codes, and which workstation and district they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from linli import publication
from linli.alerts import Subject
from linli.settings import Settings

_NAMES = "select key, key_name, district_code, level from ref.dim_level_key where level in ('district', 'community', 'compound', 'station')"
_STATIONS = "select compound_code, station_code from ref.dim_compound where station_code is not null"


@dataclass(frozen=True)
class Places:
    """Names, districts and stations by code; a code that is not known is its own name."""

    names: Mapping[str, str] = field(default_factory=dict)
    districts: Mapping[str, str] = field(default_factory=dict)
    stations: Mapping[str, str] = field(default_factory=dict)

    def name(self, code: str) -> str:
        """How people call a place; codes that nobody gave are said to be so."""
        return self.names.get(code, code) or "提交方不明"

    def subject(self, source: str = "", submitter: str = "", *, run_id: str = "", day: str = "") -> Subject:
        """A subject with the station and the district of its submitter."""
        return Subject(source, submitter, self.stations.get(submitter, ""), self.districts.get(submitter, ""), run_id, day)


def places_of(settings: Settings) -> Places:
    """The places of the newest release; none before the first one."""
    try:
        named, stationed = publication.ask(settings, _NAMES), publication.ask(settings, _STATIONS)
    except publication.NothingPublished:
        return Places()
    stations = {key: key for key, _, _, level in named if level == "station"} | dict(stationed)
    return Places({key: name for key, name, *_ in named}, {key: district for key, _, district, _ in named}, stations)
