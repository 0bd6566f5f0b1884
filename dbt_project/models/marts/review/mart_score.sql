{{ config(pre_hook="{{ forget_touched('score_year') }}") }}
{%- set min_voices = var('rank_min_voices') -%}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

months as (
    select distinct month
    from {{ ref('int_month_scores') }}
    where {{ is_touched('score_year', 'month') }}
),

spans as (
    select
        'month' as period,
        month,
        month as first_month
    from months
    union all
    select
        'year' as period,
        month,
        cast(month - interval '11' month as date) as first_month
    from months
),

counted as (
    select
        spans.period,
        spans.month,
        scores.district_code,
        scores.level,
        scores.key,
        scores.department_code,
        {% for column, measure in [('voice_count', 'voice'), ('department_score_count', 'department_score_n'),
            ('department_score_sum', 'department_score'), ('department_high_count', 'department_high'),
            ('officer_score_count', 'officer_score_n'), ('officer_score_sum', 'officer_score'),
            ('officer_high_count', 'officer_high'), ('double_called_count', 'double_called'),
            ('double_satisfied_count', 'double_satisfied'), ('judged_step_count', 'judged_step'),
            ('on_time_step_count', 'on_time_step')] -%}
        cast(sum(scores.{{ measure }}) as bigint) as {{ column }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from spans
    inner join {{ ref('int_month_scores') }} as scores
        on spans.first_month <= scores.month and spans.month >= scores.month
    group by
        spans.period,
        spans.month,
        scores.district_code,
        scores.level,
        scores.key,
        scores.department_code
),

-- an officer is judged by the officers' scores, a department by the departments'
rated as (
    select
        *,
        {{ rate('department_high_count', 'department_score_count') }} as department_high_rate,
        {{ rate('officer_high_count', 'officer_score_count') }} as officer_high_rate,
        case when level = 'officer' then officer_score_count else department_score_count end as own_count,
        case when level = 'officer' then officer_high_count else department_high_count end as own_high_count
    from counted
),

judged as (
    select
        *,
        level in ('department', 'officer') and key <> 'none' and own_count >= {{ min_voices }} as is_rankable,
        {{ rate('own_high_count', 'own_count') }} as own_high_rate
    from rated
),

ranked as (
    select
        *,
        case
            when is_rankable
                then rank() over (
                    partition by period, month, district_code, level, is_rankable
                    order by own_high_rate desc nulls last
                )
        end as rank,
        count(*) filter (where is_rankable) over (partition by period, month, district_code, level) as peer_count
    from judged
)

select
    ranked.period,
    ranked.month,
    ranked.district_code,
    ranked.level,
    ranked.key,
    ranked.department_code,
    ranked.voice_count,
    {% for score in ['department', 'officer'] -%}
    ranked.{{ score }}_score_count,
    ranked.{{ score }}_score_sum,
    ranked.{{ score }}_high_count,
    {{ rate('ranked.' ~ score ~ '_score_sum', 'ranked.' ~ score ~ '_score_count') }} as {{ score }}_score_mean,
    ranked.{{ score }}_high_rate,
    {{ wilson('ranked.' ~ score ~ '_high_count', 'ranked.' ~ score ~ '_score_count', 'low') }} as {{ score }}_high_low,
    {{ wilson('ranked.' ~ score ~ '_high_count', 'ranked.' ~ score ~ '_score_count', 'high') }} as {{ score }}_high_high,
    {% endfor -%}
    ranked.own_count < run.small_sample_n as is_small_sample,
    ranked.double_called_count,
    ranked.double_satisfied_count,
    {{ rate('ranked.double_satisfied_count', 'ranked.double_called_count') }} as satisfaction_rate,
    {{ wilson('ranked.double_satisfied_count', 'ranked.double_called_count', 'low') }} as satisfaction_low,
    {{ wilson('ranked.double_satisfied_count', 'ranked.double_called_count', 'high') }} as satisfaction_high,
    ranked.judged_step_count,
    ranked.on_time_step_count,
    {{ rate('ranked.on_time_step_count', 'ranked.judged_step_count') }} as on_time_rate,
    {{ wilson('ranked.on_time_step_count', 'ranked.judged_step_count', 'low') }} as on_time_low,
    {{ wilson('ranked.on_time_step_count', 'ranked.judged_step_count', 'high') }} as on_time_high,
    ranked.is_rankable,
    ranked.rank,
    ranked.peer_count
from ranked
cross join run
{{ clustered_by('month') }}
