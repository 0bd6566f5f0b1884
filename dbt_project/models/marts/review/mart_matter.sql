{{ config(pre_hook="{{ forget_touched('matter') }}") }}
{%- set levels = place_levels() + ['department', 'category', 'item'] -%}
{%- set matters = ref('fct_matter') -%}
{%- set counts = {
    'raised': {'of': matters, 'month': 'raised_month', 'touched_by': 'matter', 'measures': {
        'raised_count': 'true',
        'raised_by_resident_count': "raised_by_code = 'resident'",
        'raised_by_community_count': "raised_by_code = 'community'",
        'raised_by_property_firm_count': "raised_by_code = 'property_firm'",
        'raised_by_department_count': "raised_by_code = 'department'",
        'with_case_count': 'case_no is not null',
    }},
    'heard': {'of': matters, 'month': 'heard_month', 'touched_by': 'matter', 'measures': {
        'heard_count': 'true',
        'hearing_workdays_sum': {'value': 'hearing_workdays'},
        'judged_count': 'is_solved_in_time is not null',
        'solved_in_time_count': 'is_solved_in_time',
    }},
    'solved': {'of': matters, 'month': 'solved_month', 'touched_by': 'matter', 'measures': {
        'solved_count': 'true',
        'timed_count': 'solving_workdays is not null',
        'solving_workdays_sum': {'value': 'coalesce(solving_workdays, 0)'},
        'whole_workdays_sum': {'value': 'whole_workdays'},
    }},
    'open': {'of': 'open_at_end', 'measures': {
        'open_count': 'true',
        'open_unheard_count': 'not is_heard',
    }},
} -%}
with run as (
    select
        small_sample_n,
        {{ local_date('as_of') }} as as_of_on
    from {{ source('linli', 'run') }}
),

firsts as (
    select
        district_code,
        min(raised_month) as first_month
    from {{ matters }}
    group by district_code
),

months as (
    {{ months_since('firsts') }}
),

open_at_end as (
    select
        months.month,
        {% for level in levels -%}
        matters.{{ attribution()[level] }},
        {% endfor -%}
        coalesce(matters.heard_month <= months.month, false) as is_heard
    from {{ matters }} as matters
    inner join months
        on
            matters.district_code = months.district_code
            and matters.raised_month <= months.month
            and (matters.solved_month is null or months.month < matters.solved_month)
    where {{ is_touched('matter', 'months.month') }}
),

{{ counted_together(counts, levels) }},

solving_times as (
    select
        solved_month as month,
        district_code,
        {{ level_and_key(levels) }},
        cast(percentile_cont(0.5) within group (order by solving_workdays) as double) as median_solving_workdays,
        cast(percentile_cont(0.9) within group (order by solving_workdays) as double) as p90_solving_workdays,
        cast(percentile_cont(0.5) within group (order by whole_workdays) as double) as median_whole_workdays,
        cast(percentile_cont(0.9) within group (order by whole_workdays) as double) as p90_whole_workdays
    from {{ matters }}
    where {{ is_touched('matter', 'solved_month') }} and solved_month is not null
    group by {{ by_every_level(['solved_month'], levels) }}
),

hearing_times as (
    select
        heard_month as month,
        district_code,
        {{ level_and_key(levels) }},
        cast(percentile_cont(0.5) within group (order by hearing_workdays) as double) as median_hearing_workdays,
        cast(percentile_cont(0.9) within group (order by hearing_workdays) as double) as p90_hearing_workdays
    from {{ matters }}
    where {{ is_touched('matter', 'heard_month') }} and heard_month is not null
    group by {{ by_every_level(['heard_month'], levels) }}
)

select
    counted.*,
    counted.month < {{ month_of('run.as_of_on') }} as is_complete,
    {{ rate('counted.solved_in_time_count', 'counted.judged_count') }} as solved_in_time_rate,
    {{ wilson('counted.solved_in_time_count', 'counted.judged_count', 'low') }} as solved_in_time_low,
    {{ wilson('counted.solved_in_time_count', 'counted.judged_count', 'high') }} as solved_in_time_high,
    counted.judged_count < run.small_sample_n as is_small_sample,
    hearing_times.median_hearing_workdays,
    hearing_times.p90_hearing_workdays,
    solving_times.median_solving_workdays,
    solving_times.p90_solving_workdays,
    solving_times.median_whole_workdays,
    solving_times.p90_whole_workdays
from counted
cross join run
{% for times in ('hearing_times', 'solving_times') -%}
left join {{ times }}
    on
        counted.month = {{ times }}.month
        and counted.district_code = {{ times }}.district_code
        and counted.level = {{ times }}.level
        and counted.key = {{ times }}.key
{% endfor -%}
{{ clustered_by('month, district_code, level, key') }}
