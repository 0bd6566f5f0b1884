-- case_system.cases: case_no
select
    b.*,
    coalesce(c.station_code, c.compound_code) as ctx_submitter,
    c.case_no as ctx_case_no
from batch b
left join accepted."case_system.cases" c on c.case_no = b.case_no
