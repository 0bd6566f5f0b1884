{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', pre_hook="{{ forget_touched('signal') }}"
) }}
{%- set signals = var('signals') -%}
{%- set z = signals['notable_z'] -%}
{%- set levels = ['district', 'community', 'compound', 'station', 'department', 'officer'] -%}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

candidates as (
    select
        facts.month,
        facts.signal,
        facts.district_code,
        facts.community_code,
        facts.compound_code,
        facts.station_code,
        facts.department_code,
        facts.officer_no,
        flagged.case_no is not null as is_flagged
    from {{ ref('fct_case_signal') }} as facts
    left join {{ ref('mart_signal_case') }} as flagged
        on
            facts.month = flagged.month
            and facts.signal = flagged.signal
            and facts.case_no = flagged.case_no
            and facts.round_no = flagged.round_no
            and facts.source_key = flagged.source_key
    where {{ is_touched('signal', 'facts.month') }}
),

counted as (
    select
        month,
        district_code,
        signal,
        {{ level_and_key(levels) }},
        count(*) as candidate_count,
        count(*) filter (where is_flagged) as flagged_count
    from candidates
    group by {{ by_every_level(['month', 'signal'], levels) }}
),

-- the others a row is held against: the rest of its district; for a district, the other districts
compared as (
    select
        *,
        {% for count in ['candidate_count', 'flagged_count'] -%}
        cast(case
            when level = 'district'
                then sum({{ count }}) filter (where level = 'district') over (partition by month, signal)
            else sum({{ count }}) filter (where level = 'district') over (partition by month, district_code, signal)
        end - {{ count }} as bigint) as rest_{{ count }},
        {% endfor -%}
        {{ rate(
            "sum(flagged_count) filter (where level = 'district') over (partition by month, district_code, signal)",
            "sum(candidate_count) filter (where level = 'district') over (partition by month, district_code, signal)"
        ) }} as base_rate
    from counted
),

rated as (
    select
        *,
        {{ against_the_rest('flagged_count', 'candidate_count', 'rest_flagged_count', 'rest_candidate_count', z) }}
    from compared
),

judged as (
    select
        *,
        own_rate - rest_rate as excess_rate,
        {{ excess_bound('low') }} as excess_low,
        {{ excess_bound('high') }} as excess_high
    from rated
)

select
    judged.month,
    judged.district_code,
    judged.signal,
    judged.level,
    judged.key,
    judged.candidate_count,
    judged.flagged_count,
    judged.rest_candidate_count,
    judged.rest_flagged_count,
    judged.own_rate as flagged_rate,
    {{ wilson('judged.flagged_count', 'judged.candidate_count', 'low') }} as flagged_low,
    {{ wilson('judged.flagged_count', 'judged.candidate_count', 'high') }} as flagged_high,
    judged.candidate_count < run.small_sample_n as is_small_sample,
    judged.base_rate,
    judged.rest_rate,
    judged.excess_rate,
    judged.excess_low,
    judged.excess_high,
    judged.key <> 'none'
    and judged.flagged_count >= {{ signals['notable_min_flagged'] }}
    and coalesce(judged.excess_low > 0, false) as is_notable
from judged
cross join run
{{ clustered_by('month') }}
