-- If this fails, the arithmetic on numbered working days gives another due date than counting the days one by one:
-- steps would be called late or on time by mistake. Suspensions are put together again from the steps.
with steps as (
    select *
    from {{ ref('fct_case_step') }}
    where
        due_on is not null
        and {{ is_changed_fact() }}
),

events as (
    select
        case_no,
        round_no,
        step_code,
        step_id,
        stepped_at
    from {{ ref('int_case_steps') }}
    where step_code in ('suspended', 'resumed', 'resolved')
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
            and ending.step_code <> 'suspended'
            and (
                ending.stepped_at > opening.stepped_at
                or (ending.stepped_at = opening.stepped_at and ending.step_id > opening.step_id)
            )
    where opening.step_code = 'suspended'
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
