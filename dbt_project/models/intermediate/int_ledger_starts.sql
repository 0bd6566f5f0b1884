-- a district's books open with its first entry; without one, when its first resident joined
select
    district_code,
    coalesce(min(month) filter (where is_entry), min(month)) as first_month
from (
    select
        district_code,
        month,
        true as is_entry
    from {{ ref('fct_ledger_entry') }}
    union all
    select
        district_code,
        joined_month as month,
        false as is_entry
    from {{ ref('dim_resident') }}
) as seen
group by district_code
