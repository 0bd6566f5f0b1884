-- 居民诉求与去年同期相比（同一口径、同样的日子）。
-- Complaints against the same months of last year.
select
    this.month, this.complaint_count, before.complaint_count as complaint_count_last_year,
    round(this.complaint_count / nullif(before.complaint_count, 0) - 1, 3) as change_rate
from mart_case_volume as this
join mart_case_volume as before
    on this.district_code = before.district_code and this.level = before.level and this.key = before.key and before.month = this.month - interval 1 year
where this.level = 'district'
order by this.month
