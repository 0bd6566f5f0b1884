-- case_system.cases: case_no
select
    b.*,
    coalesce(c.station_code, c.compound_code) as ctx_submitter,
    c.case_no as ctx_case_no,
    nullif(array_to_string(list_filter(b.departments_called, lambda x: not list_contains(n.names, x)), '、'), '') as ctx_unknown_departments
from batch b
cross join (select list(department_name) as names from ref.departments) n
left join accepted."case_system.cases" c on c.case_no = b.case_no
