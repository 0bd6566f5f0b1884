{{ config(pre_hook="{{ forget_touched('snap') }}") }}
with snaps as (
    select
        staged.snap_id,
        staged.district_code,
        staged.compound_code,
        staged.resident_no,
        staged.item_code,
        staged.taken_at,
        {{ local_date('staged.taken_at') }} as taken_on,
        staged.status,
        staged.case_no
    from {{ ref('stg_patrol_app__snaps') }} as staged
    cross join {{ source('linli', 'run') }} as run
    where
        not staged._deleted
        and staged.taken_at < run.as_of
        and {{ is_touched_moment('snap', 'staged.taken_at') }}
)

select
    snaps.snap_id,
    {{ month_of('snaps.taken_on') }} as month,
    snaps.district_code,
    coalesce(compounds.community_code, 'none') as community_code,
    snaps.compound_code,
    {{ station_then() }} as station_code,
    coalesce(items.category_code, 'none') as category_code,
    snaps.item_code,
    coalesce(snap_status_codes.code, 'none') as status_code,
    snaps.resident_no,
    snaps.case_no,
    snaps.taken_at,
    snaps.taken_on
from snaps
{{ join_place('snaps', 'snaps.taken_on') }}
left join {{ ref('enforcement_items') }} as items on snaps.item_code = items.item_code
{{ join_code('snap_status', 'snaps.status') }}
{{ clustered_by('month, snaps.snap_id') }}
