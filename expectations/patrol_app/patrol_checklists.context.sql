-- A row under its own version of the patrol or, when a newer one has been accepted, under that; only its own version says more of it.
-- patrol_app.patrols: patrol_id
select
    b.*,
    p.compound_code as ctx_submitter,
    p.patrol_id as ctx_patrol_id
from batch b
left join accepted."patrol_app.patrols" p on p.patrol_id = b.patrol_id and p.updated_at >= b.updated_at
