{{ config(pre_hook="{{ forget_touched('patrol') }}") }}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

-- its children are joined to it, not looked up: what is current is then asked of these patrols only
staged as (
    select
        patrols.patrol_id,
        patrols.kind,
        patrols.duty,
        patrols.district_code,
        patrols.compound_code,
        patrols.started_at,
        {{ local_date('patrols.started_at') }} as started_on,
        case when patrols.ended_at < run.as_of then patrols.ended_at end as ended_at
    from {{ ref('stg_patrol_app__patrols') }} as patrols
    cross join run
    where
        not patrols._deleted
        and patrols.started_at < run.as_of
        and {{ is_touched_moment('patrol', 'patrols.started_at') }}
),

present as (
    select
        participants.patrol_id,
        count(*) filter (where participants.role = '队员') as officer_count,
        count(*) filter (where participants.role = '志愿者') as volunteer_count,
        count(*) filter (where participants.role not in ('队员', '志愿者')) as other_count,
        count(distinct case when participants.role = '队员' then participants.department end) as department_count
    from {{ ref('int_current_patrol_participants') }} as participants
    inner join staged on participants.patrol_id = staged.patrol_id
    group by participants.patrol_id
),

checked as (
    select
        checklists.patrol_id,
        count(distinct checklists.kind) filter (where checklists.completed) as completed_checklist_count
    from {{ ref('int_current_patrol_checklists') }} as checklists
    inner join staged on checklists.patrol_id = staged.patrol_id
    group by checklists.patrol_id
),

patrols as (
    select
        staged.*,
        coalesce(present.officer_count, 0) as officer_count,
        coalesce(present.volunteer_count, 0) as volunteer_count,
        coalesce(present.other_count, 0) as other_count,
        coalesce(present.department_count, 0) as department_count,
        coalesce(checked.completed_checklist_count, 0) as completed_checklist_count
    from staged
    left join present on staged.patrol_id = present.patrol_id
    left join checked on staged.patrol_id = checked.patrol_id
)

select
    patrols.patrol_id,
    {{ month_of('patrols.started_on') }} as month,
    patrols.district_code,
    coalesce(compounds.community_code, 'none') as community_code,
    patrols.compound_code,
    {{ station_then() }} as station_code,
    coalesce(patrol_kind_codes.code, 'none') as kind_code,
    coalesce(patrol_duty_codes.code, 'none') as duty_code,
    patrols.started_at,
    patrols.started_on,
    patrols.ended_at,
    patrols.officer_count,
    patrols.volunteer_count,
    patrols.other_count,
    patrols.department_count,
    patrols.completed_checklist_count,
    patrols.completed_checklist_count = 3 as is_three_in_one,
    coalesce(patrol_kind_codes.code, 'none') = 'joint'
    and patrols.completed_checklist_count = 3
    and patrols.department_count >= {{ var('patrol').min_departments }} as is_compliant
from patrols
{{ join_place('patrols', 'patrols.started_on') }}
{{ join_code('patrol_kind', 'patrols.kind') }}
{{ join_code('patrol_duty', 'patrols.duty') }}
{{ clustered_by('month, patrols.patrol_id') }}
