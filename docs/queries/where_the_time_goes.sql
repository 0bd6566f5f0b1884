-- 办结的案件时间花在哪里：等受理、部门之间、挂起、办理，各占多少。
-- Where resolved cases spent their time: waiting for acceptance, between departments, suspended, in handling.
select
    month, sum(resolved_count) as resolved_count, round(sum(acceptance_minutes_sum) / sum(total_minutes_sum), 3) as acceptance_rate,
    round(sum(departments_minutes_sum) / sum(total_minutes_sum), 3) as departments_rate,
    round(sum(suspended_minutes_sum) / sum(total_minutes_sum), 3) as suspended_rate,
    round(sum(handling_minutes_sum) / sum(total_minutes_sum), 3) as handling_rate
from mart_stage_time
where level = 'district'
group by month
having sum(total_minutes_sum) > 0
order by month
