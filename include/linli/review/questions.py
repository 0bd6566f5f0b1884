"""What a review asks of the published file: every number on a page is a column of one of these answers.

A question is an SQL text that runs as it stands in `linli sql`, with the unit and the month written into it, so that whoever doubts a
number asks again. Nothing is computed here that a mart defines. Of a closed month the figures that were approved are read, see
`linli.review.approved`; what the marts make of it today is asked besides, under the same name with `_today`.

The pages of communities, stations and compounds leave the team. They tell work as it is, and of the callbacks what the copies of closed
months tell, and nothing else: no count of another question may tell how many were called.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from linli.calendar import next_month, previous_month
from linli.review.approved import Approved, approved_marts, as_they_are

PLACES = ("district", "community", "station", "compound")
LEVELS = (*PLACES, "department")

TEAM = frozenset({"district", "department"})
"""whose pages stay in the team"""

_ALL, _PLACES, _ABOVE_COMPOUND = frozenset(LEVELS), frozenset(PLACES), frozenset(PLACES) - {"compound"}

Withheld = Mapping[dt.date, Mapping[tuple[str, str, str], Collection[str]]]
"""by closed month and (district_code, level, key): what is not told of the callbacks outside the team, counts and `follow_up`, the rate
of the seven days; of a month or a place that is not here, nothing is told"""


@dataclass(frozen=True)
class Unit:
    """Whose review it is: a key of a level of the marts in a district, and how it is called."""

    district_code: str
    level: str
    key: str
    name: str


@dataclass(frozen=True)
class Answer:
    """A question as it was asked, and the rows of its answer by column."""

    name: str
    sql: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    is_approved: bool = True
    """whether its figures of the month are among those that were approved, where the month is closed"""

    @property
    def only(self) -> Mapping[str, Any]:
        """The one row there can be, or an empty one."""
        return self.rows[0] if self.rows else {}


@dataclass(frozen=True)
class _Question:
    name: str
    levels: frozenset[str]
    sql: str
    is_of_today: bool = False
    """asked of a closed month only, and of the marts as they are"""

    @property
    def closed_marts(self) -> list[str] | None:
        """The marts that it reads as approved; None where it reads others, which are not closed as figures."""
        return None if "mart.mart_" in self.sql else re.findall(r"{(mart_\w+)}", self.sql)


_OF_UNIT = "district_code = {district} and level = {level} and key = {key}"
_MONTHS = "month between {first} and {month}"
# the compounds of a unit as they are today, which is how its page lists them
_COMPOUNDS = "select compound.compound_code from ref.dim_compound as compound where compound.district_code = {district} and {compounds}"

_QUESTIONS: Sequence[_Question] = (
    _Question(
        "release",
        _ALL,
        "select any_value(content_hash) as content_hash, any_value(code_version) as code_version, max(as_of) as as_of,"
        " count(*) filter (where is_behind) as behind_count, min(source_as_of) filter (where is_behind) as behind_at,"
        " (select coalesce(max(restatement_no), 0) from closed.restatement where month = {month}) as restatement_no"
        " from (select *, state <> 'retired' and (state <> 'not_configured' and source_as_of is null or source_as_of < as_of) as is_behind"
        " from main.published_at)",
    ),
    _Question(
        "closed",
        _ALL,
        "select month, closed_at, approved_by, content_hash,"
        # the choice of several districts is one text
        " case when (select count(*) from ref.dim_district) = 1 then campaign end as campaign,"
        " exists (select 1 from closed.figure where month = {month} and district_code = {district}) as is_of_district"
        " from closed.month where month = {month}",
    ),
    _Question(
        "volume",
        _ALL,
        "select month, received_count, case_count, complaint_count, before_complaint_count, handled_count, on_scene_count"
        f" from {{mart_case_volume}} where {_OF_UNIT} and {_MONTHS} order by month",
    ),
    _Question(
        "clock",
        _ALL,
        "select month, step, due_count, on_time_count, late_count, overdue_count, open_count, judged_count, on_time_rate, on_time_low,"
        " on_time_high, is_small_sample, closed_only_rate"
        # whoever was followed up in time has been called on both sides
        f" from {{mart_clock_257}} where {_OF_UNIT} and {_MONTHS} and ({{is_of_team}} or step <> 'follow_up')"
        " order by month, array_position(['accept', 'resolve', 'follow_up'], step)",
    ),
    _Question(
        "follow_up",
        _PLACES - TEAM,
        "select month, round_even(on_time_rate, 2) as on_time_rate from {mart_clock_257}"
        f" where {_OF_UNIT} and step = 'follow_up' and month in ({{follow_up_months}}) order by month",
    ),
    _Question(
        "satisfaction",
        TEAM,
        "select month, matured_count, pending_count, both_reached_count, double_called_count, double_satisfied_count,"
        " org_yes_resident_no_count, org_no_resident_yes_count, neither_satisfied_count, coverage_rate, satisfaction_rate,"
        " satisfaction_low, satisfaction_high, strict_satisfaction_rate, cohen_kappa, is_small_sample"
        f" from {{mart_two_callback_satisfaction}} where {_OF_UNIT} and {_MONTHS} order by month",
    ),
    _Question(
        "satisfaction",
        _PLACES - TEAM,
        # a row for every month told: that there is none must not say that there was nothing
        "select told.month, {told_of_unit} from (select unnest(cast([{told_months}] as date[])) as month) as told"
        " left join {mart_two_callback_satisfaction} as said on said.month = told.month and said.district_code = {district}"
        " and said.level = {level} and said.key = {key} order by told.month",
    ),
    _Question(
        "agreement",
        TEAM,
        "select month, agreement_rate, agreement_low, agreement_high, organisation_reached_count, organisation_satisfied_count,"
        " organisation_satisfied_rate, organisation_satisfied_low, organisation_satisfied_high, worst_rate, best_rate,"
        " silence_as_satisfied_rate, resident_reached_count, resident_satisfied_count, resident_satisfied_rate, resident_satisfied_low,"
        " resident_satisfied_high, is_small_sample_of_organisation, is_small_sample_of_resident"
        f" from {{mart_callback_agreement}} where {_OF_UNIT} and month in ({{previous}}, {{month}}) order by month",
    ),
    _Question(
        "backlog",
        _ALL,
        "select month, age_name, from_workdays, sum(open_count) as open_count, sum(suspended_count) as suspended_count"
        " from {mart_backlog} inner join ref.backlog_ages using (age_code)"
        f" where {_OF_UNIT} and month in ({{previous}}, {{month}}) group by all order by month, from_workdays",
    ),
    _Question(
        "blame",
        TEAM,
        "select month, judged_count, kept_count, broken_count, broken_accept_count, broken_resolve_count, broken_follow_up_count,"
        f" broken_rate, broken_low, broken_high, is_small_sample from {{mart_stage_blame}} where {_OF_UNIT} and month = {{month}}",
    ),
    _Question(
        "departments",
        frozenset({"district"}),
        "select department.key, department.key_name, volume.received_count,"
        " case when exists (select 1 from {mart_case_volume} where month = {previous} and level = 'district'"
        " and district_code = {district}) then coalesce(volume.received_count, 0) - coalesce(earlier.received_count, 0) end"
        " as received_change,"
        " clock.on_time_count, clock.judged_count, clock.overdue_count, clock.on_time_rate, clock.on_time_low, clock.on_time_high,"
        " clock.is_small_sample,"
        " agreement.organisation_reached_count, agreement.organisation_satisfied_rate, agreement.organisation_satisfied_low,"
        " agreement.organisation_satisfied_high, agreement.is_small_sample_of_organisation,"
        " agreement.resident_reached_count, agreement.resident_satisfied_rate, agreement.resident_satisfied_low,"
        " agreement.resident_satisfied_high, agreement.is_small_sample_of_resident"
        " from ref.dim_level_key as department"
        " left join {mart_case_volume} as volume on volume.month = {month} and volume.level = 'department'"
        " and volume.district_code = department.district_code and volume.key = department.key"
        " left join {mart_case_volume} as earlier on earlier.month = {previous} and earlier.level = 'department'"
        " and earlier.district_code = department.district_code and earlier.key = department.key"
        " left join {mart_clock_257} as clock on clock.month = {month} and clock.level = 'department' and clock.step = 'resolve'"
        " and clock.district_code = department.district_code and clock.key = department.key"
        " left join {mart_callback_agreement} as agreement on agreement.month = {month} and agreement.level = 'department'"
        " and agreement.district_code = department.district_code and agreement.key = department.key"
        " where department.level = 'department' and department.district_code = {district}"
        " and (department.key <> 'none' or volume.received_count > 0)"
        " order by volume.received_count desc nulls last, department.key",
    ),
    _Question(
        "compounds",
        _ABOVE_COMPOUND,
        "select compound.compound_code, compound.compound_name, coalesce(volume.received_count, 0) as received_count,"
        " clock.on_time_count, clock.judged_count, clock.on_time_rate, clock.is_small_sample,"
        " {told_of_compounds},"
        " patrol.fulfilled_patrol_count, patrol.required_patrol_count"
        " from ref.dim_compound as compound"
        " left join {mart_case_volume} as volume on volume.month = {month} and volume.level = 'compound'"
        " and volume.district_code = compound.district_code and volume.key = compound.compound_code"
        " left join {mart_clock_257} as clock on clock.month = {month} and clock.level = 'compound' and clock.step = 'resolve'"
        " and clock.district_code = compound.district_code and clock.key = compound.compound_code"
        " left join {mart_two_callback_satisfaction} as said on said.month = {month}"
        " and said.level = 'compound' and said.district_code = compound.district_code"
        " and said.key = compound.compound_code"
        " left join {mart_patrol} as patrol on patrol.month = {month} and patrol.level = 'compound'"
        " and patrol.district_code = compound.district_code and patrol.key = compound.compound_code"
        " where compound.district_code = {district} and {compounds}"
        " order by received_count desc, compound.compound_code",
    ),
    _Question(
        "problems",
        _PLACES,
        "select problem.item_code, coalesce(item.item_name, category.key_name, problem.item_code) as item_name, problem.category_code,"
        " problem.case_count, problem.share_rate, problem.cumulative_rate, problem.item_rank, problem.is_vital,"
        " problem.watched_count, problem.recurrence_count, problem.recurrence_rate, problem.is_small_sample"
        " from {mart_frequent_problem} as problem left join ref.dim_item as item using (item_code)"
        " left join ref.dim_level_key as category on category.level = 'category' and category.district_code = problem.district_code"
        " and category.key = problem.category_code"
        " where problem.district_code = {district} and problem.level = {level} and problem.key = {key} and problem.month = {month}"
        " order by problem.item_rank, problem.item_code",
    ),
    _Question(
        "own_problems",
        frozenset({"department"}),
        "select problem.item_code, item.item_name, problem.case_count, problem.share_rate, problem.item_rank,"
        " problem.watched_count, problem.recurrence_count, problem.recurrence_rate, problem.is_small_sample"
        " from {mart_frequent_problem} as problem inner join ref.dim_item as item using (item_code)"
        " where problem.district_code = {district} and problem.level = 'district' and problem.month = {month}"
        " and item.lead_department_code = {key} order by problem.item_rank, problem.item_code",
    ),
    _Question(
        "problems_by_compound",
        _ABOVE_COMPOUND,
        "select key as compound_code, item_code, case_count from {mart_frequent_problem}"
        " where month = {month} and level = 'compound' and district_code = {district}"
        f" and key in ({_COMPOUNDS}) order by compound_code, item_code",
    ),
    _Question(
        "programme",
        _PLACES,
        "select review.month, review.is_complete, {programme_columns}, review.compound_count, review.compliant_compound_count"
        " from mart.mart_monthly_review as review"
        " left join mart.mart_monthly_review as before on before.month = {previous} and before.district_code = review.district_code"
        " and before.level = review.level and before.key = review.key"
        " where review.district_code = {district} and review.level = {level} and review.key = {key} and review.month = {month}",
    ),
    _Question(
        "year",
        _PLACES,
        "select complaint_count_year_to_date, complaint_count_year_to_date_last_year, complaint_change_year_to_date_rate"
        f" from {{mart_monthly_review}} where {_OF_UNIT} and month = {{month}}",
    ),
    _Question(
        "duty",
        frozenset({"department"}),
        "select consultation_count, convened_count, attended_count, adopted_matter_count, solved_matter_count, tough_whistle_count,"
        " solved_tough_whistle_count, resolve_on_time_change, satisfaction_change, is_small_sample from mart.mart_rotating_lead"
        " where district_code = {district} and department_code = {key} and month = {month}",
    ),
    _Question(
        "proposals",
        _PLACES,
        "select proposal.proposal_rank, category.key_name as category_name, proposal.case_count,"
        # how many were not satisfied is a part of it
        " case when {is_of_team} then proposal.score end as score,"
        " proposal.compound_count, proposal.compound_case_count,"
        " array(select item_name from ref.dim_item where item_code in (proposal.item_1_code, proposal.item_2_code, proposal.item_3_code)"
        " order by item_code) as item_names,"
        " array(select compound_name from ref.dim_compound as compound where compound.district_code = proposal.district_code"
        " and compound.compound_code in (select unnest(string_split(proposal.compound_codes, ';'))) order by compound_code)"
        " as compound_names,"
        " coalesce(department.department_name, '') as duty_department_name"
        " from mart.mart_campaign_proposal as proposal"
        " left join ref.dim_level_key as category on category.level = 'category' and category.district_code = proposal.district_code"
        " and category.key = proposal.category_code"
        " left join ref.dim_department as department on department.department_code = proposal.duty_department_code"
        " where proposal.month = {next} and proposal.district_code = {district}"
        # one that rests on findings of patrols alone names no compound and is the district's all the same
        f" and ({{level}} = 'district' or exists (select 1 from ({_COMPOUNDS}) where compound_code in"
        " (select unnest(string_split(proposal.compound_codes, ';')))))"
        " order by proposal.proposal_rank",
    ),
    _Question(
        "effect",
        frozenset({"district"}),
        "select campaign_month, department_code, department_name, treated_before_rate, treated_after_rate, control_before_rate,"
        " control_after_rate, rate_ratio, ratio_low, ratio_high, verdict from mart.mart_campaign_effect"
        " left join ref.dim_department using (department_code)"
        " where month = {month} and district_code = {district} order by campaign_month desc, department_code",
    ),
    _Question(
        "clusters",
        _PLACES,
        "select cluster_id, item_name, lead.compound_name as lead_compound_name, cluster.compound_count, case_count, open_count"
        " from mart.mart_similar_cluster as cluster left join ref.dim_item using (item_code)"
        " left join ref.dim_compound as lead on lead.compound_code = cluster.lead_compound_code"
        " where cluster.month = {month} and cluster.district_code = {district}"
        f" and exists (select 1 from ({_COMPOUNDS}) where compound_code in (select unnest(string_split(cluster.compound_codes, ';'))))"
        " order by cluster.compound_count desc, case_count desc, cluster_id",
    ),
    _Question(
        "disagreements",
        TEAM,
        "select case_no, round_no, compound_name, item_name, department_name, resolved_at"
        " from mart.mart_disagreement_case as disagreement left join ref.dim_compound using (compound_code)"
        " left join ref.dim_item using (item_code) left join ref.dim_department using (department_code)"
        " where disagreement.month = {month} and direction = 'org_yes_resident_no' and disagreement.district_code = {district}"
        " and disagreement.{level_column} = {key} order by case_no, round_no",
    ),
    _Question(
        "restatements",
        _ALL,
        # a place's page leaves the team: no single case, and no figure but those of work; the records behind one may be callbacks
        "select month, restatement_no, mart, grain, metric, old_value, new_value, cause,"
        " case when {is_of_team} then record_count end as record_count, case when {is_of_team} then records end as records"
        " from closed.restatement where district_code = {district} and month between {first} and {month}"
        " and (level = {level} and key = {key} or level is null and {level} = 'district')"
        " and (mart not in ('mart_lead', 'mart_points') or {level} = 'district')"
        " and ({is_of_team} or {is_work})"
        " order by month desc, restatement_no desc, mart, grain, metric",
    ),
    _Question(
        "returned",
        frozenset({"district"}),
        "select source, record, sum(opened_count) as opened_count, sum(closed_count) as closed_count"
        " from main.mart_data_service where service_on >= {month} and service_on < {next}"
        # submissions are not told apart by district
        " and (select count(*) from ref.dim_district) = 1 group by all"
        " having sum(opened_count) > 0 or sum(closed_count) > 0 order by opened_count desc, source, record",
    ),
)

_TODAY = frozenset({"volume", "clock", "satisfaction", "agreement", "backlog"})
"""questions behind the figures a page begins with"""

QUESTIONS: Sequence[_Question] = (
    *_QUESTIONS,
    *(
        # what places are told of callbacks stays as it was approved: the difference of two tellings is about very few
        _Question(f"{each.name}_today", each.levels, each.sql, is_of_today=True)
        for each in _QUESTIONS
        if each.name in _TODAY and each.levels >= TEAM
    ),
)

PROGRAMME = (
    "volunteer_person_times", "finding_count", "fixed_on_the_spot_count", "dispute_defused_count", "snap_count", "whistle_count",
    "enforcement_council_count", "matter_raised_count", "matter_solved_count", "publicity_event_count", "lead_count", "earned_points",
    "redeemed_points",
)  # fmt: skip
"""columns of the monthly review shown with what they were in the month before"""
OF_RESIDENTS = frozenset({"lead_count", "earned_points", "redeemed_points"})
"""of these, figures about single residents: on pages of the team only, and there not where the row is marked as a small group"""
_WORK: Mapping[str, Sequence[str]] = {
    "mart_case_volume": (
        "received_count", "case_count", "complaint_count", "before_complaint_count", "handled_count", "on_scene_count",
    ),
    "mart_clock_257": (
        "due_count", "on_time_count", "late_count", "overdue_count", "open_count", "judged_count", "on_time_rate", "on_time_low",
        "on_time_high", "closed_only_rate",
    ),
    "mart_backlog": ("open_count", "suspended_count"),
    "mart_patrol": (
        "required_patrol_count", "fulfilled_patrol_count", "joint_patrol_count", "volunteer_person_times", "finding_count",
        "fixed_on_the_spot_count", "dispute_defused_count", "snap_count",
    ),
}  # fmt: skip
"""restated figures that are told outside the team, by mart; of the clock, those of the steps before the callbacks"""
_TOLD: Mapping[str, frozenset[str]] = {
    "matured_count": frozenset({"matured_count"}),
    "double_called_count": frozenset({"double_called_count"}),
    "double_satisfied_count": frozenset({"double_satisfied_count"}),
    "coverage_rate": frozenset({"double_called_count", "matured_count"}),
    "satisfaction_rate": frozenset({"double_satisfied_count", "double_called_count"}),
    "satisfaction_low": frozenset({"double_satisfied_count", "double_called_count"}),
    "satisfaction_high": frozenset({"double_satisfied_count", "double_called_count"}),
    "is_small_sample": frozenset({"double_called_count"}),
}
"""what may be told of the callbacks outside the team, and which counts each gives away"""
_OF_COMPOUNDS = {
    "double_satisfied_count": "double_satisfied_count",
    "double_called_count": "double_called_count",
    "satisfaction_rate": "satisfaction_rate",
    "is_small_sample": "is_small_sample_of_satisfaction",
}
"""of these, what is listed of every compound, and its name there"""


_IS_WORK = " or ".join(
    f"mart = '{mart}' and metric in ({', '.join(map(repr, metrics))})"
    + (" and grain in ('step=accept', 'step=resolve')" if mart == "mart_clock_257" else "")
    for mart, metrics in _WORK.items()
)


def units(con: duckdb.DuckDBPyConnection, levels: Sequence[str] = LEVELS) -> list[Unit]:
    """Everybody who has a review, the districts first: the keys of the reference data in these levels."""
    rows = con.execute(
        "select district_code, level, key, key_name from ref.dim_level_key where list_contains($levels, level) and key <> 'none'"
        " order by list_position($levels, level), district_code, key",
        {"levels": list(levels)},
    ).fetchall()
    return [Unit(*row) for row in rows]


def ask(con: duckdb.DuckDBPyConnection, unit: Unit, month: dt.date, withheld: Withheld) -> dict[str, Answer]:
    """The answers to every question about `unit` in `month`, by name; those that do not concern its level are empty."""
    approved = approved_marts(con, unit.district_code, month)
    found = {question.name: Answer(question.name, "", (), ()) for question in QUESTIONS}
    for question in QUESTIONS:
        if unit.level in question.levels and (approved.is_closed or not question.is_of_today):
            sql = _text_of(question, unit, month, approved, withheld)
            answer = con.execute(sql)
            columns = [column[0] for column in answer.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
            is_approved = question.closed_marts is not None and approved.holds(question.closed_marts)
            found[question.name] = Answer(question.name, sql, columns, rows, is_approved)
    return found


def _text_of(question: _Question, unit: Unit, month: dt.date, approved: Approved, withheld: Withheld) -> str:
    earlier = month if question.is_of_today else previous_month(month)
    first = month if question.is_of_today else month.replace(year=month.year - 1)
    of_unit = (unit.district_code, unit.level, unit.key)
    told = [each for each in (previous_month(month), month) if of_unit in withheld.get(each, {})]
    followed_up = [_date(each) for each in told if "follow_up" not in withheld[each][of_unit]]
    given = {
        "district": _text(unit.district_code),
        "level": _text(unit.level),
        "key": _text(unit.key),
        "level_column": f"{unit.level}_code",
        "compounds": f"compound.{unit.level}_code = {_text(unit.key)}",
        "month": _date(month),
        "previous": _date(earlier),
        "next": _date(next_month(month)),
        "first": _date(first),
        "programme_columns": ", ".join(_programme(column) for column in PROGRAMME if unit.level in TEAM or column not in OF_RESIDENTS),
        "told_months": ", ".join(map(_date, told)),
        "told_of_unit": ", ".join(_told_of_unit(column, unit, told, withheld) for column in _TOLD),
        "follow_up_months": ", ".join(followed_up) or "null",
        "told_of_compounds": ", ".join(_told_of_compounds(column, unit, month, withheld) for column in _OF_COMPOUNDS),
        "is_of_team": "true" if unit.level in TEAM else "false",
        "is_work": _IS_WORK,
    }
    marts = as_they_are()
    if not question.is_of_today:
        marts = approved.as_approved(question.sql.format_map(given | marts), first)
    return question.sql.format_map(given | marts)


def _told_of_unit(column: str, unit: Unit, told: Sequence[dt.date], withheld: Withheld) -> str:
    """A column of a place's callbacks in the months in which it is told."""
    of_unit = (unit.district_code, unit.level, unit.key)
    months = [_date(month) for month in told if _TOLD[column].isdisjoint(withheld[month][of_unit])]
    return f"case when told.month in ({', '.join(months) or 'null'}) then {_or_zero(column)} end as {column}"


def _told_of_compounds(column: str, unit: Unit, month: dt.date, withheld: Withheld) -> str:
    """A column of the callbacks of every compound, null where it is not told on the unit's page."""
    name = _OF_COMPOUNDS[column]
    if unit.level in TEAM:
        return f"said.{column} as {name}"
    told = sorted(
        _text(key)
        for (district, level, key), names in withheld.get(month, {}).items()
        if (district, level) == (unit.district_code, "compound") and _TOLD[column].isdisjoint(names)
    )
    return f"case when compound.compound_code in ({', '.join(told) or 'null'}) then {_or_zero(column)} end as {name}"


def _or_zero(column: str) -> str:
    return f"coalesce(said.{column}, 0)" if column.endswith("_count") else f"said.{column}"


def _programme(column: str) -> str:
    """A figure of the month and of the month before; one about residents is null where its month's are too few."""
    before = f"{column}_previous_month"
    if column not in OF_RESIDENTS:
        return f"review.{column}, review.{before}"
    return (
        f"case when not review.is_small_group then review.{column} end as {column},"
        f" case when not before.is_small_group then review.{before} end as {before}"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _date(day: dt.date) -> str:
    return f"date '{day.isoformat()}'"
