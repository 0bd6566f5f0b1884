-- 近三个月各部门 2-5-7 时限：按期率由按期数与考核数相除，不取平均。
-- The clock of every department over three months: a rate from sums, never a mean of rates.
select
    names.key_name as department_name, marts.step, sum(marts.judged_count) as judged_count, sum(marts.on_time_count) as on_time_count,
    sum(marts.overdue_count) as overdue_count, round(sum(marts.on_time_count) / nullif(sum(marts.judged_count), 0), 3) as on_time_rate
from mart_clock_257 as marts
join dim_level_key as names using (district_code, level, key)
where marts.level = 'department' and marts.month > (select max(as_of) - interval 3 month from published_at)
group by all
order by department_name, marts.step
