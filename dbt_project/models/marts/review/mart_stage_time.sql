{{ config(pre_hook="{{ forget_touched('satisfaction') }}") }}
{%- set parts = ['acceptance', 'departments', 'suspended', 'handling'] %}
with run as (
    select small_sample_n
    from {{ source('linli', 'run') }}
),

rounds as (
    select
        resolved_month as month,
        {{ attribution_columns() }},
        coalesce(broken_step, 'none') as broken_step,
        is_latest_round,
        total_minutes,
        acceptance_minutes,
        departments_minutes,
        suspended_minutes,
        handling_minutes
    from {{ ref('fct_case_round') }}
    where
        is_counted
        and resolved_month is not null
        and {{ is_touched('satisfaction', 'resolved_month') }}
),

counted as (
    select
        month,
        district_code,
        {{ level_and_key() }},
        broken_step,
        count(*) as resolved_count,
        count(*) filter (where not is_latest_round) as reopened_count,
        cast(sum(total_minutes) as bigint) as total_minutes_sum
        {%- for part in parts %},
        cast(sum({{ part }}_minutes) as bigint) as {{ part }}_minutes_sum
        {%- endfor %}
    from rounds
    group by {{ by_every_level(['month', 'broken_step']) }}
)

select
    counted.*,
    {{ rate('reopened_count', 'resolved_count') }} as reopened_rate,
    {{ wilson('reopened_count', 'resolved_count', 'low') }} as reopened_low,
    {{ wilson('reopened_count', 'resolved_count', 'high') }} as reopened_high,
    resolved_count < run.small_sample_n as is_small_sample
    {%- for part in parts %},
    {{ rate(part ~ '_minutes_sum', 'total_minutes_sum') }} as {{ part }}_share_rate
    {%- endfor %},
    {{ rate('total_minutes_sum', '(resolved_count * 1440)') }} as mean_workdays
from counted
cross join run
{{ clustered_by('month') }}
