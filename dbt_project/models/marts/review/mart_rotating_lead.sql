{{ config(materialized='table') }}
with run as (
    select
        small_sample_n,
        {{ local_date('as_of') }} as as_of_on
    from {{ source('linli', 'run') }}
),

turns as (
    select
        rota.month,
        rota.district_code,
        rota.department_code,
        {{ month_of('rota.month - 1') }} as month_before
    from {{ ref('dim_rota') }} as rota
    cross join run
    where rota.month < run.as_of_on
),

present as (
    select
        community_code,
        month_on,
        meeting_no,
        attendee_key as department_code
    from {{ ref('fct_meeting_attendance') }}
    where
        attendee_kind = 'department'
        and is_present
),

consultations as (
    select
        turns.month,
        turns.district_code,
        count(*) as consultation_count,
        count(*) filter (where meetings.host_department_code = turns.department_code) as convened_count,
        count(*) filter (where present.department_code is not null) as attended_count,
        cast(sum(meetings.department_count) as bigint) as department_present_count
    from turns
    inner join {{ ref('fct_meeting') }} as meetings
        on turns.district_code = meetings.district_code and turns.month = meetings.month
    left join present
        on
            meetings.community_code = present.community_code
            and meetings.month_on = present.month_on
            and meetings.meeting_no = present.meeting_no
            and turns.department_code = present.department_code
    where meetings.meeting_type_code = 'area_consultation'
    group by turns.month, turns.district_code
),

adopted as (
    select
        turns.month,
        turns.district_code,
        count(*) as adopted_matter_count,
        count(*) filter (where matters.solved_on is not null) as solved_matter_count,
        count(*) filter (where matters.solved_month = turns.month) as solved_in_month_count
    from turns
    inner join {{ ref('fct_matter') }} as matters
        on
            turns.district_code = matters.district_code
            and turns.department_code = matters.department_code
            and turns.month = matters.heard_month
    group by turns.month, turns.district_code
),

complaints as (
    select
        month,
        district_code,
        complaint_count
    from {{ ref('mart_case_volume') }}
    where level = 'district'
),

whistles as (
    select
        blown_month as month,
        district_code,
        count(*) as tough_whistle_count,
        count(*) filter (where is_case_resolved) as solved_tough_whistle_count
    from {{ ref('fct_whistle') }}
    where
        whistle_level_code = 'tough_problem'
        and is_counted
    group by blown_month, district_code
),

clocks as (
    select
        month,
        district_code,
        on_time_count as resolve_on_time_count,
        judged_count as resolve_judged_count,
        on_time_rate as resolve_on_time_rate,
        on_time_low as resolve_on_time_low,
        on_time_high as resolve_on_time_high
    from {{ ref('mart_clock_257') }}
    where
        level = 'district'
        and step = 'resolve'
),

voices as (
    select
        month,
        district_code,
        double_satisfied_count,
        double_called_count,
        satisfaction_rate,
        satisfaction_low,
        satisfaction_high
    from {{ ref('mart_two_callback_satisfaction') }}
    where level = 'district'
)

select
    turns.month,
    turns.district_code,
    turns.department_code,
    turns.month < {{ month_of('run.as_of_on') }} as is_complete,
    coalesce(consultations.consultation_count, 0) as consultation_count,
    coalesce(consultations.convened_count, 0) as convened_count,
    coalesce(consultations.attended_count, 0) as attended_count,
    coalesce(consultations.department_present_count, 0) as department_present_count,
    coalesce(adopted.adopted_matter_count, 0) as adopted_matter_count,
    coalesce(adopted.solved_matter_count, 0) as solved_matter_count,
    coalesce(adopted.solved_in_month_count, 0) as solved_in_month_count,
    coalesce(whistles.tough_whistle_count, 0) as tough_whistle_count,
    coalesce(whistles.solved_tough_whistle_count, 0) as solved_tough_whistle_count,
    coalesce(complaints.complaint_count, 0) as complaint_count,
    coalesce(complaints_before.complaint_count, 0) as complaint_count_before,
    coalesce(clocks.resolve_on_time_count, 0) as resolve_on_time_count,
    coalesce(clocks.resolve_judged_count, 0) as resolve_judged_count,
    coalesce(clocks_before.resolve_on_time_count, 0) as resolve_on_time_count_before,
    coalesce(clocks_before.resolve_judged_count, 0) as resolve_judged_count_before,
    clocks.resolve_on_time_rate,
    clocks.resolve_on_time_low,
    clocks.resolve_on_time_high,
    clocks.resolve_on_time_rate - clocks_before.resolve_on_time_rate as resolve_on_time_change,
    coalesce(voices.double_satisfied_count, 0) as double_satisfied_count,
    coalesce(voices.double_called_count, 0) as double_called_count,
    coalesce(voices_before.double_satisfied_count, 0) as double_satisfied_count_before,
    coalesce(voices_before.double_called_count, 0) as double_called_count_before,
    voices.satisfaction_rate,
    voices.satisfaction_low,
    voices.satisfaction_high,
    voices.satisfaction_rate - voices_before.satisfaction_rate as satisfaction_change,
    least(
        coalesce(clocks.resolve_judged_count, 0),
        coalesce(clocks_before.resolve_judged_count, 0),
        coalesce(voices.double_called_count, 0),
        coalesce(voices_before.double_called_count, 0)
    ) < run.small_sample_n as is_small_sample
from turns
cross join run
left join consultations on turns.district_code = consultations.district_code and turns.month = consultations.month
left join adopted on turns.district_code = adopted.district_code and turns.month = adopted.month
left join whistles on turns.district_code = whistles.district_code and turns.month = whistles.month
left join complaints on turns.district_code = complaints.district_code and turns.month = complaints.month
left join complaints as complaints_before
    on turns.district_code = complaints_before.district_code and turns.month_before = complaints_before.month
left join clocks on turns.district_code = clocks.district_code and turns.month = clocks.month
left join clocks as clocks_before
    on turns.district_code = clocks_before.district_code and turns.month_before = clocks_before.month
left join voices on turns.district_code = voices.district_code and turns.month = voices.month
left join voices as voices_before
    on turns.district_code = voices_before.district_code and turns.month_before = voices_before.month
{{ clustered_by('turns.month, turns.district_code') }}
