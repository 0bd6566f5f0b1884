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

counted as (
    select
        steps.case_no,
        steps.round_no,
        steps.step,
        count(distinct days.calendar_on) as workdays,
        max(days.calendar_on) = any_value(steps.due_on) as ends_on_due
    from steps
    inner join {{ ref('dim_calendar') }} as days
        on days.is_workday and days.calendar_on > steps.day_0_on and days.calendar_on <= steps.due_on
    where
        not exists (
            select 1 from suspended
            where
                suspended.case_no = steps.case_no
                and suspended.round_no = steps.round_no
                and suspended.from_on <= days.calendar_on
                and (suspended.to_on is null or days.calendar_on < suspended.to_on)
        )
    group by steps.case_no, steps.round_no, steps.step
)

select steps.case_no, steps.round_no, steps.step
from steps
left join counted
    on steps.case_no = counted.case_no and steps.round_no = counted.round_no and steps.step = counted.step
where
    coalesce(counted.workdays, 0) <> case steps.step
        {% for step, allowed in var('clock').items() -%}
        when '{{ step }}' then {{ allowed }}
        {% endfor -%}
    end
    or not counted.ends_on_due
