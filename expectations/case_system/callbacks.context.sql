-- A round may be resolved again: a callback must not come before its first 办结反馈; which resolution it judges is for the reports.
-- case_system.cases: case_no
-- case_system.case_steps: case_no
with resolutions as (
    select s.case_no, s.round_no, min(s.stepped_at) as resolved_at
    from accepted."case_system.case_steps" s
    where s.step = '办结反馈' and exists (select 1 from batch b where b.case_no = s.case_no)
    group by s.case_no, s.round_no
)
select
    b.*,
    coalesce(c.station_code, c.compound_code) as ctx_submitter,
    c.case_no as ctx_case_no,
    r.resolved_at as ctx_resolved_at
from batch b
left join accepted."case_system.cases" c on c.case_no = b.case_no
left join resolutions r on r.case_no = b.case_no and r.round_no = b.round_no
