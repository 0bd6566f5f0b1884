{{ config(pre_hook="{{ forget_changed_returns() }}") }}
with meetings as (
    select
        facts.community_code,
        facts.month_on,
        facts.meeting_no,
        facts.month,
        facts.met_on,
        facts.district_code,
        facts.compound_code,
        facts.station_code,
        facts.meeting_type_code,
        current_meetings.departments,
        current_meetings.officer_nos
    from {{ ref('fct_meeting') }} as facts
    inner join {{ ref('int_current_meetings') }} as current_meetings
        on
            facts.community_code = current_meetings.community_code
            and facts.month_on = current_meetings.month_on
            and facts.meeting_no = current_meetings.meeting_no
    where {{ is_changed_return('facts') }}
),

-- everybody who could be there, with what is known of him that day: a department by its agreement, an officer by his post
departments as (
    select
        meetings.*,
        'department' as attendee_kind,
        departments.department_code as attendee_key,
        departments.department_code,
        coalesce(array_contains(meetings.departments, departments.department_name), false) as is_present,
        meetings.meeting_type_code = 'area_consultation'
        or exists (
            select 1 from {{ ref('agreements') }} as agreements
            where
                agreements.compound_code = meetings.compound_code
                and agreements.department_code = departments.department_code
                and {{ held_on('agreements', 'meetings.met_on', 'signed_on', 'ended_on') }}
        ) as is_expected
    from meetings
    cross join {{ ref('departments') }} as departments
),

rosters as (
    select
        district_code,
        officer_no,
        max_by(department_code, from_on) as last_department_code
    from {{ ref('officers') }}
    group by district_code, officer_no
),

officers as (
    select
        meetings.*,
        'officer' as attendee_kind,
        rosters.officer_no as attendee_key,
        coalesce(posts.department_code, rosters.last_department_code) as department_code,
        coalesce(array_contains(meetings.officer_nos, rosters.officer_no), false) as is_present,
        meetings.meeting_type_code = 'tripartite_council'
        and coalesce(posts.station_code = meetings.station_code, false) as is_expected
    from meetings
    inner join rosters on meetings.district_code = rosters.district_code
    left join {{ ref('officers') }} as posts
        on
            rosters.district_code = posts.district_code
            and rosters.officer_no = posts.officer_no
            and {{ held_on('posts', 'meetings.met_on') }}
),

attendees as (
    select * from departments
    union all
    select * from officers
)

select
    community_code,
    month_on,
    meeting_no,
    attendee_kind,
    attendee_key,
    month,
    met_on,
    district_code,
    compound_code,
    station_code,
    meeting_type_code,
    department_code,
    is_present,
    is_expected
from attendees
where
    is_present
    or is_expected
{{ clustered_by('month, community_code, meeting_no, attendee_kind, attendee_key') }}
