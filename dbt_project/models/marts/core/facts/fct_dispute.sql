{{ config(pre_hook="{{ forget_touched('dispute', 'raised_month') }}") }}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

disputes as (
    select
        staged.dispute_id,
        staged.district_code,
        staged.compound_code,
        staged.volunteer_no,
        coalesce(staged.officer_no, 'none') as officer_no,
        staged.raised_at,
        {{ local_date('staged.raised_at') }} as raised_on,
        case when staged.defused_at < run.as_of then staged.defused_at end as defused_at
    from {{ ref('stg_patrol_app__disputes') }} as staged
    cross join run
    where
        not staged._deleted
        and staged.raised_at < run.as_of
        and {{ is_touched_moment('dispute', 'staged.raised_at') }}
)

select
    disputes.dispute_id,
    {{ month_of('disputes.raised_on') }} as raised_month,
    disputes.district_code,
    coalesce(compounds.community_code, 'none') as community_code,
    disputes.compound_code,
    {{ station_then() }} as station_code,
    coalesce(posts.department_code, 'none') as department_code,
    disputes.officer_no,
    disputes.volunteer_no,
    disputes.raised_at,
    disputes.raised_on,
    disputes.defused_at,
    {{ local_date('disputes.defused_at') }} as defused_on,
    {{ month_of(local_date('disputes.defused_at')) }} as defused_month,
    disputes.defused_at is not null as is_defused,
    {{ minutes_between('disputes.raised_at', 'disputes.defused_at') }} as minutes_to_defuse
from disputes
{{ join_place('disputes', 'disputes.raised_on') }}
left join {{ ref('officers') }} as posts
    on
        disputes.district_code = posts.district_code
        and disputes.officer_no = posts.officer_no
        and {{ held_on('posts', 'disputes.raised_on') }}
{{ clustered_by('raised_month, disputes.dispute_id') }}
