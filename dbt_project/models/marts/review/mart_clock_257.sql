{{ config(pre_hook="{{ forget_touched('clock') }}") }}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

steps as (
    select
        due_month as month,
        {{ attribution_columns() }},
        step,
        state,
        workdays,
        is_due_provisional
    from {{ ref('fct_case_step') }}
    where
        is_counted
        and due_month is not null
        and {{ is_touched('clock', 'due_month') }}
),

counted as (
    select
        month,
        district_code,
        {{ level_and_key() }},
        step,
        count(*) as due_count,
        count(*) filter (where state = 'on_time') as on_time_count,
        count(*) filter (where state = 'late') as late_count,
        count(*) filter (where state = 'overdue') as overdue_count,
        count(*) filter (where state = 'open') as open_count,
        count(*) filter (where is_due_provisional) as provisional_count,
        cast(percentile_cont(0.5) within group (order by workdays) as double) as median_workdays,
        cast(percentile_cont(0.9) within group (order by workdays) as double) as p90_workdays
    from steps
    group by {{ by_every_level(['month', 'step']) }}
),

judged as (
    select
        *,
        on_time_count + late_count + overdue_count as judged_count,
        on_time_count + late_count as closed_count
    from counted
)

select
    judged.month,
    judged.district_code,
    judged.level,
    judged.key,
    judged.step,
    judged.due_count,
    judged.on_time_count,
    judged.late_count,
    judged.overdue_count,
    judged.open_count,
    judged.judged_count,
    judged.closed_count,
    judged.provisional_count,
    {{ rate('judged.on_time_count', 'judged.judged_count') }} as on_time_rate,
    {{ wilson('judged.on_time_count', 'judged.judged_count', 'low') }} as on_time_low,
    {{ wilson('judged.on_time_count', 'judged.judged_count', 'high') }} as on_time_high,
    judged.judged_count < run.small_sample_n as is_small_sample,
    {{ rate('judged.on_time_count', 'judged.closed_count') }} as closed_only_rate,
    {{ wilson('judged.on_time_count', 'judged.closed_count', 'low') }} as closed_only_low,
    {{ wilson('judged.on_time_count', 'judged.closed_count', 'high') }} as closed_only_high,
    judged.closed_count < run.small_sample_n as is_small_sample_of_closed,
    judged.median_workdays,
    judged.p90_workdays
from judged
cross join run
{{ clustered_by('month') }}
