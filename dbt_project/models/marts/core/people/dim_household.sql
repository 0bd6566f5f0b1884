with members as (
    select
        *,
        -- the residents a lead has brought, the first one first
        row_number() over (
            partition by compound_code, household_no, not is_lead and lead_no is not null
            order by joined_on asc, resident_no asc
        ) as follower_rank
    from {{ ref('dim_resident') }}
    where household_no is not null
)

select
    compound_code,
    household_no,
    min(district_code) as district_code,
    min(community_code) as community_code,
    count(*) as member_count,
    count(*) filter (where is_lead) as lead_count,
    min(joined_on) as first_joined_on,
    min(lead_no) filter (where not is_lead and lead_no is not null and follower_rank = 1) as brought_by_lead_no,
    min(joined_on) filter (where not is_lead and lead_no is not null) as brought_on
from members
group by compound_code, household_no
