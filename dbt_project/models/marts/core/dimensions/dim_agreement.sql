select
    agreements.agreement_no,
    agreements.department_code,
    departments.department_name,
    agreements.compound_code,
    compounds.compound_name,
    compounds.community_code,
    compounds.district_code,
    agreements.post_name,
    agreements.signed_on,
    agreements.ended_on
from {{ ref('agreements') }} as agreements
left join {{ ref('departments') }} as departments on agreements.department_code = departments.department_code
left join {{ ref('compounds') }} as compounds on agreements.compound_code = compounds.compound_code
