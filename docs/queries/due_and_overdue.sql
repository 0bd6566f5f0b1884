-- 今天到期和已逾期的环节，逐件列出，最久的在前。
-- Steps due today and overdue, case by case, the longest overdue first.
select *
from mart_due_step
order by due_on, case_no, step
