{{ config(pre_hook="{{ forget_touched('satisfaction') }}") }}
{%- set sides = ['organisation', 'resident'] -%}
{%- set silences = ['no_answer', 'refused', 'wrong_number', 'never_called'] -%}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

rounds as (
    select
        resolved_month as month,
        {{ attribution_columns() }},
        is_matured,
        is_double_called,
        {% for side in sides -%}
        {{ side }}_is_satisfied,
        {{ side }}_is_satisfied is not null as is_{{ side }}_reached,
        coalesce({{ local_date(side ~ '_reached_at') }} > follow_up_due_on, false) as is_{{ side }}_late,
        case
            when {{ side }}_is_satisfied is null then coalesce({{ side }}_last_outcome_code, 'never_called')
        end as {{ side }}_silence{% if not loop.last %},{% endif %}
        {% endfor %}
    from {{ ref('fct_case_round') }}
    where
        {{ is_satisfaction_round() }}
),

counted as (
    select
        month,
        district_code,
        {{ level_and_key() }},
        {{ satisfaction_counts() }},
        {% for side in sides -%}
        count(*) filter (where is_matured and is_{{ side }}_reached) as {{ side }}_reached_count,
        count(*) filter (where is_matured and is_{{ side }}_late) as {{ side }}_late_count,
        count(*) filter (where is_matured and {{ side }}_is_satisfied) as {{ side }}_satisfied_count,
        {% for silence in silences -%}
        count(*) filter (where is_matured and {{ side }}_silence = '{{ silence }}') as {{ side }}_{{ silence }}_count,
        {% endfor -%}
        {% endfor -%}
        count(*) filter (
            where is_matured and coalesce(organisation_is_satisfied, false) and coalesce(resident_is_satisfied, false)
        ) as worst_count,
        count(*) filter (
            where is_matured and coalesce(organisation_is_satisfied, true) and coalesce(resident_is_satisfied, true)
        ) as best_count,
        count(*) filter (
            where coalesce(organisation_is_satisfied, true) and coalesce(resident_is_satisfied, true)
        ) as silence_as_satisfied_count
    from rounds
    group by {{ by_every_level(['month']) }}
)

select
    counted.month,
    counted.district_code,
    counted.level,
    counted.key,
    counted.eligible_count,
    counted.matured_count,
    counted.double_called_count,
    counted.double_satisfied_count,
    counted.org_yes_resident_no_count,
    counted.org_no_resident_yes_count,
    counted.neither_satisfied_count,
    {{ rate('counted.double_satisfied_count + counted.neither_satisfied_count', 'counted.double_called_count') }} as agreement_rate,
    {% for bound in ['low', 'high'] -%}
    {{ wilson(
        '(counted.double_satisfied_count + counted.neither_satisfied_count)', 'counted.double_called_count', bound
    ) }} as agreement_{{ bound }},
    {% endfor -%}
    {{ cohen_kappa(
        'counted.double_satisfied_count',
        'counted.org_yes_resident_no_count',
        'counted.org_no_resident_yes_count',
        'counted.neither_satisfied_count'
    ) }} as cohen_kappa,
    counted.double_called_count < run.small_sample_n as is_small_sample,
    {% for side in sides -%}
    counted.{{ side }}_reached_count,
    counted.{{ side }}_late_count,
    counted.{{ side }}_satisfied_count,
    {% for silence in silences -%}
    counted.{{ side }}_{{ silence }}_count,
    {% endfor -%}
    {{ rate('counted.' ~ side ~ '_reached_count', 'counted.matured_count') }} as {{ side }}_reached_rate,
    {% for bound in ['low', 'high'] -%}
    {{ wilson('counted.' ~ side ~ '_reached_count', 'counted.matured_count', bound) }} as {{ side }}_reached_{{ bound }},
    {% endfor -%}
    {{ rate('counted.' ~ side ~ '_satisfied_count', 'counted.' ~ side ~ '_reached_count') }} as {{ side }}_satisfied_rate,
    {% for bound in ['low', 'high'] -%}
    {{ wilson('counted.' ~ side ~ '_satisfied_count', 'counted.' ~ side ~ '_reached_count', bound) }} as {{ side }}_satisfied_{{ bound }},
    {% endfor -%}
    counted.{{ side }}_reached_count < run.small_sample_n as is_small_sample_of_{{ side }},
    {% endfor -%}
    counted.worst_count,
    counted.best_count,
    counted.silence_as_satisfied_count,
    {{ rate('counted.double_satisfied_count', 'counted.double_called_count') }} as satisfaction_rate,
    {{ rate('counted.worst_count', 'counted.matured_count') }} as worst_rate,
    {{ rate('counted.best_count', 'counted.matured_count') }} as best_rate,
    {{ rate('counted.silence_as_satisfied_count', 'counted.eligible_count') }} as silence_as_satisfied_rate,
    {{ wilson('counted.silence_as_satisfied_count', 'counted.eligible_count', 'low') }} as silence_as_satisfied_low,
    {{ wilson('counted.silence_as_satisfied_count', 'counted.eligible_count', 'high') }} as silence_as_satisfied_high
from counted
cross join run
{{ clustered_by('month') }}
