select
    compound_code,
    household_no,
    min(district_code) as district_code,
    min(community_code) as community_code,
    count(*) as member_count,
    count(*) filter (where is_lead) as lead_count,
    min(joined_on) as first_joined_on,
    -- of the residents a lead has brought, the first one
    arg_min(lead_no, (joined_on, resident_no)) filter (where not is_lead and lead_no is not null) as brought_by_lead_no,
    min(joined_on) filter (where not is_lead and lead_no is not null) as brought_on
from {{ ref('dim_resident') }}
where household_no is not null
group by compound_code, household_no
