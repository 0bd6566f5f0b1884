{{ config(materialized='table') }}
with run as (
    select {{ local_date('as_of') }} as state_on from {{ source('linli', 'run') }}
)

select
    steps.*,
    run.state_on,
    case
        when steps.due_on < run.state_on then 'overdue'
        when steps.due_on = run.state_on then 'due_today'
        else 'due_later'
    end as state
from {{ ref('int_open_steps') }} as steps
cross join run
