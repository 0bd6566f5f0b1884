-- If this fails, a district's satisfaction does not follow from the accepted records by its definition: the mart and
-- docs/metrics.md have parted. The voices are put together again from steps and calls, by another way than the facts.
with run as (
    select * from {{ source('linli', 'run') }}
),

steps as (
    select * from {{ ref('int_case_steps') }}
),

latest as (
    select
        case_no,
        max(round_no) as round_no
    from steps
    where (round_no = 1 and step_code = 'reported') or (round_no > 1 and step_code = 'reopened')
    group by case_no
),

resolved as (
    select
        cases.district_code,
        latest.case_no,
        latest.round_no,
        max(steps.stepped_at) as resolved_at
    from latest
    inner join {{ ref('stg_case_system__cases') }} as cases on latest.case_no = cases.case_no
    inner join steps on latest.case_no = steps.case_no and latest.round_no = steps.round_no
    where
        steps.step_code = 'resolved'
        and not cases._deleted
        and (
            cases.status not in ('已作废', '已撤诉', '重复件')
            or exists (
                select 1
                from {{ ref('stg_case_system__case_steps') }} as to_come
                cross join run
                where
                    to_come.case_no = cases.case_no
                    and to_come.stepped_at >= run.as_of
                    and not to_come._deleted
                    and to_come.step = case cases.status when '已作废' then '作废' when '已撤诉' then '撤诉' else '判重' end
            )
        )
        and latest.case_no not in (select ended.case_no from steps as ended where ended.step_code in ('invalidated', 'withdrawn', 'merged'))
    group by cases.district_code, latest.case_no, latest.round_no
),

answers as (
    select
        resolved.case_no,
        calls.side_code,
        calls.called_at,
        coalesce(calls.is_solved, false)
        and coalesce(least(calls.department_score, calls.officer_score), 0) >= run.satisfied_min_score as is_satisfied,
        row_number() over (
            partition by resolved.case_no, calls.side_code
            order by calls.called_at desc, calls.callback_id desc
        ) as recency
    from resolved
    inner join {{ ref('int_callbacks') }} as calls
        on resolved.case_no = calls.case_no and resolved.round_no = calls.round_no
    cross join run
    where
        calls.outcome_code = 'reached'
        and calls.called_at >= resolved.resolved_at
),

reached as (
    select
        case_no,
        side_code,
        min(called_at) as first_at,
        bool_or(is_satisfied and recency = 1) as is_satisfied
    from answers
    group by case_no, side_code
),

recomputed as (
    select
        resolved.case_no,
        {{ month_of(local_date('resolved.resolved_at')) }} as resolved_month,
        organisation.is_satisfied as organisation_is_satisfied,
        residents.is_satisfied as resident_is_satisfied,
        greatest(organisation.first_at, residents.first_at) as last_reached_at,
        organisation.first_at is not null and residents.first_at is not null as is_both_reached
    from resolved
    left join reached as organisation on resolved.case_no = organisation.case_no and organisation.side_code = 'organisation'
    left join reached as residents on resolved.case_no = residents.case_no and residents.side_code = 'resident'
),

facts as (
    select *
    from {{ ref('fct_case_round') }}
    where is_counted and is_latest_round and resolved_month is not null and {{ is_changed_fact() }}
)

select coalesce(facts.case_no, recomputed.case_no) as case_no
from recomputed
full outer join facts on recomputed.case_no = facts.case_no
where
    facts.case_no is null
    or recomputed.case_no is null
    or facts.resolved_month <> recomputed.resolved_month
    or (facts.followed_up_at is not null) <> recomputed.is_both_reached
    or (recomputed.is_both_reached and facts.followed_up_at <> recomputed.last_reached_at)
    or facts.organisation_is_satisfied is distinct from recomputed.organisation_is_satisfied
    or facts.resident_is_satisfied is distinct from recomputed.resident_is_satisfied
