{{ config(pre_hook="{{ forget_touched('clock') }}") }}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

rounds as (
    select
        judged_month as month,
        {{ attribution_columns() }},
        broken_step
    from {{ ref('fct_case_round') }}
    where
        is_counted
        and judged_month is not null
        and {{ is_touched('clock', 'judged_month') }}
),

counted as (
    select
        month,
        district_code,
        {{ level_and_key() }},
        count(*) as judged_count,
        count(*) filter (where broken_step is null) as kept_count,
        count(*) filter (where broken_step is not null) as broken_count
        {%- for step in var('clock') %},
        count(*) filter (where broken_step = '{{ step }}') as broken_{{ step }}_count
        {%- endfor %}
    from rounds
    group by {{ by_every_level(['month']) }}
)

select
    counted.*,
    {{ rate('counted.broken_count', 'counted.judged_count') }} as broken_rate,
    {{ wilson('counted.broken_count', 'counted.judged_count', 'low') }} as broken_low,
    {{ wilson('counted.broken_count', 'counted.judged_count', 'high') }} as broken_high,
    counted.judged_count < run.small_sample_n as is_small_sample
from counted
cross join run
{{ clustered_by('month') }}
