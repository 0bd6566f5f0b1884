{{ config(schema='people') }}
with recursive run as (
    select {{ local_date('as_of') }} as as_of_on from {{ source('linli', 'run') }}
),

residents as (
    select
        staged.resident_no,
        staged.district_code,
        coalesce(compounds.community_code, 'none') as community_code,
        staged.compound_code,
        staged.household_no,
        kinds.resident_kind_code,
        staged.is_lead,
        staged.brought_by as brought_by_no,
        staged.joined_on
    from {{ ref('stg_points_ledger__residents') }} as staged
    cross join run
    left join {{ ref('dim_compound') }} as compounds on staged.compound_code = compounds.compound_code
    left join {{ ref('resident_kinds') }} as kinds on staged.kind = kinds.resident_kind_name
    where
        not staged._deleted
        and staged.joined_on < run.as_of_on
),

-- whoever brought each other in a circle is reached from no root
chains as (
    select
        residents.resident_no,
        cast(0 as integer) as generation,
        case when residents.is_lead then residents.resident_no end as lead_no
    from residents
    where not exists (select 1 from residents as bringers where bringers.resident_no = residents.brought_by_no)
    union all
    select
        residents.resident_no,
        cast(chains.generation + 1 as integer) as generation,
        case when residents.is_lead then residents.resident_no else chains.lead_no end as lead_no
    from chains
    inner join residents on chains.resident_no = residents.brought_by_no
)

select
    residents.resident_no,
    residents.district_code,
    residents.community_code,
    residents.compound_code,
    residents.household_no,
    residents.resident_kind_code,
    residents.is_lead,
    residents.brought_by_no,
    coalesce(bringers.is_lead, false) as is_recruit,
    chains.generation,
    case when residents.is_lead then residents.resident_no else chains.lead_no end as lead_no,
    residents.joined_on,
    {{ month_of('residents.joined_on') }} as joined_month
from residents
left join residents as bringers on residents.brought_by_no = bringers.resident_no
left join chains on residents.resident_no = chains.resident_no
