{{ config(pre_hook="{{ forget_changed('whistle', 'blown_month') }}") }}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

blown as {{ found_first() }}(
    select *
    from {{ ref('stg_case_system__whistles') }}
    where
        not _deleted
        and {{ is_changed('case_no') }}
),

-- an answer or an arrival the run has not reached yet is not known to it
whistles as (
    select
        staged.whistle_id,
        staged.case_no,
        staged.level,
        staged.blown_by,
        staged.departments_called,
        staged.blown_at,
        case when staged.answered_at < run.as_of then staged.answered_at end as answered_at,
        case when staged.arrived_at < run.as_of then staged.arrived_at end as arrived_at
    from blown as staged
    cross join run
    where staged.blown_at < run.as_of
),

ranked as (
    select
        whistles.*,
        levels.whistle_level_code,
        cast(levels.rank as integer) as whistle_level_rank,
        max(levels.rank) over (
            partition by whistles.case_no
            order by whistles.blown_at, whistles.whistle_id
            rows between unbounded preceding and 1 preceding
        ) as rank_before,
        max(levels.rank) over (
            partition by whistles.case_no
            order by whistles.blown_at, whistles.whistle_id
            rows between 1 following and unbounded following
        ) as rank_after
    from whistles
    inner join {{ ref('whistle_levels') }} as levels on whistles.level = levels.whistle_level_name
),

resolved as (
    select case_no
    from {{ ref('int_case_rounds') }}
    where
        is_latest_round
        and resolved_at is not null
)

select
    whistles.whistle_id,
    whistles.case_no,
    cases.report_month,
    cases.district_code,
    {% for column in attribution().values() if column not in ('district_code', 'whistle_level_code') -%}
    cases.{{ column }},
    {% endfor -%}
    cases.exclusion is null as is_counted,
    resolved.case_no is not null as is_case_resolved,
    whistles.whistle_level_code,
    whistles.whistle_level_rank,
    coalesce(whistles.whistle_level_rank > whistles.rank_before, false) as is_raise,
    coalesce(whistles.rank_after > whistles.whistle_level_rank, false) as is_escalated,
    whistles.blown_by,
    whistles.departments_called,
    cast({{ list_size('whistles.departments_called') }} as integer) as called_department_count,
    whistles.blown_at,
    {{ month_of(local_date('whistles.blown_at')) }} as blown_month,
    whistles.answered_at,
    whistles.arrived_at,
    {{ minutes_between('whistles.blown_at', 'whistles.answered_at') }} as answer_minutes,
    {{ minutes_between('whistles.blown_at', 'whistles.arrived_at') }} as arrival_minutes,
    case
        when whistles.whistle_level_code <> 'emergency' then null
        when whistles.arrived_at is not null
            then {{ minutes_between('whistles.blown_at', 'whistles.arrived_at') }} <= {{ var('emergency_minutes') }}
        when {{ minutes_between('whistles.blown_at', 'run.as_of') }} > {{ var('emergency_minutes') }} then false
    end as is_arrival_in_time
from ranked as whistles
inner join {{ ref('int_cases') }} as cases on whistles.case_no = cases.case_no
left join resolved on whistles.case_no = resolved.case_no
cross join run
{{ clustered_by('report_month') }}
