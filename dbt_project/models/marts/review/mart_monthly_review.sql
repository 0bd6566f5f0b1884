{{ config(materialized='table') }}
{#- What each mart contributes: its rows, the kind of record it counts, and per column of the review the sum that makes it. -#}
{%- set parts = {
    'volume': {'of': ref('mart_case_volume'), 'where': 'true', 'since': 'cases', 'counts': {
        'received_count': 'received_count', 'withdrawn_count': 'withdrawn_count', 'invalid_count': 'invalid_count',
        'duplicate_count': 'duplicate_count', 'complaint_count': 'complaint_count', 'resident_call_count': 'resident_call_count',
        'officer_line_count': 'officer_line_count', 'hotline_12345_count': 'hotline_12345_count',
        'complaint_handled_count': 'complaint_handled_count',
        'grid_report_count': 'grid_report_count', 'patrol_finding_case_count': 'patrol_finding_count',
        'council_case_count': 'council_count', 'snap_report_case_count': 'snap_report_count', 'other_channel_count': 'other_channel_count',
        'case_count': 'case_count', 'before_complaint_count': 'before_complaint_count', 'on_complaint_count': 'on_complaint_count',
        'after_closure_count': 'after_closure_count', 'no_phase_count': 'no_phase_count', 'handled_count': 'handled_count', 'on_scene_count': 'on_scene_count',
    }},
    'clock': {'of': ref('mart_clock_257'), 'where': 'true', 'since': 'cases', 'counts': {
        'accept_on_time_count': "case when step = 'accept' then on_time_count end",
        'accept_judged_count': "case when step = 'accept' then judged_count end",
        'resolve_on_time_count': "case when step = 'resolve' then on_time_count end",
        'resolve_judged_count': "case when step = 'resolve' then judged_count end",
        'follow_up_on_time_count': "case when step = 'follow_up' then on_time_count end",
        'follow_up_judged_count': "case when step = 'follow_up' then judged_count end",
    }},
    'blame': {'of': ref('mart_stage_blame'), 'where': 'true', 'since': 'cases', 'counts': {
        'judged_round_count': 'judged_count', 'broken_round_count': 'broken_count',
    }},
    'satisfaction': {'of': ref('mart_two_callback_satisfaction'), 'where': 'true', 'since': 'cases', 'counts': {
        'matured_count': 'matured_count', 'double_called_count': 'double_called_count',
        'double_satisfied_count': 'double_satisfied_count', 'org_yes_resident_no_count': 'org_yes_resident_no_count',
    }},
    'resolved': {'of': ref('mart_stage_time'), 'where': 'true', 'since': 'cases', 'counts': {
        'resolved_round_count': 'resolved_count', 'reopened_round_count': 'reopened_count',
    }},
    'backlog': {'of': 'aged_backlog', 'where': 'true', 'since': 'cases', 'counts': {
        'backlog_count': 'open_count', 'backlog_suspended_count': 'suspended_count',
        'backlog_in_accept_count': 'case when from_workdays <= ' ~ var('clock').accept ~ ' then open_count end',
        'backlog_in_resolve_count':
            'case when from_workdays > ' ~ var('clock').accept ~ ' and from_workdays <= ' ~ var('clock').resolve ~ ' then open_count end',
        'backlog_in_follow_up_count':
            'case when from_workdays > ' ~ var('clock').resolve ~ ' and from_workdays <= ' ~ var('clock').follow_up ~ ' then open_count end',
        'backlog_beyond_count': 'case when from_workdays > ' ~ var('clock').follow_up ~ ' then open_count end',
    }},
    'whistles': {'of': ref('mart_whistle'), 'where': 'true', 'since': 'cases', 'counts': {
        'whistle_count': 'blown_count', 'emergency_judged_count': 'judged_count', 'emergency_in_time_count': 'in_time_count',
    }},
    'meetings': {'of': ref('mart_meeting'), 'where': 'true', 'since': 'returns', 'counts': {
        'meeting_count': 'meeting_count', 'enforcement_council_count': 'enforcement_council_count',
    }},
    'matters': {'of': ref('mart_matter'), 'where': 'true', 'since': 'returns', 'counts': {
        'matter_raised_count': 'raised_count', 'matter_solved_count': 'solved_count',
    }},
    'patrols': {'of': ref('mart_patrol'), 'where': 'true', 'since': 'patrols', 'counts': {
        'compound_count': 'compound_count', 'compliant_compound_count': 'compliant_compound_count',
        'compliant_patrol_count': 'compliant_patrol_count', 'volunteer_person_times': 'volunteer_person_times',
        'finding_count': 'finding_count', 'fixed_on_the_spot_count': 'fixed_on_the_spot_count',
        'dispute_defused_count': 'dispute_defused_count', 'snap_count': 'snap_count',
    }},
    'publicity': {'of': ref('mart_publicity'), 'where': 'true', 'since': 'returns', 'counts': {'publicity_event_count': 'event_count'}},
    'points': {'of': ref('mart_points'), 'where': "resident_kind_code = 'all'", 'since': 'points', 'counts': {
        'earned_points': 'earned_points', 'redeemed_points': 'redeemed_points', 'balance_points': 'balance_points',
    }},
    'leads': {'of': ref('mart_lead'), 'where': 'true', 'since': 'leads', 'counts': {'lead_count': 'lead_count', 'follower_count': 'follower_count'}},
} -%}
{#- The marts whose first row in a district begins what is known of a kind; the three sheets come in one return, and a matter begins
    in the month of its return, whatever day it says it was heard on. -#}
{%- set begins = [
    ('cases', 'volume', 'true'),
    ('returns', 'meetings', 'true'),
    ('returns', 'matters', 'raised_count > 0'),
    ('returns', 'publicity', 'true'),
    ('patrols', 'patrols', 'true'),
    ('points', 'points', 'true'),
    ('leads', 'leads', 'true'),
] -%}
{#- Rates: part and whole among the columns above. -#}
{%- set rates = {
    'accept_on_time': ('accept_on_time_count', 'accept_judged_count'),
    'resolve_on_time': ('resolve_on_time_count', 'resolve_judged_count'),
    'follow_up_on_time': ('follow_up_on_time_count', 'follow_up_judged_count'),
    'coverage': ('double_called_count', 'matured_count'),
    'satisfaction': ('double_satisfied_count', 'double_called_count'),
    'strict_satisfaction': ('double_satisfied_count', 'matured_count'),
    'reopened': ('reopened_round_count', 'resolved_round_count'),
    'emergency_in_time': ('emergency_in_time_count', 'emergency_judged_count'),
    'compliance': ('compliant_compound_count', 'compound_count'),
} -%}
{%- set counts = [] -%}
{%- for part in parts.values() -%}{%- do counts.extend(part.counts) -%}{%- endfor -%}
{%- set levels = "('" ~ place_levels() | join("', '") ~ "')" -%}
with run as (
    select
        small_sample_n,
        {{ month_of(local_date('as_of')) }} as as_of_month,
        {{ month_of('last_day.calendar_on') }} as last_month,
        cast({{ month_of('last_day.calendar_on') }} - interval {{ var('review_months') - 1 }} month as date) as first_month
    from {{ source('linli', 'run') }}
    inner join {{ ref('dim_calendar') }} as last_day on last_day.calendar_on + 1 = {{ local_date('as_of') }}
),

-- the same month a year ago, and its year up to then, are read as well
base as (
    select cast(date_trunc('year', first_month) - interval 1 year as date) as first_month
    from run
),

aged_backlog as (
    select
        backlog.month,
        backlog.district_code,
        backlog.level,
        backlog.key,
        backlog.open_count,
        backlog.suspended_count,
        ages.from_workdays
    from {{ ref('mart_backlog') }} as backlog
    inner join {{ ref('backlog_ages') }} as ages on backlog.age_code = ages.age_code
),
{% for alias, part in parts.items() %}
{{ alias }} as (
    select
        month,
        district_code,
        level,
        key
        {%- for name, measure in part.counts.items() %},
        cast(coalesce(sum({{ measure }}), 0) as bigint) as {{ name }}
        {%- endfor %}
    from {{ part.of }}
    where
        level in {{ levels }}
        and month >= (select base.first_month from base)
        and {{ part.where }}
    group by month, district_code, level, key
),
{% endfor %}
begun as (
    select
        district_code,
        min(month) as first_month
        {%- for kind in begins | map(attribute=0) | unique %},
        min(case when kind = '{{ kind }}' then month end) as {{ kind }}_month
        {%- endfor %}
    from (
        {% for kind, alias, known in begins -%}
        select district_code, month, '{{ kind }}' as kind from {{ parts[alias].of }} where level = 'district' and {{ known }}
        {% if not loop.last %}union all
        {% endif -%}
        {% endfor -%}
    ) as begins
    group by district_code
),

-- every place there is has a row in every month since its district began: nothing happened is a figure too
places as (
    {% for alias in parts -%}
    select district_code, level, key from {{ alias }}
    union
    {% endfor -%}
    select district_code, level, key
    from {{ ref('dim_level_key') }}
    where level in {{ levels }} and key <> 'none'
),

months as (
    select distinct
        begun.*,
        {{ month_of('days.calendar_on') }} as month
    from begun
    cross join run
    cross join base
    inner join {{ ref('dim_calendar') }} as days
        on
            greatest(begun.first_month, base.first_month) <= days.calendar_on
            and {{ month_of('days.calendar_on') }} <= run.last_month
),

small_groups as (
    select month, district_code, level, key, bool_or(is_small_group) as is_small_group
    from (
        select month, district_code, level, key, is_small_group from {{ ref('mart_points') }} where resident_kind_code = 'all'
        union all
        select month, district_code, level, key, is_small_group from {{ ref('mart_lead') }}
    ) as flagged
    group by month, district_code, level, key
),

counted as (
    select
        months.month,
        places.district_code,
        places.level,
        places.key
        {%- for alias, part in parts.items() -%}
        {%- for name in part.counts %},
        case when months.month >= months.{{ part.since }}_month then coalesce({{ alias }}.{{ name }}, 0) end as {{ name }}
        {%- endfor -%}
        {%- endfor %},
        coalesce(small_groups.is_small_group, false) as is_small_group
    from places
    inner join months on places.district_code = months.district_code
    {%- for alias in parts.keys() | list + ['small_groups'] %}
    left join {{ alias }}
        on
            months.month = {{ alias }}.month
            and places.district_code = {{ alias }}.district_code
            and places.level = {{ alias }}.level
            and places.key = {{ alias }}.key
    {%- endfor %}
),

in_year as (
    select
        *,
        cast(sum(complaint_count) over (
            partition by district_code, level, key, date_trunc('year', month)
            order by month
            rows between unbounded preceding and current row
        ) as bigint) as complaints_in_year,
        count(complaint_count) over (
            partition by district_code, level, key, date_trunc('year', month)
            order by month
            rows between unbounded preceding and current row
        ) = extract(month from month) as is_whole_year
    from counted
)

-- a month still running is compared with nothing
select
    this.month,
    this.district_code,
    this.level,
    this.key,
    this.month < run.as_of_month as is_complete,
    this.is_small_group
    {%- for name in counts %},
    this.{{ name }},
    previous.{{ name }} as {{ name }}_previous_month,
    earlier.{{ name }} as {{ name }}_last_year
    {%- endfor %}
    {%- for name, (part, whole) in rates.items() %},
    {{ rate('this.' ~ part, 'this.' ~ whole) }} as {{ name }}_rate,
    {{ wilson('this.' ~ part, 'this.' ~ whole, 'low') }} as {{ name }}_low,
    {{ wilson('this.' ~ part, 'this.' ~ whole, 'high') }} as {{ name }}_high,
    coalesce(this.{{ whole }} < run.small_sample_n, true) as is_small_sample_of_{{ name }},
    {{ rate('previous.' ~ part, 'previous.' ~ whole) }} as {{ name }}_rate_previous_month,
    {{ rate('earlier.' ~ part, 'earlier.' ~ whole) }} as {{ name }}_rate_last_year
    {%- endfor %},
    {{ rate('(this.complaint_count - earlier.complaint_count)', 'earlier.complaint_count') }} as complaint_change_rate,
    case when this.is_whole_year then this.complaints_in_year end as complaint_count_year_to_date,
    case when earlier.is_whole_year then earlier.complaints_in_year end as complaint_count_year_to_date_last_year,
    case
        when this.is_whole_year and earlier.is_whole_year
            then {{ rate('(this.complaints_in_year - earlier.complaints_in_year)', 'earlier.complaints_in_year') }}
    end as complaint_change_year_to_date_rate
from in_year as this
cross join run
left join in_year as previous
    on
        cast(this.month - interval 1 month as date) = previous.month
        and this.district_code = previous.district_code
        and this.level = previous.level
        and this.key = previous.key
        and this.month < run.as_of_month
left join in_year as earlier
    on
        cast(this.month - interval 1 year as date) = earlier.month
        and this.district_code = earlier.district_code
        and this.level = earlier.level
        and this.key = earlier.key
        and this.month < run.as_of_month
where this.month >= run.first_month
{{ clustered_by('month, district_code, level, key') }}
