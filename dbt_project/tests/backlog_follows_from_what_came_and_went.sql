-- If this fails, the backlog is not the one before it plus what was opened less what was resolved for the first time: a
-- round waits in no figure, or in one where it no longer waits.
with stocks as (
    select
        month,
        district_code,
        sum(open_count) as open_count
    from {{ ref('mart_backlog') }}
    where level = 'district'
    group by month, district_code
),

flows as (
    select
        month,
        district_code,
        sum(change) as change
    from (
        select opened_month as month, district_code, 1 as change from {{ ref('fct_case_round') }} where is_counted
        union all
        select closed_month as month, district_code, -1 as change from {{ ref('fct_case_round') }} where is_counted and closed_month is not null
    ) as moves
    where {{ is_touched('backlog', 'month') }}
    group by month, district_code
),

-- a month without a row holds nothing, one without a move changes nothing
months as (
    select month, district_code from stocks where {{ is_touched('backlog', 'month') }}
    union
    select month, district_code from flows
)

select
    months.month,
    months.district_code
from months
left join stocks on months.month = stocks.month and months.district_code = stocks.district_code
left join stocks as earlier
    on cast(months.month - interval 1 month as date) = earlier.month and months.district_code = earlier.district_code
left join flows on months.month = flows.month and months.district_code = flows.district_code
where coalesce(stocks.open_count, 0) <> coalesce(earlier.open_count, 0) + coalesce(flows.change, 0)
