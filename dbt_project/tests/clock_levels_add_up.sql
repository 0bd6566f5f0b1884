-- If this fails, a case is lost or counted twice at some level, and reports of one district contradict each other.
with sums as (
    select
        month,
        district_code,
        step,
        level,
        sum(due_count) as due_count,
        sum(on_time_count) as on_time_count,
        sum(late_count) as late_count,
        sum(overdue_count) as overdue_count,
        sum(provisional_count) as provisional_count
    from {{ ref('mart_clock_257') }}
    where {{ is_touched('clock', 'month') }}
    group by month, district_code, step, level
)

select sums.*
from sums
inner join sums as whole
    on sums.month = whole.month and sums.district_code = whole.district_code and sums.step = whole.step
where
    whole.level = 'district'
    and (
        sums.due_count <> whole.due_count
        or sums.on_time_count <> whole.on_time_count
        or sums.late_count <> whole.late_count
        or sums.overdue_count <> whole.overdue_count
        or sums.provisional_count <> whole.provisional_count
    )
union all
select * from sums
where
    (
        select count(distinct other.level)
        from sums as other
        where other.month = sums.month and other.district_code = sums.district_code and other.step = sums.step
    ) <> {{ attribution() | length }}
