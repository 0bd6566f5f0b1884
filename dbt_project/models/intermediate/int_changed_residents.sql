{{ config(schema='people') }}
{#- The residents of the last build are read by their address: a ref would close a circle. -#}
{%- set known = load_cached_relation(api.Relation.create(
    database=this.database, schema=this.schema, identifier='dim_resident'
)) if execute and not flags.FULL_REFRESH -%}
{%- set touched = is_touched_resident('resident_no') -%}
{%- if known %}
with known as {{ found_first() }}(
    select * from {{ known }}
    where {{ touched }}
)
{% endif %}
select
    residents.*,
    false as is_gone
from {{ ref('int_residents') }} as residents
{%- if known %}
left join known on residents.resident_no = known.resident_no
where
    known.resident_no is null
    {%- for column in ['district_code', 'community_code', 'compound_code', 'household_no', 'resident_kind_code',
        'is_lead', 'brought_by_no', 'is_recruit', 'generation', 'lead_no', 'joined_on'] %}
    or residents.{{ column }} is distinct from known.{{ column }}
{%- endfor %}
union all
select
    known.*,
    true as is_gone
from known
where not exists (select 1 from {{ ref('int_residents') }} as residents where residents.resident_no = known.resident_no)
{%- endif %}
