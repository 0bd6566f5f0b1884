"""What the published reference data call places: names of codes, and which workstation and district they belong to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from linli import publication
from linli.alerts import Subject
from linli.failures import Refusal
from linli.settings import Settings

_NAMES = "select key, key_name, district_code, level from ref.dim_level_key where level in ('district', 'community', 'compound', 'station')"
_STATIONS = "select compound_code, station_code from ref.dim_compound where station_code is not null"
_CODE = re.compile(r"[0-9]{6}(-[A-Z][0-9]{2,3}){0,2}")
"""a district, and within it a community or a station, and within a community a compound"""


class NoSuchSubmitter(Refusal):
    """Nobody of that code has ever submitted anything, nor is there such a place."""


@dataclass(frozen=True)
class Places:
    """Names, districts and stations by code; a code that is not known is its own name.

    Who submitted a row is a value of that row: what is neither known nor reads like a code may be anything, and is repeated nowhere.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    districts: Mapping[str, str] = field(default_factory=dict)
    stations: Mapping[str, str] = field(default_factory=dict)

    def code(self, submitter: str | None) -> str:
        """The code of a submitter as it may be told and written; empty where it is not known who it is."""
        return submitter if submitter and (submitter in self.names or _CODE.fullmatch(submitter)) else ""

    def name(self, submitter: str | None) -> str:
        """How people call a submitter; where it is not known who it is, that is said."""
        code = self.code(submitter)
        return self.names.get(code, code) or "提交方不明"

    def check_submitter(self, submitter: str | None, seen: Collection[str | None]) -> None:
        """Raises NoSuchSubmitter for a code that is no place and not among those `seen`; none given is in order, and so is any while
        no places are known."""
        if submitter and self.names and submitter not in self.names and submitter not in seen:
            raise NoSuchSubmitter(f"没有编码为 {submitter} 的社区、小区或工作站，请核对（如 340405-S01）")

    def subject(self, source: str = "", submitter: str = "", *, run_id: str = "", day: str = "") -> Subject:
        """A subject with the station and the district of its submitter."""
        return Subject(source, submitter, self.stations.get(submitter, ""), self.districts.get(submitter, ""), run_id, day)


def places_of(settings: Settings) -> Places:
    """The places of the newest release; none before the first one."""
    try:
        with publication.one_release(settings) as ask:
            named, stationed = ask(_NAMES), ask(_STATIONS)
    except publication.NothingPublished:
        return Places()
    stations = {key: key for key, _, _, level in named if level == "station"} | dict(stationed)
    return Places({key: name for key, name, *_ in named}, {key: district for key, _, district, _ in named}, stations)
