-- depends_on: {{ ref('fct_case_step') }}
-- depends_on: {{ ref('fct_case_round') }}
-- depends_on: {{ ref('fct_whistle') }}
with run as (
    select * from {{ source('linli', 'run') }}
)

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
union
select
    'whistle' as mart,
    blown_month as month
from {{ ref('fct_whistle') }}
where {{ is_changed_fact() }}
union
select
    'backlog' as mart,
    months.month
{{ months_open(ref('fct_case_round')) }}
where {{ is_changed_fact('rounds') }}
union
-- what stays open grows older day by day
select
    'backlog' as mart,
    {{ month_of('days.calendar_on') }} as month
from {{ ref('dim_calendar') }} as days
inner join run
    on
        days.calendar_on + 1 >= coalesce({{ local_date('run.previous_as_of') }}, {{ local_date('run.as_of') }})
        and days.calendar_on < {{ local_date('run.as_of') }}
