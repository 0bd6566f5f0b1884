select month
from {{ source('linli', 'touched_months') }}
where mart = 'reported'
union
select {{ month_of(local_date('reported_at')) }} as month
from ({{ rows_where(ref('stg_case_system__cases'), 'reported_at is not null and ' ~ is_changed('case_no')) }}) as cases
