{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', pre_hook="{{ forget_touched('score') }}"
) }}
with run as (
    select satisfied_min_score from {{ source('linli', 'run') }}
),

rounds as (
    select *
    from {{ ref('fct_case_round') }}
    where
        {{ is_satisfaction_round('score') }}
),

{% set measures = ['voice', 'department_score_n', 'department_score', 'department_high', 'officer_score_n', 'officer_score',
    'officer_high', 'double_called', 'double_satisfied', 'judged_step', 'on_time_step'] -%}
-- what a moment adds, with the day whose posting counts: a round by its resolution, a step by its due date
moments as (
    {% for side in ['organisation', 'resident'] -%}
    select
        rounds.resolved_month as month,
        rounds.district_code,
        rounds.department_code,
        rounds.officer_no,
        rounds.resolved_on as posted_on,
        1 as voice,
        case when rounds.{{ side }}_department_score is not null then 1 else 0 end as department_score_n,
        coalesce(rounds.{{ side }}_department_score, 0) as department_score,
        case when rounds.{{ side }}_department_score >= run.satisfied_min_score then 1 else 0 end as department_high,
        case when rounds.{{ side }}_officer_score is not null then 1 else 0 end as officer_score_n,
        coalesce(rounds.{{ side }}_officer_score, 0) as officer_score,
        case when rounds.{{ side }}_officer_score >= run.satisfied_min_score then 1 else 0 end as officer_high,
        0 as double_called,
        0 as double_satisfied,
        0 as judged_step,
        0 as on_time_step
    from rounds
    cross join run
    where rounds.{{ side }}_is_satisfied is not null
    union all
    {% endfor -%}
    select
        resolved_month as month,
        district_code,
        department_code,
        officer_no,
        resolved_on as posted_on,
        {% for _ in measures[:7] %}0, {% endfor -%}
        1,
        case when organisation_is_satisfied and resident_is_satisfied then 1 else 0 end,
        0,
        0
    from rounds
    where is_double_called
    union all
    select
        due_month as month,
        district_code,
        department_code,
        officer_no,
        due_on as posted_on,
        {% for _ in measures[:9] %}0, {% endfor -%}
        1,
        case when state = 'on_time' then 1 else 0 end
    from {{ ref('fct_case_step') }}
    where
        is_counted
        and due_month is not null
        and state <> 'open'
        and {{ is_touched('score', 'due_month') }}
),

posted as (
    select
        moments.*,
        coalesce(postings.department_code, 'none') as posted_department_code
    from moments
    left join {{ ref('dim_officer') }} as postings
        on
            moments.district_code = postings.district_code
            and moments.officer_no = postings.officer_no
            and moments.posted_on >= postings.from_on
            and moments.posted_on <= coalesce(postings.to_on, moments.posted_on)
)

select
    month,
    district_code,
    case
        when officer_no is not null then 'officer'
        when department_code is not null then 'department'
        else 'district'
    end as level,
    coalesce(officer_no, department_code, district_code) as key,
    coalesce(posted_department_code, department_code, 'none') as department_code,
    {% for measure in measures -%}
    cast(sum({{ measure }}) as bigint) as {{ measure }}{% if not loop.last %},{% endif %}
    {% endfor %}
from posted
group by
    grouping sets (
        (month, district_code),
        (month, district_code, department_code),
        (month, district_code, officer_no, posted_department_code)
    )
{{ clustered_by('month') }}
