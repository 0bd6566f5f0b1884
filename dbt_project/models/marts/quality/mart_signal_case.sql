{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', pre_hook="{{ forget_touched('signal') }}"
) }}
{%- set signals = var('signals') -%}
with candidates as (
    select *
    from {{ ref('fct_case_signal') }}
    where {{ is_touched('signal', 'month') }}
),

-- closings of the officer in the seconds that begin with each closing
closings as (
    select
        *,
        count(*) over (
            partition by month, district_code, officer_no
            order by happened_at
            range between current row and interval '{{ signals['bulk_seconds'] }}' second following
        ) as begun_count
    from candidates
    where
        signal = 'bulk_closing'
        and officer_no <> 'none'
),

-- the fullest such span each closing lies in
bursts as (
    select
        *,
        max(begun_count) over (
            partition by month, district_code, officer_no
            order by happened_at
            range between interval '{{ signals['bulk_seconds'] }}' second preceding and current row
        ) as related_count
    from closings
),

texts as (
    select
        month,
        district_code,
        text_key,
        count(distinct case_no) as related_count,
        min(case_no) as group_case_no
    from candidates
    where signal = 'identical_text'
    group by month, district_code, text_key
),

{% set columns = ['month', 'district_code', 'signal', 'case_no', 'round_no', 'source_key', 'happened_at', 'compound_code', 'station_code',
    'department_code', 'officer_no'] -%}
flagged as (
    select
        {% for column in columns %}{{ column }},
        {% endfor -%}
        cast(1 as bigint) as related_count,
        cast(null as varchar) as group_case_no
    from candidates
    where is_flagged
    union all
    select
        {% for column in columns %}{{ column }},
        {% endfor -%}
        related_count,
        cast(null as varchar) as group_case_no
    from bursts
    where related_count >= {{ signals['bulk_closings'] }}
    union all
    select
        {% for column in columns %}candidates.{{ column }},
        {% endfor -%}
        texts.related_count,
        texts.group_case_no
    from candidates
    inner join texts
        on
            candidates.month = texts.month
            and candidates.district_code = texts.district_code
            and candidates.text_key = texts.text_key
    where
        candidates.signal = 'identical_text'
        and texts.related_count >= {{ signals['text_cases'] }}
)

select
    {{ columns | join(',
    ') }},
    related_count,
    group_case_no
from flagged
{{ clustered_by('month') }}
