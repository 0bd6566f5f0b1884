-- depends_on: {{ ref('fct_case_step') }}
-- depends_on: {{ ref('fct_case_round') }}
-- depends_on: {{ ref('fct_whistle') }}
with run as (
    select * from {{ source('linli', 'run') }}
),

-- the months begun, or still running, since the last build
running as (
    select distinct {{ month_of('days.calendar_on') }} as month
    from {{ ref('dim_calendar') }} as days
    inner join run
        on
            days.calendar_on + 1 >= coalesce({{ local_date('run.previous_as_of') }}, {{ local_date('run.as_of') }})
            and days.calendar_on < {{ local_date('run.as_of') }}
),

touched as (
    select
        mart,
        month
    from {{ source('linli', 'touched_months') }}
    where mart <> 'reported'
    union
    select
        mart,
        month
    from {{ ref('int_touched_programme_months') }}
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
        month
    from running
    union
    select
        'signal' as mart,
        month
    from {{ ref('fct_case_signal') }}
    where {{ is_changed_fact() }}
),

frequent as (
    -- the days on which the watch of a problem ended since the last build
    select month from running
    {% for ahead in range(var('recurrence_days') // 28 + 2) -%}
    union
    {%- if ahead == 0 %}
    -- the days in which a problem may come back end up to three months after its resolution
    {%- endif %}
    select cast(month + interval {{ ahead }} month as date) as month
    from touched
    where mart in ('report', 'satisfaction')
    {% endfor -%}
),

proposed_from as (
    select month from frequent
    union
    select month from touched
    where mart in ('satisfaction', 'finding')
),

scores as (
    select distinct month
    from touched
    where mart in ('clock', 'satisfaction')
)

select
    mart,
    month
from touched
union all
select
    'score' as mart,
    month
from scores
union all
-- twelve months count a month, itself the first of them
select distinct
    'score_year' as mart,
    months.calendar_on as month
from scores
inner join {{ ref('dim_calendar') }} as months
    on scores.month <= months.calendar_on and months.calendar_on < scores.month + interval '1' year
where months.calendar_on = {{ month_of('months.calendar_on') }}
union all
select
    'frequent' as mart,
    month
from frequent
{% for ahead in range(1, var('campaign_proposal').months + 1) -%}
union
{%- if ahead == 1 %}
-- a proposal looks back on the months before it
{%- endif %}
select
    'campaign' as mart,
    cast(month + interval {{ ahead }} month as date) as month
from proposed_from
{% endfor -%}
{% for ahead in range(var('similar').corpus_months) -%}
union
{%- if ahead == 0 %}
-- a text bears on what is informative in the texts of the months after it
{%- endif %}
select
    'similar' as mart,
    cast(month + interval {{ ahead }} month as date) as month
from touched
where mart = 'report'
{% endfor -%}
