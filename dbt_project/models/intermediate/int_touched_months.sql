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

changed_patrols as (
    {% for record in ('patrols', 'patrol_participants', 'patrol_checklists') -%}
    select patrol_id from {{ source('patrol_app', record) }}
    {% if not loop.last %}union
    {% endif -%}
    {% endfor %}
),

-- who is known otherwise now, and those who count where such a lead lives
led as (
    select resident_no from {{ source('linli', 'touched_residents') }}
    union
    select resident_no from {{ ref('dim_resident') }}
    where lead_no in (select residents.resident_no from {{ source('linli', 'touched_residents') }} as residents)
),

touched as (
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
        month
    from running
    union
    select
        'signal' as mart,
        month
    from {{ ref('fct_case_signal') }}
    where {{ is_changed_fact() }}
    union
    select
        'complaint' as mart,
        opened_month as month
    from {{ ref('fct_case_round') }}
    where
        is_complaint
        and {{ is_changed_fact() }}
    {%- for mart, record, moment in [
        ('finding', 'patrol_findings', 'found_at'), ('snap', 'snaps', 'taken_at'), ('dispute', 'disputes', 'raised_at'),
        ('patrol_app', 'disputes', 'defused_at'),
    ] %}
    union
    select
        '{{ mart }}' as mart,
        {{ month_of(local_date(moment)) }} as month
    from {{ source('patrol_app', record) }}
    where {{ moment }} is not null
    {%- endfor %}
    union
    select
        'patrol' as mart,
        {{ month_of(local_date('patrols.started_at')) }} as month
    from {{ ref('stg_patrol_app__patrols') }} as patrols
    cross join run
    where
        patrols.patrol_id in (select changed_patrols.patrol_id from changed_patrols)
        or patrols.ended_at >= run.previous_as_of
    union
    -- a finding follows its patrol and its case
    select
        'finding' as mart,
        {{ month_of(local_date('findings.found_at')) }} as month
    from {{ ref('stg_patrol_app__patrol_findings') }} as findings
    cross join run
    where
        findings.patrol_id in (select changed_patrols.patrol_id from changed_patrols)
        or {{ is_changed('findings.case_no') }}
        or findings.fixed_at >= run.previous_as_of
    union
    select
        'dispute' as mart,
        {{ month_of(local_date('disputes.raised_at')) }} as month
    from {{ ref('stg_patrol_app__disputes') }} as disputes
    inner join run on disputes.defused_at >= run.previous_as_of
    {%- for mart in ('patrol', 'finding', 'snap', 'dispute', 'points', 'lead') %}
    union
    select
        '{{ mart }}' as mart,
        month
    from running
    {%- endfor %}
    union
    select
        'points' as mart,
        entries.month
    from {{ ref('fct_ledger_entry') }} as entries
    inner join {{ ref('int_touched_accounts') }} as accounts
        on entries.resident_no = accounts.resident_no and entries.entered_at >= accounts.changed_from
    {%- for mart, relation, month in [
        ('points', ref('dim_resident'), 'joined_month'), ('lead', ref('fct_ledger_entry'), 'month'),
        ('lead', ref('stg_patrol_app__snaps'), month_of(local_date('taken_at'))),
    ] %}
    union
    select
        '{{ mart }}' as mart,
        {{ month }} as month
    from {{ relation }}
    where resident_no in (select led.resident_no from led)
    {%- endfor %}
),

-- a complaint bears on findings made while it is held to be an earlier one
findings as (
    select month
    from touched
    where mart = 'finding'
    {% for ahead in range(var('patrol').complaint_days // 28 + 2) -%}
    union
    select cast(month + interval {{ ahead }} month as date) as month
    from touched
    where mart = 'complaint'
    {% endfor -%}
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
where mart not in ('finding', 'complaint', 'patrol_app', 'lead')
union all
select
    'finding' as mart,
    month
from findings
union all
(
    select
        'patrol_app' as mart,
        month
    from touched
    where mart in ('patrol_app', 'patrol', 'snap', 'dispute', 'report')
    union
    select
        'patrol_app' as mart,
        month
    from findings
)
union all
select distinct
    'lead' as mart,
    month
from touched
where mart in ('lead', 'points', 'snap')
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
{% for ahead in range(var('recurrence_days') // 28 + 2) -%}
union
{%- if ahead == 0 %}
-- the days in which a problem may come back end up to three months after its resolution
{%- endif %}
select
    'frequent' as mart,
    cast(month + interval {{ ahead }} month as date) as month
from touched
where mart in ('report', 'satisfaction')
{% endfor -%}
union
-- the days on which such a watch ended since the last build
select
    'frequent' as mart,
    month
from running
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
