select
    compounds.compound_code,
    compounds.compound_name,
    compounds.community_code,
    communities.community_name,
    compounds.station_code,
    stations.station_name,
    compounds.district_code,
    districts.district_name,
    compounds.household_count
from {{ ref('compounds') }} as compounds
left join {{ ref('communities') }} as communities on compounds.community_code = communities.community_code
left join {{ ref('stations') }} as stations on compounds.station_code = stations.station_code
left join {{ ref('districts') }} as districts on compounds.district_code = districts.district_code
