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
    case when steps.due_on < run.state_on then 'overdue' else 'due_today' end as state
from {{ ref('fct_case_step') }} as steps
cross join run
where
    steps.is_counted
    and steps.state in ('open', 'overdue')
    and steps.due_on <= run.state_on
