select
    district_code,
    min(month) as first_month
from (
    select
        district_code,
        month
    from {{ ref('fct_patrol') }}
    union all
    select
        district_code,
        raised_month as month
    from {{ ref('fct_dispute') }}
    union all
    select
        district_code,
        month
    from {{ ref('fct_snap') }}
) as app
group by district_code
