{{ config(pre_hook="{{ forget_touched('patrol') }}") }}
-- a joint patrol owes all three: one that was not even begun has its row
with patrols as (
    select * from {{ ref('fct_patrol') }}
    where {{ is_touched('patrol', 'month') }}
),

recorded as (
    select
        checklists.patrol_id,
        checklists.kind,
        checklists.completed,
        checklists.items_checked,
        checklists.problems
    from {{ ref('int_current_patrol_checklists') }} as checklists
    inner join patrols on checklists.patrol_id = patrols.patrol_id
)

select
    patrols.patrol_id,
    kinds.code as checklist_code,
    patrols.month,
    patrols.district_code,
    patrols.community_code,
    patrols.compound_code,
    patrols.station_code,
    patrols.kind_code as patrol_kind_code,
    patrols.started_on,
    recorded.patrol_id is not null as is_recorded,
    coalesce(recorded.completed, false) as is_completed,
    recorded.items_checked,
    recorded.problems as problem_count
from patrols
inner join {{ ref('code_lists') }} as kinds on kinds.code_list = 'checklist'
left join recorded on patrols.patrol_id = recorded.patrol_id and kinds.code_name = recorded.kind
where patrols.kind_code = 'joint' or recorded.patrol_id is not null
{{ clustered_by('month, patrols.patrol_id') }}
