select
    officers.officer_no,
    officers.district_code,
    officers.officer_name,
    officers.department_code,
    departments.department_name,
    officers.station_code,
    officers.from_on,
    officers.to_on
from {{ ref('officers') }} as officers
left join {{ ref('departments') }} as departments on officers.department_code = departments.department_code
