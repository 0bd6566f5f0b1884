-- 月末还没有办结的案件，按积压的工作日。
-- Cases open at month end by their age in working days.
select marts.month, ages.*, marts.open_count, marts.suspended_count
from mart_backlog as marts
join backlog_ages as ages using (age_code)
where marts.level = 'district'
order by marts.month, ages.*
