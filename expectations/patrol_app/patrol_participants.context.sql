select
    b.*,
    p.patrol_id as ctx_patrol_id,
    case when p.patrol_id is not null and o.officer_no is null then b.officer_no end as ctx_unknown_officer
from batch b
left join accepted."patrol_app.patrols" p on p.patrol_id = b.patrol_id
left join (select distinct district_code, officer_no from ref.officers) o
    on o.officer_no = b.officer_no and o.district_code = p.district_code
