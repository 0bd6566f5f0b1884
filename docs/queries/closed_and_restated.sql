-- 已结账月份的数字后来为什么会有变：原数、现数、原因、涉及的记录数。
-- What reads otherwise since a month was closed: old, new, cause, how many records.
select month, mart, district_code, grain, metric, old_value, new_value, cause, record_count
from closed.restatement
order by all
