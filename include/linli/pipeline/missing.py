"""What is known to be missing at the close of a month, in words: kinds of records that always came and have stopped, and the returns
that communities owe for the month and that have not come. From the published marts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from linli import publication
from linli.contracts import Catalog
from linli.pipeline.deployment import catalog
from linli.pipeline.words import CATEGORIES, KEYS
from linli.settings import Settings

# Standing at the end of the month, or found since in a gap that began in it. When all of a record has stopped, so have its kinds.
_VANISHED = """
    with found as (
        select
            *,
            row_number() over (partition by district_code, source, record, category, key order by month) as found_no
        from mart.mart_data_completeness
        where month >= $month and is_vanished and last_seen_on < $month + interval 1 month
    ),

    named as (
        select level as category, district_code, key, key_name from ref.dim_level_key
        union all
        select code_list, null, code, code_name from ref.code_lists
        union all
        select 'phase', null, phase_code, phase_name from ref.phases
        union all
        select 'ledger_kind', null, kind_code, kind_name from ref.ledger_kinds
    )

    select
        found.district_code, coalesce(districts.district_name, found.district_code), found.source, found.record, found.category, found.key,
        named.key_name, found.last_seen_on, found.came_back_on, found.missing_workdays
    from found
    left join ref.dim_district as districts on found.district_code = districts.district_code
    left join named
        on
            found.category = named.category and found.key = named.key
            and found.district_code = coalesce(named.district_code, found.district_code)
    where
        found.found_no = 1
        and (
            found.category = 'all'
            or (found.district_code, found.source, found.record) not in (
                select (whole.district_code, whole.source, whole.record) from found as whole where whole.category = 'all'
            )
        )
    order by
        found.category <> 'all', found.missing_workdays desc, found.district_code, found.source, found.record, found.category, found.key
"""
_NOT_RECEIVED = """
    select
        coalesce(districts.district_name, owed.district_code), coalesce(communities.key_name, owed.community_code),
        array_agg(owed.sheet),
        (
            select count(distinct earlier.month) from mart.mart_return_completeness as earlier
            where
                earlier.community_code = owed.community_code and earlier.month < $month
                and earlier.is_expected and earlier.state = 'missing'
        ) as missing_before,
        max(owed.due_on), bool_or(owed.state = 'missing')
    from mart.mart_return_completeness as owed
    left join ref.dim_district as districts on owed.district_code = districts.district_code
    left join ref.dim_level_key as communities
        on
            communities.level = 'community' and owed.district_code = communities.district_code
            and owed.community_code = communities.key
    where owed.month = $month and owed.is_expected and not owed.is_complete
    group by owed.district_code, owed.community_code, districts.district_name, communities.key_name
    order by missing_before desc, count(*) desc, owed.district_code, owed.community_code
"""
_MISSING_RETURNS = """
    select district_code, community_code, month, array_agg(sheet)
    from mart.mart_return_completeness
    where is_expected and state = 'missing'
    group by district_code, community_code, month
    order by district_code, community_code, month desc
"""
_RETURNS = "meeting_returns"
_SHOWN = 12


@dataclass(frozen=True)
class StoppedRecord:
    """A kind of records that always came and has stopped; `category` is all, or what the rows are told apart by."""

    district_code: str
    district: str
    source: str
    record: str
    category: str
    key: str
    key_name: str | None
    last_seen_on: dt.date
    came_back_on: dt.date | None
    missing_workdays: int

    def in_words(self, declared: Catalog) -> str:
        """District, system, record, and since when it is missing."""
        until = f"到 {self.came_back_on} 才又有，其间" if self.came_back_on else "至今没有，已"
        return f"{self.district} {self.name(declared)}：{self.last_seen_on} 之后{until} {self.missing_workdays} 个工作日"

    def name(self, declared: Catalog) -> str:
        """System and record, and which of them."""
        of_what = "" if self.category == "all" else f"（{CATEGORIES[self.category]}：{self.key_name or KEYS.get(self.key, self.key)}）"
        return f"{declared.sources[self.source].label}·{declared.record(f'{self.source}.{self.record}').label}{of_what}"


@dataclass(frozen=True)
class MissingReturn:
    """The sheets of a community's return for a month that are overdue."""

    district_code: str
    community_code: str
    month: dt.date
    sheets: tuple[str, ...]


def stopped_records(settings: Settings, month: dt.date) -> list[StoppedRecord]:
    """Kinds of records whose absence stood at the end of `month` (or stands in it, while it runs); not those of a source that is loaded
    no longer. Raises NothingPublished."""
    with publication.one_release(settings) as ask:
        return _stopped(settings, ask, month)


def _stopped(settings: Settings, ask: publication.Ask, month: dt.date) -> list[StoppedRecord]:
    found = [StoppedRecord(*row) for row in ask(_VANISHED, {"month": month})]
    return [each for each in found if each.source not in settings.retired]


def missing_returns(settings: Settings) -> list[MissingReturn]:
    """Returns that are overdue in any month, by community, the newest month first; none once they are loaded no longer. Raises
    NothingPublished."""
    if _RETURNS in settings.retired:
        return []
    declared = catalog(settings)
    rows = publication.ask(settings, _MISSING_RETURNS)
    return [MissingReturn(district, community, month, _sheets(declared, names)) for district, community, month, names in rows]


def _sheets(declared: Catalog, names: Sequence[str]) -> tuple[str, ...]:
    """The names of sheets as communities know them, in the order of the declarations."""
    return tuple(str(record.extract.sheet) for record in declared.sources[_RETURNS].records if record.name in names)


def missing_at_the_close(settings: Settings, ask: publication.Ask, month: dt.date) -> list[str]:
    """What is missing in the data of `month` as a release says, as lines of Markdown; empty when nothing is known to be."""
    given, declared = {"month": month}, catalog(settings)
    vanished = [f"- {each.in_words(declared)}" for each in _stopped(settings, ask, month)]
    lines = [f"一向都有、后来没有了的记录 {len(vanished)} 类：", *_capped(vanished, "类", "mart_data_completeness")] if vanished else []
    owed = [] if _RETURNS in settings.retired else ask(_NOT_RECEIVED, given)
    if owed:
        *_, due_on, is_over = owed[0]
        due = f"{due_on} {'已' if is_over else ''}到期"
        told = [_owing(declared, *row[:-2]) for row in owed]
        lines += [""] if lines else []
        lines += [f"{month:%Y年%m月} 台账还没有收到的社区 {len(owed)} 个（{due}）：", *_capped(told, "个社区", "mart_return_completeness")]
    return lines


def _owing(declared: Catalog, district: str, community: str, sheets: list[str], missing_before: int) -> str:
    before = f"；此前还缺 {missing_before} 个月" if missing_before else ""
    return f"- {district} {community}：{'、'.join(_sheets(declared, sheets))}{before}"


def _capped(lines: list[str], unit: str, where: str) -> list[str]:
    rest = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"- 其余 {rest} {unit}见 {where}"] if rest > 0 else lines
