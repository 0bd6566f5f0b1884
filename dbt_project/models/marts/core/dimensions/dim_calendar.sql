with days as (
    select
        calendar.calendar_on,
        coalesce(overrides.is_workday, calendar.is_workday) as is_workday,
        calendar.is_provisional and overrides.calendar_on is null as is_provisional,
        calendar.holiday_name,
        overrides.reason as override_reason
    from {{ source('linli', 'calendar') }} as calendar
    left join {{ ref('calendar_overrides') }} as overrides on calendar.calendar_on = overrides.calendar_on
),

numbered as (
    select
        *,
        cast(sum(case when is_workday then 1 else 0 end) over (order by calendar_on) as integer) as workday_no,
        cast(sum(case when is_provisional then 1 else 0 end) over (order by calendar_on) as integer) as provisional_no
    from days
)

select
    *,
    case when is_workday then workday_no - 1 else workday_no end as workdays_before
from numbered
