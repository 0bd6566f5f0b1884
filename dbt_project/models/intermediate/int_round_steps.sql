with run as (
    select as_of from {{ source('linli', 'run') }}
),

rounds as (
    select
        rounds.case_no,
        rounds.round_no,
        rounds.day_0_on,
        rounds.accepted_at,
        rounds.resolved_at,
        voices.followed_up_at
    from {{ ref('int_case_rounds') }} as rounds
    left join {{ ref('int_round_voices') }} as voices
        on rounds.case_no = voices.case_no and rounds.round_no = voices.round_no
),

{% set taken_at = {'accept': 'accepted_at', 'resolve': 'resolved_at', 'follow_up': 'followed_up_at'} -%}
steps as (
    {% for step, allowed in var('clock').items() -%}
    select
        case_no,
        round_no,
        day_0_on,
        '{{ step }}' as step,
        {{ allowed }} as allowed_workdays,
        {{ taken_at[step] }} as taken_at,
        {{ local_date(taken_at[step]) }} as taken_on
    from rounds
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

numbered as (
    select
        steps.*,
        opened.workday_no as opened_no,
        opened.provisional_no as opened_provisional_no,
        taken.workday_no as taken_no
    from steps
    inner join {{ ref('dim_calendar') }} as opened on steps.day_0_on = opened.calendar_on
    left join {{ ref('dim_calendar') }} as taken on steps.taken_on = taken.calendar_on
),

-- a suspension delays a step when it begins before the step would fall due, the earlier suspensions counted in
delays as (
    select
        numbered.case_no,
        numbered.round_no,
        numbered.step,
        sum(
            case
                when opened_no + allowed_workdays + workdays_paused_before > last_no_before
                    then coalesce(last_no_within, last_no_before) - last_no_before
                else 0
            end
        ) as delay_workdays,
        bool_or(is_open and opened_no + allowed_workdays + workdays_paused_before > last_no_before) as is_stopped,
        sum(greatest(least(coalesce(last_no_within, taken_no), taken_no) - last_no_before, 0)) as paused_workdays
    from numbered
    inner join {{ ref('int_round_pauses') }} as pauses
        on numbered.case_no = pauses.case_no and numbered.round_no = pauses.round_no
    group by numbered.case_no, numbered.round_no, numbered.step
),

timed as (
    select
        numbered.*,
        due.calendar_on as due_on,
        coalesce(due.provisional_no > numbered.opened_provisional_no, false) as is_due_provisional,
        greatest(numbered.taken_no - numbered.opened_no - coalesce(delays.paused_workdays, 0), 0) as taken_workdays
    from numbered
    left join delays
        on
            numbered.case_no = delays.case_no
            and numbered.round_no = delays.round_no
            and numbered.step = delays.step
    left join {{ ref('dim_calendar') }} as due
        on
            numbered.opened_no + numbered.allowed_workdays + coalesce(delays.delay_workdays, 0) = due.workday_no
            and due.is_workday
            and not coalesce(delays.is_stopped, false)
)

select
    timed.case_no,
    timed.round_no,
    timed.step,
    timed.day_0_on,
    timed.due_on,
    {{ month_of('timed.due_on') }} as due_month,
    timed.is_due_provisional,
    timed.taken_at,
    timed.taken_on,
    cast(case when timed.taken_on is not null then timed.taken_workdays end as integer) as workdays,
    case
        when timed.taken_on > timed.due_on then 'late'
        when timed.taken_on is not null then 'on_time'
        when timed.due_on < {{ local_date('run.as_of') }} then 'overdue'
        else 'open'
    end as state
from timed
cross join run
