{{ config(pre_hook="{{ forget_touched('publicity') }}") }}
{%- set counts = {
    'events': {'of': ref('fct_publicity_event'), 'touched_by': 'publicity', 'measures': {
        'event_count': 'true',
        'open_day_count': "event_type_code = 'open_day'",
        'lecture_count': "event_type_code = 'lecture'",
        'case_story_count': "event_type_code = 'case_story'",
        'home_visit_count': "event_type_code = 'home_visit'",
        'attendee_count': {'value': 'attendee_count'},
    }},
} -%}
with {{ counted_together(counts, place_levels()) }}

select
    counted.*,
    counted.month < {{ month_of(local_date('run.as_of')) }} as is_complete
from counted
cross join {{ source('linli', 'run') }} as run
{{ clustered_by('month, district_code, level, key') }}
