-- A step against its case and against what stands of its round. Steps of one moment follow each other by step_id.
-- What was accepted before is not called in question by what comes later: the newcomer is.
-- case_system.cases: case_no
-- standing: case_no
with cases as (
    select c.case_no, c.district_code, c.station_code, c.compound_code, c.reported_at
    from accepted."case_system.cases" c
    where exists (select 1 from batch b where b.case_no = c.case_no)
),
steps as (
    select s.step_id, s.case_no, s.round_no, s.step, s.stepped_at, s.is_accepted
    from standing s
    where exists (
        select 1 from batch b where b.case_no = s.case_no and s.round_no between b.round_no - 1 and b.round_no
    )
),
rounds as (
    select
        case_no,
        round_no,
        min(stepped_at) filter (step in ('上报', '重办')) as opened_at,
        min(stepped_at) filter (step = '受理核实') as accepted_at,
        min(stepped_at) filter (step = '办结反馈' and is_accepted) as resolved_at
    from steps
    group by case_no, round_no
),
earlier as (
    select
        b._batch_id,
        b._row_no,
        arg_max(s.step, (s.stepped_at, s.step_id)) filter (s.step in ('挂起', '恢复', '办结反馈')) as clock_step,
        min(s.step) filter (s.step in ('上报', '重办')) as opening,
        min(s.stepped_at) filter (s.step = '受理核实') as accepted_at
    from batch b
    join steps s
        on s.case_no = b.case_no and s.round_no = b.round_no and s.step_id <> b.step_id
        and (
            s.stepped_at < b.stepped_at or (s.stepped_at = b.stepped_at and s.step_id < b.step_id)
            or (s.is_accepted and s.step in ('上报', '重办') and b.step in ('上报', '重办'))
        )
    where b.step in ('恢复', '上报', '重办', '受理核实')
    group by b._batch_id, b._row_no
)
select
    b.*,
    coalesce(c.station_code, c.compound_code) as ctx_submitter,
    c.case_no as ctx_case_no,
    c.reported_at as ctx_reported_at,
    case when b.step in ('上报', '重办') then b.stepped_at else r.opened_at end as ctx_opened_at,
    case when b.step in ('上报', '重办') then e.opening end as ctx_opened_before,
    r.accepted_at as ctx_accepted_at,
    case when b.step = '重办' then f.opened_at end as ctx_reopened_from,
    case when b.step = '受理核实' and e.accepted_at is null then r.resolved_at end as ctx_resolved_before,
    case
        when b.step = '恢复' and c.case_no is not null and r.opened_at is not null and e.clock_step is distinct from '挂起'
            then b.step
    end as ctx_resumes_nothing,
    case when c.case_no is not null and o.officer_no is null then b.officer_no end as ctx_unknown_officer
from batch b
left join cases c on c.case_no = b.case_no
left join rounds r on r.case_no = b.case_no and r.round_no = b.round_no
left join rounds f on f.case_no = b.case_no and f.round_no = b.round_no - 1
left join earlier e on e._batch_id = b._batch_id and e._row_no = b._row_no
left join (select distinct district_code, officer_no from ref.officers) o
    on o.officer_no = b.officer_no and o.district_code = c.district_code
