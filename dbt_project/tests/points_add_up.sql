-- If this fails, points are lost or counted twice at some level or kind of resident, or the balances of the marts are not
-- what was earned and redeemed according to the staged ledger.
with sums as (
    select
        month,
        level,
        resident_kind_code = 'all' as is_all,
        sum(entry_count) as entry_count,
        sum(earned_points) as earned_points,
        sum(redeemed_points) as redeemed_points,
        sum(reversal_points) as reversal_points,
        sum(balance_points) as balance_points,
        sum(resident_count) as resident_count
    from {{ ref('mart_points') }}
    group by month, level, resident_kind_code = 'all'
),

staged as (
    select
        sum(case when staged.points > 0 and staged.kind <> '冲正' then staged.points else 0 end) as earned_points,
        sum(case when staged.points < 0 and staged.kind <> '冲正' then -staged.points else 0 end) as redeemed_points,
        sum(case when staged.kind = '冲正' then staged.points else 0 end) as reversal_points
    from {{ ref('stg_points_ledger__ledger_entries') }} as staged
    cross join {{ source('linli', 'run') }} as run
    where not staged._deleted and staged.entered_at < run.as_of
),

last_month as (
    select max(month) as month from sums
)

select
    'levels and kinds' as what,
    sums.month,
    sums.level
from sums
inner join sums as whole on sums.month = whole.month and whole.level = 'district' and whole.is_all
where
    sums.entry_count <> whole.entry_count
    or sums.earned_points <> whole.earned_points
    or sums.redeemed_points <> whole.redeemed_points
    or sums.reversal_points <> whole.reversal_points
    or sums.balance_points <> whole.balance_points
    or sums.resident_count <> whole.resident_count
union all
select
    'balances' as what,
    sums.month,
    sums.level
from sums
inner join last_month on sums.month = last_month.month
cross join staged
where sums.balance_points <> staged.earned_points - staged.redeemed_points + staged.reversal_points
union all
select
    'months' as what,
    null as month,
    sums.level
from sums
cross join staged
group by sums.level, sums.is_all, staged.earned_points, staged.redeemed_points, staged.reversal_points
having
    sum(sums.earned_points) <> staged.earned_points
    or sum(sums.redeemed_points) <> staged.redeemed_points
    or sum(sums.reversal_points) <> staged.reversal_points
