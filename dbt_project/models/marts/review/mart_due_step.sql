{{ config(materialized='table') }}
with run as (
    select {{ local_date('as_of') }} as state_on from {{ source('linli', 'run') }}
)

select
    steps.case_no,
    steps.round_no,
    steps.step,
    {% for column in attribution_columns(place_levels()).split(', ') -%}
    steps.{{ column }},
    {% endfor -%}
    steps.department_code,
    steps.due_on,
    steps.is_due_provisional,
    run.state_on,
    case
        when steps.due_on < run.state_on then 'overdue'
        when steps.due_on = run.state_on then 'due_today'
        else 'due_later'
    end as state
from {{ ref('fct_case_step') }} as steps
-- an earlier round has nothing left to do, though it keeps its place in mart_clock_257
inner join {{ ref('fct_case_round') }} as rounds
    on steps.case_no = rounds.case_no and steps.round_no = rounds.round_no and rounds.is_latest_round
cross join run
where
    steps.is_counted
    and steps.state in ('open', 'overdue')
    and steps.due_on is not null
