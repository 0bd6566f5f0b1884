{{ config(schema='people') }}
with recursive run as (
    select {{ local_date('as_of') }} as as_of_on from {{ source('linli', 'run') }}
),

staged as {{ found_first() }}(
    select *
    from {{ ref('stg_points_ledger__residents') }}
    where
        not _deleted
        and {{ is_touched_resident('resident_no') }}
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
    from staged
    cross join run
    left join {{ ref('dim_compound') }} as compounds on staged.compound_code = compounds.compound_code
    left join {{ ref('resident_kinds') }} as kinds on staged.kind = kinds.resident_kind_name
    where staged.joined_on < run.as_of_on
),

bringers as (
    select
        resident_no,
        is_lead
    from residents
    union all
    select
        resident_no,
        is_lead
    from {{ ref('int_known_bringers') }}
),

-- whoever brought each other in a circle is reached from no beginning
beginnings as (
    select
        residents.resident_no,
        cast(0 as integer) as generation,
        case when residents.is_lead then residents.resident_no end as lead_no
    from residents
    where not exists (select 1 from bringers where bringers.resident_no = residents.brought_by_no)
    union all
    select
        residents.resident_no,
        cast(known.generation + 1 as integer) as generation,
        case when residents.is_lead then residents.resident_no else known.lead_no end as lead_no
    from residents
    inner join {{ ref('int_known_bringers') }} as known on residents.brought_by_no = known.resident_no
    where known.generation is not null
),

chains as (
    select * from beginnings
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
left join bringers on residents.brought_by_no = bringers.resident_no
left join chains on residents.resident_no = chains.resident_no
