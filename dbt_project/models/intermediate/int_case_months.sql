{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_touched('report') }}"
) }}
-- kept by month of report, so that a night counts only the cases of the months it touched
with rounds as (
    select
        case_no,
        report_month,
        {{ attribution_columns(place_levels()) }},
        channel_code,
        phase_code,
        round_no,
        is_latest_round,
        is_counted,
        resolved_on
    from {{ ref('fct_case_round') }}
    where {{ is_touched('report', 'report_month') }}
),

counted as (
    select
        report_month as month,
        report_month as counted_month,
        {{ attribution_columns(place_levels()) }},
        count(*) filter (where is_counted) as case_count,
        count(*) filter (where is_counted and phase_code = 'before_complaint') as before_complaint_case_count,
        count(*) filter (
            where channel_code in ('{{ var("complaint_channel_codes") | join("', '") }}')
        ) as complaint_count,
        0 as tough_whistle_count,
        0 as solved_tough_whistle_count
    from rounds
    where round_no = 1
    group by report_month, {{ attribution_columns(place_levels()) }}
    union all
    select
        rounds.report_month as month,
        {{ month_of(local_date('whistles.blown_at')) }} as counted_month,
        {% for column in attribution_columns(place_levels()).split(', ') -%}
        rounds.{{ column }},
        {% endfor -%}
        0 as case_count,
        0 as before_complaint_case_count,
        0 as complaint_count,
        count(*) as tough_whistle_count,
        count(*) filter (where rounds.resolved_on is not null) as solved_tough_whistle_count
    from {{ ref('fct_whistle') }} as whistles
    inner join rounds on whistles.case_no = rounds.case_no
    where
        whistles.whistle_level_code = 'tough_problem'
        and {{ is_touched('report', 'whistles.report_month') }}
        and rounds.is_latest_round
        and rounds.is_counted
    group by
        rounds.report_month,
        {{ month_of(local_date('whistles.blown_at')) }}
        {%- for column in attribution_columns(place_levels()).split(', ') %},
        rounds.{{ column }}
        {%- endfor %}
)

select
    month,
    counted_month,
    {{ attribution_columns(place_levels()) }},
    cast(sum(case_count) as bigint) as case_count,
    cast(sum(before_complaint_case_count) as bigint) as before_complaint_case_count,
    cast(sum(complaint_count) as bigint) as complaint_count,
    cast(sum(tough_whistle_count) as bigint) as tough_whistle_count,
    cast(sum(solved_tough_whistle_count) as bigint) as solved_tough_whistle_count
from counted
group by month, counted_month, {{ attribution_columns(place_levels()) }}
{{ clustered_by('month') }}
