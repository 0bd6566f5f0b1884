{{ config(schema='people') }}
{#- The residents of the last build are read by their address: a ref would close a circle. -#}
{%- set known = load_cached_relation(api.Relation.create(
    database=this.database, schema=this.schema, identifier='dim_resident'
)) if execute and not flags.FULL_REFRESH -%}
{%- set touched = is_touched_resident('resident_no') -%}
with bringers as (
    select distinct brought_by as resident_no
    from {{ ref('stg_points_ledger__residents') }}
    where {{ touched }}
)

{% if known -%}
select
    resident_no,
    is_lead,
    generation,
    lead_no
from {{ known }}
where
    resident_no in (select bringers.resident_no from bringers)
    and not {{ touched }}
{%- else -%}
select
    resident_no,
    false as is_lead,
    cast(null as integer) as generation,
    cast(null as varchar) as lead_no
from bringers
where false
{%- endif %}
