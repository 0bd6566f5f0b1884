{{ config(pre_hook="{{ forget_changed_returns('publicity') }}") }}
with events as (
    select
        current_events.community_code,
        current_events.month_on,
        current_events.event_no,
        current_events.compound_code,
        current_events.held_on,
        current_events.event_type,
        current_events.attendee_count
    from {{ ref('int_current_publicity_events') }} as current_events
    cross join {{ source('linli', 'run') }} as run
    where
        current_events.held_on < {{ local_date('run.as_of') }}
        and {{ is_changed_return('current_events') }}
)

select
    events.community_code,
    events.month_on,
    events.event_no,
    {{ month_of('events.held_on') }} as month,
    events.held_on,
    coalesce(communities.district_code, compounds.district_code, 'none') as district_code,
    events.compound_code,
    {{ station_then() }} as station_code,
    coalesce(event_type_codes.code, 'none') as event_type_code,
    coalesce(events.attendee_count, 0) as attendee_count
from events
{{ join_place('events', 'events.held_on') }}
left join {{ ref('communities') }} as communities on events.community_code = communities.community_code
{{ join_code('event_type', 'events.event_type') }}
{{ clustered_by('month, events.community_code, events.event_no') }}
