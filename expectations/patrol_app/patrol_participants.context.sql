-- A row under its own version of the patrol or, when a newer one has been accepted, under that; only its own version says more of it.
-- patrol_app.patrols: patrol_id
select
    b.*,
    p.compound_code as ctx_submitter,
    p.patrol_id as ctx_patrol_id,
    case when p.updated_at = b.updated_at and o.officer_no is null then b.officer_no end as ctx_unknown_officer
from batch b
left join accepted."patrol_app.patrols" p on p.patrol_id = b.patrol_id and p.updated_at >= b.updated_at
left join (select distinct district_code, officer_no from ref.officers) o
    on o.officer_no = b.officer_no and o.district_code = p.district_code
