-- depends_on: {{ ref('fct_case_step') }}
-- depends_on: {{ ref('fct_case_round') }}
select
    mart,
    month
from {{ source('linli', 'touched_months') }}
where mart <> 'reported'
union
select
    'clock' as mart,
    due_month as month
from {{ ref('int_round_steps') }}
where due_month is not null
union
select
    'satisfaction' as mart,
    {{ month_of(local_date('resolved_at')) }} as month
from {{ ref('int_case_rounds') }}
where resolved_at is not null
union
select
    'report' as mart,
    month
from {{ ref('int_changed_months') }}
