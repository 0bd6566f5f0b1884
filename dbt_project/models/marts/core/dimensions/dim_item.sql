select
    items.item_code,
    items.item_name,
    items.category_code,
    items.category_name,
    items.lead_department_code,
    departments.department_name as lead_department_name,
    items.assisting_department_codes,
    items.is_illustration
from {{ ref('enforcement_items') }} as items
left join {{ ref('departments') }} as departments on items.lead_department_code = departments.department_code
