{{ config(pre_hook="{{ forget_changed('signal', 'month') }}") }}
{%- set signals = var('signals') -%}
with taken_by as (
    select
        case_no,
        round_no,
        step_code,
        stepped_at,
        max(officer_no) as officer_no
    from {{ ref('int_case_steps') }}
    where step_code in ('accepted', 'resolved', 'suspended')
    group by case_no, round_no, step_code, stepped_at
),

rounds as (
    select * from {{ ref('int_case_rounds') }}
),

-- a suspension and the steps it could have been meant for: those not yet taken that would fall due on its first day
suspensions as (
    select
        pauses.case_no,
        pauses.round_no,
        pauses.paused_at,
        bool_or(
            paused.is_workday
            and coalesce(steps.taken_at > pauses.paused_at, true)
            and paused.workday_no = opened.workday_no + pauses.workdays_paused_before + case steps.step
                {% for step, allowed in var('clock').items() -%}
                when '{{ step }}' then {{ allowed }}
                {% endfor -%}
            end
        ) as is_flagged
    from {{ ref('int_round_pauses') }} as pauses
    inner join {{ ref('int_round_steps') }} as steps
        on pauses.case_no = steps.case_no and pauses.round_no = steps.round_no
    inner join {{ ref('dim_calendar') }} as opened on steps.day_0_on = opened.calendar_on
    inner join {{ ref('dim_calendar') }} as paused on {{ local_date('pauses.paused_at') }} = paused.calendar_on
    group by pauses.case_no, pauses.round_no, pauses.paused_at
),

candidates as (
    select
        case_no,
        round_no,
        'last_minute' as signal,
        step as source_key,
        case step when 'accept' then 'accepted' when 'resolve' then 'resolved' end as step_code,
        taken_at as happened_at,
        taken_on = due_on
        and {{ second_of_day('taken_at') }} >= 86400 - {{ signals['last_seconds'] }} as is_flagged,
        cast(null as varchar) as text_key
    from {{ ref('int_round_steps') }}
    where
        taken_at is not null
        and due_on is not null
    union all
    select
        case_no,
        round_no,
        'open_and_close' as signal,
        'resolve' as source_key,
        'resolved' as step_code,
        resolved_at as happened_at,
        resolved_at < opened_at + interval '{{ signals['open_close_seconds'] }}' second as is_flagged,
        cast(null as varchar) as text_key
    from rounds
    where resolved_at is not null
    union all
    select
        case_no,
        round_no,
        'bulk_closing' as signal,
        'resolve' as source_key,
        'resolved' as step_code,
        resolved_at as happened_at,
        cast(null as boolean) as is_flagged,
        cast(null as varchar) as text_key
    from rounds
    where resolved_at is not null
    union all
    select
        case_no,
        round_no,
        'suspended_on_due' as signal,
        cast(row_number() over (partition by case_no, round_no order by paused_at) as varchar) as source_key,
        'suspended' as step_code,
        paused_at as happened_at,
        is_flagged,
        cast(null as varchar) as text_key
    from suspensions
    union all
    select
        case_no,
        round_no,
        'identical_text' as signal,
        cast(callback_id as varchar) as source_key,
        cast(null as varchar) as step_code,
        called_at as happened_at,
        cast(null as boolean) as is_flagged,
        text_key
    from {{ ref('int_callbacks') }}
    where
        is_reached
        and is_after_resolution
        and text_key is not null
)

select
    candidates.signal,
    candidates.case_no,
    candidates.round_no,
    candidates.source_key,
    cases.report_month,
    {{ month_of(local_date('candidates.happened_at')) }} as month,
    cases.district_code,
    cases.community_code,
    cases.compound_code,
    cases.station_code,
    cases.department_code,
    coalesce(taken_by.officer_no, cases.officer_no) as officer_no,
    candidates.happened_at,
    candidates.is_flagged,
    candidates.text_key
from candidates
inner join {{ ref('int_cases') }} as cases on candidates.case_no = cases.case_no
left join taken_by
    on
        candidates.case_no = taken_by.case_no
        and candidates.round_no = taken_by.round_no
        and candidates.step_code = taken_by.step_code
        and candidates.happened_at = taken_by.stepped_at
where cases.exclusion is null
{{ clustered_by('report_month') }}
