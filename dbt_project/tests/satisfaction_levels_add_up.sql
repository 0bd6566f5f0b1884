-- If this fails, a case is lost or counted twice at some level, and reports of one district contradict each other.
with sums as (
    select
        month,
        district_code,
        level,
        sum(eligible_count) as eligible_count,
        sum(matured_count) as matured_count,
        sum(both_reached_count) as both_reached_count,
        sum(double_called_count) as double_called_count,
        sum(double_satisfied_count) as double_satisfied_count,
        sum(org_yes_resident_no_count) as org_yes_resident_no_count,
        sum(org_no_resident_yes_count) as org_no_resident_yes_count
    from {{ ref('mart_two_callback_satisfaction') }}
    where {{ is_touched('satisfaction', 'month') }}
    group by month, district_code, level
)

select sums.*
from sums
inner join sums as whole on sums.month = whole.month and sums.district_code = whole.district_code
where
    whole.level = 'district'
    and (
        sums.eligible_count <> whole.eligible_count
        or sums.matured_count <> whole.matured_count
        or sums.both_reached_count <> whole.both_reached_count
        or sums.double_called_count <> whole.double_called_count
        or sums.double_satisfied_count <> whole.double_satisfied_count
        or sums.org_yes_resident_no_count <> whole.org_yes_resident_no_count
        or sums.org_no_resident_yes_count <> whole.org_no_resident_yes_count
    )
union all
select * from sums
where
    (
        select count(distinct other.level)
        from sums as other
        where other.month = sums.month and other.district_code = sums.district_code
    ) <> {{ attribution() | length }}
