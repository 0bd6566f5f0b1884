-- 今天到期和已逾期的环节，逐件列出，最久的在前。
-- Steps due today and overdue, case by case, the longest overdue first.
select
    due.case_no,
    due.round_no,
    due.step,
    due.state,
    due.due_on,
    due.is_due_provisional,
    place.key_name as compound_name,
    station.key_name as station_name,
    department.key_name as department_name
from mart_due_step as due
left join dim_level_key as place
    on place.level = 'compound' and due.district_code = place.district_code and due.compound_code = place.key
left join dim_level_key as station
    on station.level = 'station' and due.district_code = station.district_code and due.station_code = station.key
left join dim_level_key as department
    on department.level = 'department' and due.district_code = department.district_code and due.department_code = department.key
where due.state in ('overdue', 'due_today')
order by due.due_on, due.case_no, due.step
