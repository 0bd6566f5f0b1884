{#- The matters of the last build are read by their address: a ref would close a circle. -#}
{%- set matters = load_cached_relation(api.Relation.create(
    database=this.database, schema=this.schema, identifier='fct_matter'
)) if execute and not flags.FULL_REFRESH -%}
{#- Named outside the condition: dbt looks for what a model needs while nothing is built yet. -#}
{%- set days = ref('dim_calendar') -%}
with run as (
    select
        {{ local_date('as_of') }} as as_of_on,
        {{ local_date('previous_as_of') }} as previous_as_of_on,
        previous_as_of
    from {{ source('linli', 'run') }}
),

-- what was landed, and what its older versions said
pending as (
    select
        community_code,
        month_on
    from {{ source('linli', 'touched_returns') }}
    union
    {% for record in ('returns', 'meetings', 'matters', 'publicity_events') -%}
    select
        community_code,
        month_on
    from {{ source('meeting_returns', record) }}
    {% if not loop.last %}union
    {% endif -%}
    {% endfor %}
),

-- landed before, but not yet known at the as_of of the last build
ripe as (
    {% for record, moment in [
        ('meetings', 'met_on'), ('matters', 'month_on'), ('matters', 'heard_on'), ('matters', 'solved_on'), ('publicity_events', 'held_on'),
    ] -%}
    select
        staged.community_code,
        staged.month_on
    from {{ ref('stg_meeting_returns__' ~ record) }} as staged
    inner join run on staged.{{ moment }} >= run.previous_as_of_on
    union
    {% endfor -%}
    select
        staged.community_code,
        staged.month_on
    from {{ ref('stg_meeting_returns__returns') }} as staged
    inner join run on staged.received_at >= run.previous_as_of
)
{%- if matters %},

-- heard and not solved, they are judged from now on
come_due as (
    select
        matters.community_code,
        matters.month_on
    from {{ matters }} as matters
    cross join run
    inner join {{ days }} as heard_days on matters.heard_on = heard_days.calendar_on
    inner join {{ days }} as last_days on run.as_of_on - 1 = last_days.calendar_on
    where
        matters.is_solved_in_time is null
        and matters.solved_on is null
        and {{ is_matter_overdue('last_days.workday_no - heard_days.workday_no') }}
)
{%- endif %}

select
    community_code,
    month_on
from pending
where
    community_code is not null
    and month_on is not null
union
select
    community_code,
    month_on
from ripe
{%- if matters %}
union
select
    community_code,
    month_on
from come_due
{%- endif %}
