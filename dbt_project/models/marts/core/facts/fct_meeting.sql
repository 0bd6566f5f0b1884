{{ config(pre_hook="{{ forget_changed_returns('meeting') }}") }}
with meetings as (
    select
        current_meetings.community_code,
        current_meetings.month_on,
        current_meetings.meeting_no,
        current_meetings.meeting_type,
        current_meetings.compound_code,
        current_meetings.met_on,
        current_meetings.host_unit,
        current_meetings.departments,
        current_meetings.officer_nos,
        current_meetings.resident_count,
        current_meetings.has_enforcement
    from {{ ref('int_current_meetings') }} as current_meetings
    cross join {{ source('linli', 'run') }} as run
    where
        current_meetings.met_on < {{ local_date('run.as_of') }}
        and {{ is_changed_return('current_meetings') }}
),

-- the host is written by hand: a department is meant when its name, and no other department's, is in the text
hosted as (
    select
        meetings.community_code,
        meetings.month_on,
        meetings.meeting_no,
        max(departments.department_code) as department_code
    from meetings
    inner join {{ ref('departments') }} as departments
        on meetings.host_unit like '%' || departments.department_name || '%'
    group by meetings.community_code, meetings.month_on, meetings.meeting_no
    having count(*) = 1
)

select
    meetings.community_code,
    meetings.month_on,
    meetings.meeting_no,
    {{ month_of('meetings.met_on') }} as month,
    meetings.met_on,
    coalesce(communities.district_code, compounds.district_code, 'none') as district_code,
    meetings.compound_code,
    {{ station_then() }} as station_code,
    coalesce(meeting_type_codes.code, 'none') as meeting_type_code,
    coalesce(meeting_type_codes.code, 'none') in ('{{ var("council_type_codes") | join("', '") }}') as is_council,
    coalesce(hosted.department_code, 'none') as host_department_code,
    cast({{ list_size('meetings.departments') }} as integer) as department_count,
    cast({{ list_size('meetings.officer_nos') }} as integer) as officer_count,
    coalesce(meetings.resident_count, 0) as resident_count,
    coalesce(meetings.has_enforcement, {{ list_size('meetings.departments') }} > 0) as has_enforcement
from meetings
{{ join_place('meetings', 'meetings.met_on') }}
left join {{ ref('communities') }} as communities on meetings.community_code = communities.community_code
left join hosted
    on
        meetings.community_code = hosted.community_code
        and meetings.month_on = hosted.month_on
        and meetings.meeting_no = hosted.meeting_no
{{ join_code('meeting_type', 'meetings.meeting_type') }}
{{ clustered_by('month, meetings.community_code, meetings.meeting_no') }}
