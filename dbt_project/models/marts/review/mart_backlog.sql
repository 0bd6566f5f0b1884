{{ config(pre_hook="{{ forget_touched('backlog') }}") }}
{%- set levels = attribution().keys() %}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

-- the state at the end of a month, of the running month at as_of
months as (
    select
        {{ month_of('days.calendar_on') }} as month,
        max(days.calendar_on) as state_on,
        max(days.workday_no) as state_no
    from {{ ref('dim_calendar') }} as days
    inner join run on days.calendar_on < {{ local_date('run.as_of') }}
    where {{ is_touched('backlog', month_of('days.calendar_on')) }}
    group by {{ month_of('days.calendar_on') }}
),

-- those closed before any of these months, nearly all there are, are not looked at further
still_open as {{ found_first() }}(
    select * from {{ ref('fct_case_round') }}
    where is_counted and closed_month is null
    union all
    select * from {{ ref('fct_case_round') }}
    where is_counted and closed_month > (select min(months.month) from months)
),

rounds as (
    select
        months.month,
        months.state_on,
        months.state_no,
        rounds.case_no,
        rounds.round_no,
        {% for level in levels -%}
        rounds.{{ attribution()[level] }},
        {% endfor -%}
        opened.workday_no as opened_no
    from still_open as rounds
    inner join months
        on rounds.opened_month <= months.month and months.month < coalesce(rounds.closed_month, date '9999-12-01')
    inner join {{ ref('dim_calendar') }} as opened on rounds.day_0_on = opened.calendar_on
),

suspended as (
    select
        rounds.month,
        rounds.case_no,
        rounds.round_no,
        sum(
            greatest(least(coalesce(pauses.last_no_within, rounds.state_no), rounds.state_no) - pauses.last_no_before, 0)
        ) as workdays,
        bool_or(pauses.ended_on is null or pauses.ended_on > rounds.state_on) as is_suspended
    from rounds
    inner join {{ ref('fct_suspension') }} as pauses
        on rounds.case_no = pauses.case_no and rounds.round_no = pauses.round_no and pauses.suspended_on <= rounds.state_on
    group by rounds.month, rounds.case_no, rounds.round_no
),

aged as (
    select
        rounds.*,
        greatest(rounds.state_no - rounds.opened_no - coalesce(suspended.workdays, 0), 0) as age_workdays,
        coalesce(suspended.is_suspended, false) as is_suspended
    from rounds
    left join suspended
        on
            rounds.month = suspended.month
            and rounds.case_no = suspended.case_no
            and rounds.round_no = suspended.round_no
),

banded as (
    select
        aged.*,
        ages.age_code
    from aged
    inner join {{ ref('backlog_ages') }} as ages
        on aged.age_workdays >= ages.from_workdays and (ages.to_workdays is null or aged.age_workdays <= ages.to_workdays)
)

select
    month,
    district_code,
    {{ level_and_key(levels) }},
    age_code,
    min(state_on) as state_on,
    count(*) as open_count,
    count(*) filter (where is_suspended) as suspended_count,
    cast(sum(age_workdays) as bigint) as age_workdays_sum,
    cast(max(age_workdays) as integer) as max_age_workdays
from banded
group by {{ by_every_level(['month', 'age_code'], levels) }}
{{ clustered_by('month') }}
