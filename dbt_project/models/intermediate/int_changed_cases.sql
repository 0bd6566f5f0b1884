{#- The fact of the last build is read by its address: a ref would close a circle. -#}
{%- set steps = load_cached_relation(api.Relation.create(
    database=this.database, schema=this.schema, identifier='fct_case_step'
)) if execute and not flags.FULL_REFRESH -%}
with run as (
    select
        as_of,
        previous_as_of
    from {{ source('linli', 'run') }}
),

-- what was landed, and what its older versions belonged to
pending as (
    select case_no from {{ source('linli', 'touched_cases') }}
    union
    select case_no from {{ source('case_system', 'cases') }}
    union
    select case_no from {{ source('case_system', 'case_steps') }}
    union
    select case_no from {{ source('case_system', 'whistles') }}
    union
    select case_no from {{ source('case_system', 'callbacks') }}
    union
    select case_no from {{ source('case_system', 'consultations') }}
),

-- landed before, but not yet counted: it lay at or after the as_of of the last build, or an emergency was not yet judged
ripe as (
    select steps.case_no
    from {{ ref('stg_case_system__case_steps') }} as steps
    cross join run
    where steps.stepped_at >= run.previous_as_of
    union
    select callbacks.case_no
    from {{ ref('stg_case_system__callbacks') }} as callbacks
    cross join run
    where callbacks.called_at >= run.previous_as_of
    union
    select consultations.case_no
    from {{ ref('stg_case_system__consultations') }} as consultations
    cross join run
    where consultations.consulted_at >= run.previous_as_of
    union
    select whistles.case_no
    from {{ ref('stg_case_system__whistles') }} as whistles
    cross join run
    where
        {{ minutes_between('whistles.blown_at', 'run.previous_as_of') }} <= {{ var('emergency_minutes') }}
        or whistles.answered_at >= run.previous_as_of
        or whistles.arrived_at >= run.previous_as_of
)
{%- if steps %},

-- what came due since the last build: an open step is overdue now, a pending case has matured
come_due as (
    select distinct steps.case_no
    from {{ steps }} as steps
    cross join run
    where
        steps.due_on >= {{ local_date('run.previous_as_of') }}
        and steps.due_on < {{ local_date('run.as_of') }}
)
{%- endif %}

select case_no from pending
where case_no is not null
union
select case_no from ripe
{%- if steps %}
union
select case_no from come_due
{%- endif %}
