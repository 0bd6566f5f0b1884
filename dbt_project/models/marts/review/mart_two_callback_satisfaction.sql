{{ config(pre_hook="{{ forget_touched('satisfaction') }}") }}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

rounds as (
    select
        resolved_month as month,
        {{ attribution_columns() }},
        is_matured,
        is_double_called,
        followed_up_at is not null as is_both_reached,
        organisation_is_satisfied,
        resident_is_satisfied
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
        count(*) filter (where not is_matured) as pending_count,
        count(*) filter (where is_both_reached) as both_reached_count
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
    counted.pending_count,
    counted.both_reached_count,
    counted.double_called_count,
    counted.double_satisfied_count,
    counted.org_yes_resident_no_count,
    counted.org_no_resident_yes_count,
    counted.neither_satisfied_count,
    {{ rate('counted.double_called_count', 'counted.matured_count') }} as coverage_rate,
    {{ wilson('counted.double_called_count', 'counted.matured_count', 'low') }} as coverage_low,
    {{ wilson('counted.double_called_count', 'counted.matured_count', 'high') }} as coverage_high,
    {{ rate('counted.double_satisfied_count', 'counted.double_called_count') }} as satisfaction_rate,
    {{ wilson('counted.double_satisfied_count', 'counted.double_called_count', 'low') }} as satisfaction_low,
    {{ wilson('counted.double_satisfied_count', 'counted.double_called_count', 'high') }} as satisfaction_high,
    {{ rate('counted.double_satisfied_count', 'counted.matured_count') }} as strict_satisfaction_rate,
    {{ wilson('counted.double_satisfied_count', 'counted.matured_count', 'low') }} as strict_satisfaction_low,
    {{ wilson('counted.double_satisfied_count', 'counted.matured_count', 'high') }} as strict_satisfaction_high,
    counted.double_called_count < run.small_sample_n as is_small_sample,
    {{ cohen_kappa(
        'counted.double_satisfied_count',
        'counted.org_yes_resident_no_count',
        'counted.org_no_resident_yes_count',
        'counted.neither_satisfied_count'
    ) }} as cohen_kappa
from counted
cross join run
{{ clustered_by('month') }}
