select
    b.*,
    p.patrol_id as ctx_patrol_id
from batch b
left join accepted."patrol_app.patrols" p on p.patrol_id = b.patrol_id
