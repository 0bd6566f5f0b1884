select
    district_code,
    district_name,
    city_name,
    province_name
from {{ ref('districts') }}
