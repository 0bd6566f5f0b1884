select
    rota.district_code,
    rota.month_on as month,
    rota.department_code,
    departments.department_name
from {{ ref('rota') }} as rota
left join {{ ref('departments') }} as departments on rota.department_code = departments.department_code
