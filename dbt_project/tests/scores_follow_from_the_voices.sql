-- If this fails, somebody is scored by voices nobody gave, or by cases and steps that the other marts count differently.
with rounds as {{ found_first() }}(
    select
        case_no,
        round_no,
        report_month,
        resolved_month,
        district_code,
        officer_no
    from {{ ref('fct_case_round') }}
    where
        is_counted
        and is_latest_round
        and {{ is_touched('score', 'resolved_month') }}
),

voices as (
    select
        rounds.resolved_month as month,
        rounds.district_code,
        rounds.officer_no,
        callbacks.officer_score,
        callbacks.department_score
    from rounds
    inner join {{ ref('fct_callback') }} as callbacks
        on
            rounds.report_month = callbacks.report_month
            and rounds.case_no = callbacks.case_no
            and rounds.round_no = callbacks.round_no
    where callbacks.is_voice
),

heard as (
    select
        month,
        district_code,
        officer_no as key,
        count(*) as voice_count,
        sum(officer_score) as officer_score_sum,
        sum(department_score) as department_score_sum
    from voices
    group by month, district_code, officer_no
),

scored as (
    select
        month,
        district_code,
        level,
        key,
        sum(voice_count) as voice_count,
        coalesce(sum(officer_score_sum), 0) as officer_score_sum,
        coalesce(sum(department_score_sum), 0) as department_score_sum,
        sum(double_called_count) as double_called_count,
        sum(double_satisfied_count) as double_satisfied_count,
        sum(judged_step_count) as judged_step_count,
        sum(on_time_step_count) as on_time_step_count
    from {{ ref('mart_score') }}
    where
        period = 'month'
        and {{ is_touched('score', 'month') }}
    group by month, district_code, level, key
),

steps as (
    select
        month,
        district_code,
        level,
        key,
        sum(judged_count) as judged_step_count,
        sum(on_time_count) as on_time_step_count
    from {{ ref('mart_clock_257') }}
    where
        level in ('district', 'department', 'officer')
        and {{ is_touched('score', 'month') }}
    group by month, district_code, level, key
)

select
    scored.month,
    scored.district_code,
    scored.level,
    scored.key
from scored
left join heard
    on
        scored.month = heard.month
        and scored.district_code = heard.district_code
        and scored.key = heard.key
        and scored.level = 'officer'
left join {{ ref('mart_two_callback_satisfaction') }} as satisfaction
    on
        scored.month = satisfaction.month
        and scored.district_code = satisfaction.district_code
        and scored.level = satisfaction.level
        and scored.key = satisfaction.key
left join steps
    on
        scored.month = steps.month
        and scored.district_code = steps.district_code
        and scored.level = steps.level
        and scored.key = steps.key
where
    (scored.level = 'officer' and (
        scored.voice_count <> coalesce(heard.voice_count, 0)
        or scored.officer_score_sum <> coalesce(heard.officer_score_sum, 0)
        or scored.department_score_sum <> coalesce(heard.department_score_sum, 0)
    ))
    or scored.double_called_count <> coalesce(satisfaction.double_called_count, 0)
    or scored.double_satisfied_count <> coalesce(satisfaction.double_satisfied_count, 0)
    or scored.judged_step_count <> coalesce(steps.judged_step_count, 0)
    or scored.on_time_step_count <> coalesce(steps.on_time_step_count, 0)
union all
-- a voice of an officer no score row knows
select
    heard.month,
    heard.district_code,
    'officer' as level,
    heard.key
from heard
where
    not exists (
        select 1 from scored
        where
            scored.month = heard.month
            and scored.district_code = heard.district_code
            and scored.key = heard.key
            and scored.level = 'officer'
    )
