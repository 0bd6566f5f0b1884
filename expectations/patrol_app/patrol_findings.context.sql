select
    b.*,
    p.patrol_id as ctx_patrol_id,
    p.started_at as ctx_started_at,
    p.ended_at as ctx_ended_at
from batch b
left join accepted."patrol_app.patrols" p on p.patrol_id = b.patrol_id
