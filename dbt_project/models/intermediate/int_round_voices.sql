{%- set sides = ['organisation', 'resident'] -%}
with voices as (
    select
        case_no,
        round_no,
        {% for side in sides -%}
        min(called_at) filter (where side_code = '{{ side }}' and is_first_reached) as {{ side }}_reached_at,
        max(outcome_code) filter (where side_code = '{{ side }}' and is_last_attempt) as {{ side }}_last_outcome_code,
        bool_or(is_satisfied) filter (where side_code = '{{ side }}' and is_voice) as {{ side }}_is_satisfied,
        max(department_score) filter (where side_code = '{{ side }}' and is_voice) as {{ side }}_department_score,
        max(officer_score) filter (where side_code = '{{ side }}' and is_voice) as {{ side }}_officer_score,
        bool_or(is_solved) filter (where side_code = '{{ side }}' and is_voice) as {{ side }}_is_solved{% if not loop.last %},{% endif %}
        {% endfor %}
    from {{ ref('int_callbacks') }}
    where is_first_reached or is_voice or is_last_attempt
    group by case_no, round_no
)

select
    *,
    case
        when organisation_reached_at is not null and resident_reached_at is not null
            then greatest(organisation_reached_at, resident_reached_at)
    end as followed_up_at
from voices
