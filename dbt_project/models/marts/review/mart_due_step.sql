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
from {{ ref('int_open_steps') }} as steps
cross join run
