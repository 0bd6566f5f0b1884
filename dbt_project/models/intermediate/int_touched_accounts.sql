{#- The entries of the last build are read by their address: a ref would close a circle. -#}
{%- set entries = load_cached_relation(api.Relation.create(
    database=this.database, schema=this.schema, identifier='fct_ledger_entry'
)) if execute and not flags.FULL_REFRESH -%}
{%- set staged = ref('stg_points_ledger__ledger_entries') %}
-- depends_on: {{ ref('dim_resident') }}
with run as (
    select previous_as_of from {{ source('linli', 'run') }}
),

-- landed now, or landed before and not yet entered at the as_of of the last build
landed as (
    select entry_id from {{ source('points_ledger', 'ledger_entries') }}
    union
    select staged.entry_id
    from {{ staged }} as staged
    inner join run on staged.entered_at >= run.previous_as_of
),

versions as (
    select
        entry_id,
        resident_no,
        reverses_entry_id,
        entered_at
    from {{ staged }}
    where entry_id in (select landed.entry_id from landed)
    {%- if entries %}
    union all
    select
        entry_id,
        resident_no,
        reverses_entry_id,
        entered_at
    from {{ entries }}
    where entry_id in (select landed.entry_id from landed)
    {%- endif %}
),

-- whether an entry is reversed, and which of several does it, is told by others
named as (
    select reverses_entry_id as entry_id from versions
    where reverses_entry_id is not null
    union
    select staged.reverses_entry_id as entry_id
    from {{ staged }} as staged
    where staged.entry_id in (select versions.reverses_entry_id from versions)
),

linked as (
    select entry_id from named
    union
    select staged.entry_id
    from {{ staged }} as staged
    where staged.reverses_entry_id in (
        select landed.entry_id from landed
        union
        select named.entry_id from named
    )
),

changes as (
    select
        resident_no,
        entered_at
    from versions
    union all
    select
        resident_no,
        entered_at
    from {{ staged }}
    where entry_id in (select linked.entry_id from linked)
    union all
    select
        resident_no,
        entered_at
    from {{ staged }}
    where resident_no in (select residents.resident_no from {{ source('linli', 'touched_residents') }} as residents)
),

accounts as (
    select
        resident_no,
        min(entered_at) as changed_from
    from changes
    -- of an entry that was found to be gone only its number is known
    where resident_no is not null
    group by resident_no
){% if entries %},

-- the entry before says until when its balance held: it is entered anew, though its month counts the same
before as (
    select
        accounts.resident_no,
        max(entries.entered_at) as entered_at
    from accounts
    inner join {{ entries }} as entries
        on accounts.resident_no = entries.resident_no and accounts.changed_from > entries.entered_at
    group by accounts.resident_no
)

select
    accounts.resident_no,
    accounts.changed_from,
    coalesce(before.entered_at, accounts.changed_from) as entered_from
from accounts
left join before on accounts.resident_no = before.resident_no
{%- else %}

select
    resident_no,
    changed_from,
    changed_from as entered_from
from accounts
{%- endif %}
