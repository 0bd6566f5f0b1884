{{ config(pre_hook="{{ forget_touched('clock') }}") }}
with steps as (
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
        on_time_count + late_count + overdue_count as judged_count
    from counted
)

select
    month,
    district_code,
    level,
    key,
    step,
    due_count,
    on_time_count,
    late_count,
    overdue_count,
    open_count,
    provisional_count,
    {{ rate('on_time_count', 'judged_count') }} as on_time_rate,
    {{ wilson('on_time_count', 'judged_count', 'low') }} as on_time_low,
    {{ wilson('on_time_count', 'judged_count', 'high') }} as on_time_high,
    {{ rate('on_time_count', '(on_time_count + late_count)') }} as closed_only_rate,
    median_workdays,
    p90_workdays
from judged
{{ clustered_by('month') }}
