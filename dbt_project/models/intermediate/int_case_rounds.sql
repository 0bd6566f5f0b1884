with rounds as (
    select
        case_no,
        round_no,
        min(stepped_at) filter (
            where step_code = case when round_no = 1 then 'reported' else 'reopened' end
        ) as opened_at,
        min(stepped_at) filter (where step_code = 'accepted') as accepted_at,
        min(stepped_at) filter (where step_code = 'resolved') as first_resolved_at,
        max(stepped_at) filter (where step_code = 'resolved') as resolved_at
    from {{ ref('int_case_steps') }}
    group by case_no, round_no
)

select
    rounds.case_no,
    rounds.round_no,
    rounds.opened_at,
    {{ local_date('rounds.opened_at') }} as day_0_on,
    rounds.accepted_at,
    rounds.first_resolved_at,
    rounds.resolved_at,
    row_number() over (partition by rounds.case_no order by rounds.round_no desc) = 1 as is_latest_round
from rounds
inner join {{ ref('int_cases') }} as cases on rounds.case_no = cases.case_no
where rounds.opened_at is not null
