-- If this fails, the arithmetic on numbered working days gives another due date than counting the days one by one:
-- steps would be called late or on time by mistake. Suspensions are read from the staged steps again.
with run as (
    select as_of from {{ source('linli', 'run') }}
),

steps as (
    select *
    from {{ ref('fct_case_step') }}
    where
        due_on is not null
        and {{ is_changed('case_no') }}
),

events as (
    select
        staged.case_no,
        staged.round_no,
        staged.step,
        staged.step_id,
        staged.stepped_at
    from {{ ref('stg_case_system__case_steps') }} as staged
    cross join run
    where
        not staged._deleted
        and staged.stepped_at < run.as_of
        and staged.step in ('挂起', '恢复', '办结反馈')
        and {{ is_changed('staged.case_no') }}
),

suspended as (
    select
        opening.case_no,
        opening.round_no,
        {{ local_date('opening.stepped_at') }} as from_on,
        {{ local_date('min(ending.stepped_at)') }} as to_on
    from events as opening
    left join events as ending
        on
            opening.case_no = ending.case_no
            and opening.round_no = ending.round_no
            and ending.step <> '挂起'
            and (
                ending.stepped_at > opening.stepped_at
                or (ending.stepped_at = opening.stepped_at and ending.step_id > opening.step_id)
            )
    where opening.step = '挂起'
    group by opening.case_no, opening.round_no, opening.step_id, opening.stepped_at
),

-- rounds never suspended differ by their dates only: one of each is enough
spans as (
    select
        steps.step,
        steps.day_0_on,
        steps.due_on,
        paused.case_no,
        paused.round_no,
        min(steps.case_no) as example_case_no
    from steps
    left join (select distinct case_no, round_no from suspended) as paused
        on steps.case_no = paused.case_no and steps.round_no = paused.round_no
    group by steps.step, steps.day_0_on, steps.due_on, paused.case_no, paused.round_no
),

days as (
    select calendar_on
    from {{ ref('dim_calendar') }}
    where is_workday
),

laid_out as (
    select
        spans.*,
        days.calendar_on,
        exists (
            select 1 from suspended
            where
                suspended.case_no = spans.case_no
                and suspended.round_no = spans.round_no
                and suspended.from_on <= days.calendar_on
                and (suspended.to_on is null or days.calendar_on < suspended.to_on)
        ) as is_suspended
    from spans
    left join days on days.calendar_on > spans.day_0_on and days.calendar_on <= spans.due_on
)

select
    example_case_no,
    step,
    day_0_on,
    due_on
from laid_out
group by example_case_no, step, day_0_on, due_on, case_no, round_no
having
    count(calendar_on) filter (where not is_suspended) <> case step
        {% for step, allowed in var('clock').items() -%}
        when '{{ step }}' then {{ allowed }}
        {% endfor -%}
    end
    or coalesce(max(calendar_on) filter (where not is_suspended) <> due_on, true)
