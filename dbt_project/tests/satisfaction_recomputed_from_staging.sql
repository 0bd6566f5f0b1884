-- If this fails, a district's satisfaction does not follow from the accepted records by its definition: the mart and
-- docs/metrics.md have parted. The counts are taken from staging again, by another way than the facts.
with run as (
    select * from {{ source('linli', 'run') }}
),

steps as (
    select staged.*
    from {{ ref('stg_case_system__case_steps') }} as staged
    cross join run
    where not staged._deleted and staged.stepped_at < run.as_of and {{ is_changed('staged.case_no') }}
),

latest as (
    select
        case_no,
        max(round_no) as round_no
    from steps
    where (round_no = 1 and step = '上报') or (round_no > 1 and step = '重办')
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
        steps.step = '办结反馈'
        and not cases._deleted
        and cases.status not in ('已作废', '已撤诉', '重复件')
        and latest.case_no not in (select ended.case_no from steps as ended where ended.step in ('作废', '撤诉', '判重'))
    group by cases.district_code, latest.case_no, latest.round_no
),

answers as (
    select
        resolved.case_no,
        staged.side,
        staged.called_at,
        coalesce(staged.solved, false)
        and coalesce(least(staged.department_score, staged.officer_score), 0) >= run.satisfied_min_score as is_satisfied,
        row_number() over (
            partition by resolved.case_no, staged.side
            order by staged.called_at desc, staged.callback_id desc
        ) as recency
    from resolved
    inner join {{ ref('stg_case_system__callbacks') }} as staged
        on resolved.case_no = staged.case_no and resolved.round_no = staged.round_no
    cross join run
    where
        staged.outcome = '接通'
        and not staged._deleted
        and staged.called_at >= resolved.resolved_at
        and staged.called_at < run.as_of
),

reached as (
    select
        case_no,
        side,
        min(called_at) as first_at,
        bool_or(is_satisfied and recency = 1) as is_satisfied
    from answers
    group by case_no, side
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
    left join reached as organisation on resolved.case_no = organisation.case_no and organisation.side = '组织'
    left join reached as residents on resolved.case_no = residents.case_no and residents.side = '居民'
),

facts as (
    select *
    from {{ ref('fct_case_round') }}
    where is_counted and is_latest_round and resolved_month is not null and {{ is_changed('case_no') }}
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
