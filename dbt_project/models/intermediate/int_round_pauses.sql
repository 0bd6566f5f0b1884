with steps as (
    select *
    from {{ ref('int_case_steps') }}
    where step_code in ('suspended', 'resumed', 'resolved')
),

-- the next 恢复 or 办结反馈 of the round ends a suspension
followed as (
    select
        *,
        min(case when step_code in ('resumed', 'resolved') then stepped_at end) over (
            partition by case_no, round_no
            order by stepped_at, step_id
            rows between 1 following and unbounded following
        ) as ended_at
    from steps
),

-- suspensions that end together are one, from the first of them on
pauses as (
    select
        case_no,
        round_no,
        ended_at,
        min(stepped_at) as paused_at
    from followed
    where step_code = 'suspended'
    group by case_no, round_no, ended_at
),

numbered as (
    select
        pauses.case_no,
        pauses.round_no,
        pauses.paused_at,
        pauses.ended_at,
        greatest(paused.workdays_before, opened.workday_no) as last_no_before,
        greatest(paused.workdays_before, opened.workday_no, ended.workdays_before) as last_no_within
    from pauses
    inner join {{ ref('int_case_rounds') }} as rounds
        on pauses.case_no = rounds.case_no and pauses.round_no = rounds.round_no
    inner join {{ ref('dim_calendar') }} as opened on rounds.day_0_on = opened.calendar_on
    inner join {{ ref('dim_calendar') }} as paused on {{ local_date('pauses.paused_at') }} = paused.calendar_on
    left join {{ ref('dim_calendar') }} as ended on {{ local_date('pauses.ended_at') }} = ended.calendar_on
)

select
    case_no,
    round_no,
    paused_at,
    ended_at,
    ended_at is null as is_open,
    last_no_before,
    case when ended_at is not null then last_no_within end as last_no_within,
    cast(coalesce(sum(last_no_within - last_no_before) over (
        partition by case_no, round_no
        order by paused_at
        rows between unbounded preceding and 1 preceding
    ), 0) as bigint) as workdays_paused_before
from numbered
