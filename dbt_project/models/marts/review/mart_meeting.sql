{{ config(pre_hook="{{ forget_touched('meeting') }}") }}
with run as (
    select
        small_sample_n,
        {{ local_date('as_of') }} as as_of_on
    from {{ source('linli', 'run') }}
),

-- each meeting once for every key it counts for: its places, and the departments and officers that were present
meetings as (
    {% for level in place_levels() -%}
    select
        month,
        district_code,
        '{{ level }}' as level,
        {{ attribution()[level] }} as key,
        meeting_type_code,
        is_council,
        has_enforcement,
        resident_count
    from {{ ref('fct_meeting') }}
    where {{ is_touched('meeting', 'month') }}
    union all
    {% endfor -%}
    select
        meetings.month,
        meetings.district_code,
        attendance.attendee_kind as level,
        attendance.attendee_key as key,
        meetings.meeting_type_code,
        meetings.is_council,
        meetings.has_enforcement,
        meetings.resident_count
    from {{ ref('fct_meeting') }} as meetings
    inner join {{ ref('fct_meeting_attendance') }} as attendance
        on
            meetings.community_code = attendance.community_code
            and meetings.month_on = attendance.month_on
            and meetings.meeting_no = attendance.meeting_no
    where
        attendance.is_present
        and {{ is_touched('meeting', 'meetings.month') }}
        and {{ is_touched('meeting', 'attendance.month') }}
),

seats as (
    {% for level in place_levels() + ['department'] -%}
    select
        month,
        district_code,
        '{{ level }}' as level,
        {{ attribution()[level] }} as key,
        attendee_kind,
        is_present,
        is_expected
    from {{ ref('fct_meeting_attendance') }}
    where {{ is_touched('meeting', 'month') }}
    union all
    {% endfor -%}
    select
        month,
        district_code,
        'officer' as level,
        attendee_key as key,
        attendee_kind,
        is_present,
        is_expected
    from {{ ref('fct_meeting_attendance') }}
    where
        attendee_kind = 'officer'
        and {{ is_touched('meeting', 'month') }}
),

counted_meetings as (
    select
        month,
        district_code,
        level,
        key,
        count(*) as meeting_count,
        count(*) filter (where meeting_type_code = 'joint_party_building') as joint_party_building_count,
        count(*) filter (where meeting_type_code = 'tripartite_council') as tripartite_council_count,
        count(*) filter (where meeting_type_code = 'area_consultation') as area_consultation_count,
        count(*) filter (where meeting_type_code = 'talk') as talk_count,
        count(*) filter (where has_enforcement) as enforcement_meeting_count,
        count(*) filter (where has_enforcement and is_council) as enforcement_council_count,
        cast(sum(resident_count) as bigint) as resident_count
    from meetings
    group by month, district_code, level, key
),

counted_seats as (
    select
        month,
        district_code,
        level,
        key,
        {% for kind in ('department', 'officer') -%}
        count(*) filter (where attendee_kind = '{{ kind }}' and is_present) as {{ kind }}_present_count,
        count(*) filter (where attendee_kind = '{{ kind }}' and is_expected) as {{ kind }}_expected_count,
        count(*) filter (where attendee_kind = '{{ kind }}' and is_expected and is_present) as {{ kind }}_kept_count
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
    from seats
    group by month, district_code, level, key
),

keys as (
    select
        month,
        district_code,
        level,
        key
    from counted_meetings
    union
    select
        month,
        district_code,
        level,
        key
    from counted_seats
),

counted as (
    select
        keys.*,
        {% for name in (
            'meeting_count', 'joint_party_building_count', 'tripartite_council_count', 'area_consultation_count', 'talk_count',
            'enforcement_meeting_count', 'enforcement_council_count', 'resident_count'
        ) -%}
        coalesce(counted_meetings.{{ name }}, 0) as {{ name }},
        {% endfor -%}
        {% for kind in ('department', 'officer') -%}
        coalesce(counted_seats.{{ kind }}_present_count, 0) as {{ kind }}_present_count,
        coalesce(counted_seats.{{ kind }}_expected_count, 0) as {{ kind }}_expected_count,
        coalesce(counted_seats.{{ kind }}_kept_count, 0) as {{ kind }}_kept_count
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
    from keys
    left join counted_meetings
        on
            keys.month = counted_meetings.month
            and keys.district_code = counted_meetings.district_code
            and keys.level = counted_meetings.level
            and keys.key = counted_meetings.key
    left join counted_seats
        on
            keys.month = counted_seats.month
            and keys.district_code = counted_seats.district_code
            and keys.level = counted_seats.level
            and keys.key = counted_seats.key
)

select
    counted.*,
    counted.month < {{ month_of('run.as_of_on') }} as is_complete
    {%- for kind in ('department', 'officer') %},
    {{ rate('counted.' ~ kind ~ '_kept_count', 'counted.' ~ kind ~ '_expected_count') }} as {{ kind }}_kept_rate,
    {{ wilson('counted.' ~ kind ~ '_kept_count', 'counted.' ~ kind ~ '_expected_count', 'low') }} as {{ kind }}_kept_low,
    {{ wilson('counted.' ~ kind ~ '_kept_count', 'counted.' ~ kind ~ '_expected_count', 'high') }} as {{ kind }}_kept_high,
    counted.{{ kind }}_expected_count < run.small_sample_n as is_small_sample_of_{{ kind }}s
    {%- endfor %}
from counted
cross join run
{{ clustered_by('month, district_code, level, key') }}
