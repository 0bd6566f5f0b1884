-- depends_on: {{ ref('fct_matter') }}
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

-- who is known otherwise now, and those who count where such a lead or bringer lives
led as (
    select resident_no from {{ source('linli', 'touched_residents') }}
    union
    select resident_no from {{ ref('dim_resident') }}
    where
        lead_no in (select residents.resident_no from {{ source('linli', 'touched_residents') }} as residents)
        or brought_by_no in (select residents.resident_no from {{ source('linli', 'touched_residents') }} as residents)
),

touched as (
    select
        mart,
        month
    from {{ source('linli', 'touched_months') }}
    union
    select
        'think_tank' as mart,
        month
    from {{ ref('fct_consultation') }}
    where {{ is_changed_fact() }}
    union
    {% for mart, fact in [('meeting', ref('fct_meeting')), ('publicity', ref('fct_publicity_event'))] -%}
    select
        '{{ mart }}' as mart,
        month
    from {{ fact }} as rows_now
    where {{ is_changed_return('rows_now') }}
    union
    {% endfor -%}
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
        -- what is only known to have been deleted has no month
        patrols.started_at is not null
        and (
            patrols.patrol_id in (select changed_patrols.patrol_id from changed_patrols)
            or patrols.ended_at >= run.previous_as_of
        )
    union
    -- a finding follows its patrol and its case
    select
        'finding' as mart,
        {{ month_of(local_date('findings.found_at')) }} as month
    from {{ ref('stg_patrol_app__patrol_findings') }} as findings
    cross join run
    where
        findings.found_at is not null
        and (
            findings.patrol_id in (select changed_patrols.patrol_id from changed_patrols)
            or {{ is_changed('findings.case_no') }}
            or findings.fixed_at >= run.previous_as_of
        )
    union
    select
        'dispute' as mart,
        {{ month_of(local_date('disputes.raised_at')) }} as month
    from {{ ref('stg_patrol_app__disputes') }} as disputes
    inner join run on disputes.defused_at >= run.previous_as_of
    where disputes.raised_at is not null
    {%- for mart in ('patrol', 'finding', 'snap', 'dispute', 'think_tank', 'points', 'lead', 'meeting', 'matter', 'publicity') %}
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
)

select distinct
    mart,
    month
from touched
where mart in ('patrol', 'snap', 'dispute', 'think_tank', 'points', 'meeting', 'matter', 'publicity')
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
    where mart in ('patrol_app', 'patrol', 'snap', 'dispute')
    union
    select
        'patrol_app' as mart,
        month
    from {{ ref('int_changed_months') }}
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
