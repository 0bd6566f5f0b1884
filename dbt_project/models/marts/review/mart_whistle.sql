{{ config(pre_hook="{{ forget_touched('whistle') }}") }}
{%- set levels = attribution().keys() | reject('equalto', 'whistle_level') | list %}
{%- set figures %}
        count(*) as blown_count,
        count(*) filter (where is_raise) as raise_count,
        count(*) filter (where is_escalated) as escalated_count,
        count(*) filter (where answered_at is not null) as answered_count,
        count(*) filter (where arrived_at is not null) as arrived_count,
        cast(percentile_cont(0.5) within group (order by answer_minutes) as double) as median_answer_minutes,
        cast(percentile_cont(0.9) within group (order by answer_minutes) as double) as p90_answer_minutes,
        cast(percentile_cont(0.5) within group (order by arrival_minutes) as double) as median_arrival_minutes,
        cast(percentile_cont(0.9) within group (order by arrival_minutes) as double) as p90_arrival_minutes,
        count(*) filter (where is_arrival_in_time is not null) as judged_count,
        count(*) filter (where is_arrival_in_time) as in_time_count
{%- endset %}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

whistles as (
    select
        blown_month as month,
        {{ attribution_columns(levels) }},
        whistle_level_code,
        departments_called,
        is_raise,
        is_escalated,
        answered_at,
        arrived_at,
        answer_minutes,
        arrival_minutes,
        is_arrival_in_time
    from {{ ref('fct_whistle') }}
    where
        is_counted
        and {{ is_touched('whistle', 'blown_month') }}
),

counted as (
    select
        month,
        district_code,
        {{ level_and_key(levels) }},
        whistle_level_code,
        {{- figures }}
    from whistles
    group by {{ by_every_level(['month', 'whistle_level_code'], levels) }}
    union all
    -- a whistle that calls several departments counts once for each
    select
        whistles.month,
        whistles.district_code,
        'called_department' as level,
        departments.department_code as key,
        whistles.whistle_level_code,
        {{- figures }}
    from whistles
    inner join {{ ref('departments') }} as departments
        on array_contains(whistles.departments_called, departments.department_name)
    group by whistles.month, whistles.district_code, departments.department_code, whistles.whistle_level_code
)

select
    counted.*,
    {{ rate('counted.answered_count', 'counted.blown_count') }} as answered_rate,
    {{ wilson('counted.answered_count', 'counted.blown_count', 'low') }} as answered_low,
    {{ wilson('counted.answered_count', 'counted.blown_count', 'high') }} as answered_high,
    {{ rate('counted.escalated_count', 'counted.blown_count') }} as escalated_rate,
    {{ wilson('counted.escalated_count', 'counted.blown_count', 'low') }} as escalated_low,
    {{ wilson('counted.escalated_count', 'counted.blown_count', 'high') }} as escalated_high,
    counted.blown_count < run.small_sample_n as is_small_sample_of_whistles,
    {{ rate('counted.in_time_count', 'counted.judged_count') }} as in_time_rate,
    {{ wilson('counted.in_time_count', 'counted.judged_count', 'low') }} as in_time_low,
    {{ wilson('counted.in_time_count', 'counted.judged_count', 'high') }} as in_time_high,
    counted.judged_count < run.small_sample_n as is_small_sample
from counted
cross join run
{{ clustered_by('month') }}
