-- If this fails, the 2 x 2 beside the headline is of other cases than the headline, or the list of disagreements is not the
-- one that is counted.
with agreement as (
    select *
    from {{ ref('mart_callback_agreement') }}
    where {{ is_touched('satisfaction', 'month') }}
),

satisfaction as (
    select *
    from {{ ref('mart_two_callback_satisfaction') }}
    where {{ is_touched('satisfaction', 'month') }}
),

{% set directions = ['org_yes_resident_no', 'org_no_resident_yes'] -%}
listed as (
    select
        month,
        district_code
        {%- for direction in directions %},
        count(*) filter (where direction = '{{ direction }}') as {{ direction }}_count
        {%- endfor %}
    from {{ ref('mart_disagreement_case') }}
    where {{ is_touched('satisfaction', 'month') }}
    group by month, district_code
)

select
    coalesce(agreement.month, satisfaction.month) as month,
    coalesce(agreement.district_code, satisfaction.district_code) as district_code,
    coalesce(agreement.level, satisfaction.level) as level,
    coalesce(agreement.key, satisfaction.key) as key
from agreement
full outer join satisfaction
    on
        agreement.month = satisfaction.month
        and agreement.district_code = satisfaction.district_code
        and agreement.level = satisfaction.level
        and agreement.key = satisfaction.key
left join listed
    on
        agreement.month = listed.month
        and agreement.district_code = listed.district_code
where
    agreement.month is null
    or satisfaction.month is null
    {% for column in ['eligible_count', 'matured_count', 'double_called_count', 'double_satisfied_count', 'org_yes_resident_no_count',
        'org_no_resident_yes_count', 'neither_satisfied_count', 'satisfaction_rate', 'cohen_kappa'] -%}
    or agreement.{{ column }} is distinct from satisfaction.{{ column }}
    {% endfor -%}
    {% for direction in directions -%}
    or (agreement.level = 'district' and agreement.{{ direction }}_count <> coalesce(listed.{{ direction }}_count, 0))
    {% endfor %}
