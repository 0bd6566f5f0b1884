select
    department_code,
    department_name,
    department_full_name
from {{ ref('departments') }}
