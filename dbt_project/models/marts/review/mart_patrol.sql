{{ config(pre_hook=["{{ forget_touched('patrol_app') }}", "{{ forget_before(ref('int_patrol_app_starts')) }}"]) }}
{%- set facts = {
    'patrols': (ref('fct_patrol'), 'month'), 'checklists': (ref('fct_patrol_checklist'), 'month'),
    'findings': (ref('fct_patrol_finding'), 'month'), 'raised': (ref('fct_dispute'), 'raised_month'),
    'defused': (ref('fct_dispute'), 'defused_month'), 'snaps': (ref('fct_snap'), 'month'),
} -%}
{%- set counts = {
    'owed': {'of': 'owed', 'measures': {
        'compound_count': 'true',
        'compliant_compound_count': 'is_compliant',
        'required_patrol_count': {'value': var('patrol').monthly},
        'fulfilled_patrol_count': {'value': 'fulfilled_patrol_count'},
    }},
    'patrols': {'of': 'patrols_of_months', 'measures': {
        'joint_patrol_count': "kind_code = 'joint'",
        'compliant_patrol_count': 'is_compliant',
        'three_in_one_count': "kind_code = 'joint' and is_three_in_one",
        'several_departments_count': "kind_code = 'joint' and department_count >= " ~ var('patrol').min_departments,
        'completed_checklist_count': {'value': 'completed_checklist_count', 'where': "kind_code = 'joint'"},
        'volunteer_patrol_count': "kind_code = 'volunteer'",
        'warn_before_count': "duty_code = 'warn_before'",
        'dissuade_during_count': "duty_code = 'dissuade_during'",
        'watch_after_count': "duty_code = 'watch_after'",
        'volunteer_person_times': {'value': 'volunteer_count'},
    }},
    'checklists': {'of': 'checklists_of_months', 'measures': {
        'safety_hazards_completed_count': "patrol_kind_code = 'joint' and is_completed and checklist_code = 'safety_hazards'",
        'sanitation_completed_count': "patrol_kind_code = 'joint' and is_completed and checklist_code = 'sanitation'",
        'illegal_business_completed_count': "patrol_kind_code = 'joint' and is_completed and checklist_code = 'illegal_business'",
    }},
    'findings': {'of': 'findings_of_months', 'measures': {
        'finding_count': 'true',
        'fixed_on_the_spot_count': "disposition_code = 'fixed_on_the_spot'",
        'joint_discussion_count': "disposition_code = 'joint_discussion'",
        'filed_as_case_count': "disposition_code = 'filed_as_case'",
        'carried_over_count': 'is_carried_over',
        'still_open_count': 'is_still_open',
        'before_complaint_finding_count': 'is_before_complaint',
    }},
    'cases': {'measures': ['case_count', 'before_complaint_case_count']},
    'raised': {'of': 'raised_of_months', 'month': 'raised_month', 'measures': {'dispute_raised_count': 'true'}},
    'defused': {'of': 'defused_of_months', 'month': 'defused_month', 'measures': {'dispute_defused_count': 'true'}},
    'snaps': {'of': 'snaps_of_months', 'measures': {
        'snap_count': 'true',
        'snap_adopted_count': "status_code = 'adopted'",
        'snap_not_adopted_count': "status_code = 'not_adopted'",
        'snap_passed_on_count': "status_code = 'passed_on'",
    }},
} -%}
with run as (
    select
        small_sample_n,
        {{ local_date('as_of') }} as as_of_on
    from {{ source('linli', 'run') }}
),

months as (
    {{ months_uncounted(ref('int_patrol_app_starts')) }}
),
{% for name, (fact, month) in facts.items() %}
{{ name }}_of_months as (
    select facts.*
    from {{ fact }} as facts
    inner join months on facts.district_code = months.district_code and facts.{{ month }} = months.month
),
{% endfor %}
-- each compound owes its patrols to the station that covered it on the last day of the month that has passed
compound_months as (
    select
        months.month,
        compounds.district_code,
        compounds.compound_code,
        max(days.calendar_on) as last_on
    from months
    cross join run
    inner join {{ ref('compounds') }} as compounds on months.district_code = compounds.district_code
    inner join {{ ref('dim_calendar') }} as days
        on
            months.month = {{ month_of('days.calendar_on') }}
            and days.calendar_on < run.as_of_on
    group by months.month, compounds.district_code, compounds.compound_code
),

counting as (
    select
        month,
        compound_code,
        count(*) as patrol_count
    from patrols_of_months
    where is_compliant
    group by month, compound_code
),

owed as (
    select
        compound_months.month,
        compound_months.district_code,
        coalesce(compounds.community_code, 'none') as community_code,
        compound_months.compound_code,
        {{ station_then() }} as station_code,
        least(coalesce(counting.patrol_count, 0), {{ var('patrol').monthly }}) as fulfilled_patrol_count,
        coalesce(counting.patrol_count, 0) >= {{ var('patrol').monthly }} as is_compliant
    from compound_months
    {{ join_place('compound_months', 'compound_months.last_on') }}
    left join counting
        on compound_months.month = counting.month and compound_months.compound_code = counting.compound_code
),

-- the share of cases found before a complaint is asked from the first month of the app on
cases_counted as (
    select
        volume.month,
        volume.district_code,
        volume.level,
        volume.key,
        volume.case_count,
        volume.before_complaint_count as before_complaint_case_count
    from {{ ref('mart_case_volume') }} as volume
    inner join months on volume.district_code = months.district_code and volume.month = months.month
    where volume.level in ('{{ place_levels() | join("', '") }}')
),

{{ counted_together(counts, place_levels()) }}

select
    counted.*,
    counted.month < {{ month_of('run.as_of_on') }} as is_complete,
    {{ rate('counted.compliant_compound_count', 'counted.compound_count') }} as compliance_rate,
    {{ wilson('counted.compliant_compound_count', 'counted.compound_count', 'low') }} as compliance_low,
    {{ wilson('counted.compliant_compound_count', 'counted.compound_count', 'high') }} as compliance_high,
    counted.compound_count < run.small_sample_n as is_small_sample,
    {{ rate('counted.fulfilled_patrol_count', 'counted.required_patrol_count') }} as fulfilled_rate,
    {{ wilson('counted.fulfilled_patrol_count', 'counted.required_patrol_count', 'low') }} as fulfilled_low,
    {{ wilson('counted.fulfilled_patrol_count', 'counted.required_patrol_count', 'high') }} as fulfilled_high,
    counted.required_patrol_count < run.small_sample_n as is_small_sample_of_required_patrols,
    {{ rate('counted.fixed_on_the_spot_count', 'counted.finding_count') }} as fixed_on_the_spot_rate,
    {{ wilson('counted.fixed_on_the_spot_count', 'counted.finding_count', 'low') }} as fixed_on_the_spot_low,
    {{ wilson('counted.fixed_on_the_spot_count', 'counted.finding_count', 'high') }} as fixed_on_the_spot_high,
    counted.finding_count < run.small_sample_n as is_small_sample_of_findings,
    {{ rate('counted.before_complaint_finding_count', 'counted.finding_count') }} as before_complaint_finding_rate,
    {{ wilson('counted.before_complaint_finding_count', 'counted.finding_count', 'low') }} as before_complaint_finding_low,
    {{ wilson('counted.before_complaint_finding_count', 'counted.finding_count', 'high') }} as before_complaint_finding_high,
    {{ rate('counted.before_complaint_case_count', 'counted.case_count') }} as before_complaint_case_rate,
    {{ wilson('counted.before_complaint_case_count', 'counted.case_count', 'low') }} as before_complaint_case_low,
    {{ wilson('counted.before_complaint_case_count', 'counted.case_count', 'high') }} as before_complaint_case_high,
    counted.case_count < run.small_sample_n as is_small_sample_of_cases
from counted
cross join run
{{ clustered_by('month, district_code, level, key') }}
