with run as (
    select {{ local_date('as_of') }} as as_of_on from {{ source('linli', 'run') }}
),

-- a row of a return with the meeting it names by number: that of the same return, held yet or not, else the newest of an earlier month
listings as (
    select
        current_matters.*,
        coalesce(current_meetings.month_on, current_matters.month_on) as meeting_month_on,
        coalesce(current_meetings.met_on, current_matters.month_on) as raised_on,
        current_meetings.meeting_type,
        row_number() over (
            partition by current_matters.community_code, current_matters.month_on, current_matters.matter_no
            order by current_meetings.month_on desc
        ) as recency
    from {{ ref('int_current_matters') }} as current_matters
    left join {{ ref('int_current_meetings') }} as current_meetings
        on
            current_matters.community_code = current_meetings.community_code
            and current_matters.meeting_no = current_meetings.meeting_no
            and current_meetings.month_on <= current_matters.month_on
    where {{ is_of_changed_community('current_matters') }}
),

-- listed again with its number and its meeting, a matter is the same: as said last, but heard and solved when first said to be
matters as (
    select
        listings.community_code,
        min(listings.month_on) as month_on,
        listings.matter_no,
        listings.meeting_no,
        listings.raised_on,
        listings.meeting_type,
        run.as_of_on,
        {% for column in ('compound_code', 'item_code', 'raised_by', 'department', 'case_no') -%}
        max_by(listings.{{ column }}, listings.month_on) filter (where listings.{{ column }} is not null) as {{ column }},
        {% endfor -%}
        min(case when listings.heard_on < run.as_of_on then listings.heard_on end) as heard_on,
        min(case when listings.solved_on < run.as_of_on then listings.solved_on end) as solved_on
    from listings
    cross join run
    where
        listings.recency = 1
        and listings.raised_on < run.as_of_on
    group by
        listings.community_code, listings.meeting_month_on, listings.matter_no, listings.meeting_no,
        listings.raised_on, listings.meeting_type, run.as_of_on
),

timed as (
    select
        matters.*,
        case
            when heard_days.workday_no < raised_days.workday_no then 0
            else heard_days.workday_no - raised_days.workday_no
        end as hearing_workdays,
        case
            when solved_days.workday_no < heard_days.workday_no then 0
            else solved_days.workday_no - heard_days.workday_no
        end as solving_workdays,
        case
            when solved_days.workday_no < raised_days.workday_no then 0
            else solved_days.workday_no - raised_days.workday_no
        end as whole_workdays,
        last_days.workday_no - heard_days.workday_no as passed_workdays
    from matters
    left join {{ ref('dim_calendar') }} as raised_days on matters.raised_on = raised_days.calendar_on
    left join {{ ref('dim_calendar') }} as heard_days on matters.heard_on = heard_days.calendar_on
    left join {{ ref('dim_calendar') }} as solved_days on matters.solved_on = solved_days.calendar_on
    left join {{ ref('dim_calendar') }} as last_days on matters.as_of_on - 1 = last_days.calendar_on
)

select
    timed.community_code,
    timed.month_on,
    timed.matter_no,
    timed.meeting_no,
    coalesce(meeting_type_codes.code, 'none') as meeting_type_code,
    coalesce(communities.district_code, compounds.district_code, 'none') as district_code,
    timed.compound_code,
    {{ station_then() }} as station_code,
    coalesce(departments.department_code, 'none') as department_code,
    coalesce(items.category_code, 'none') as category_code,
    coalesce(timed.item_code, 'none') as item_code,
    coalesce(raised_by_codes.code, 'none') as raised_by_code,
    timed.raised_on,
    {{ month_of('timed.raised_on') }} as raised_month,
    timed.heard_on,
    {{ month_of('timed.heard_on') }} as heard_month,
    timed.solved_on,
    {{ month_of('timed.solved_on') }} as solved_month,
    timed.hearing_workdays,
    timed.solving_workdays,
    timed.whole_workdays,
    case
        when timed.solving_workdays is not null then timed.solving_workdays <= {{ var('matter_solving_workdays') }}
        when timed.solved_on is null and {{ is_matter_overdue('timed.passed_workdays') }} then false
    end as is_solved_in_time,
    timed.case_no
from timed
{{ join_place('timed', 'timed.raised_on') }}
left join {{ ref('communities') }} as communities on timed.community_code = communities.community_code
left join {{ ref('departments') }} as departments on timed.department = departments.department_name
left join {{ ref('enforcement_items') }} as items on timed.item_code = items.item_code
{{ join_code('meeting_type', 'timed.meeting_type') }}
{{ join_code('raised_by', 'timed.raised_by') }}
