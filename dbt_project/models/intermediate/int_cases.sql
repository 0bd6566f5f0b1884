with run as (
    select as_of from {{ source('linli', 'run') }}
),

cases as {{ found_first() }}(
    select *
    from {{ ref('stg_case_system__cases') }} as staged
    where
        not staged._deleted
        and {{ is_changed_case('staged') }}
),

whistled as {{ found_first() }}(
    select
        whistles.case_no,
        max(levels.rank) as highest_rank
    from {{ ref('stg_case_system__whistles') }} as whistles
    inner join {{ ref('whistle_levels') }} as levels on whistles.level = levels.whistle_level_name
    cross join run
    where
        not whistles._deleted
        and whistles.blown_at < run.as_of
        and {{ is_changed('whistles.case_no') }}
    group by whistles.case_no
),

-- a status carries no date: the step of the same name does, be it one still to come
endings as (
    select
        case_no,
        step_code,
        true as has_happened
    from {{ ref('int_case_steps') }}
    union all
    select
        steps.case_no,
        kinds.step_code,
        false as has_happened
    from {{ ref('stg_case_system__case_steps') }} as steps
    inner join {{ ref('step_kinds') }} as kinds on steps.step = kinds.step_name
    cross join run
    where
        steps.stepped_at >= run.as_of
        and not steps._deleted
        and {{ is_changed('steps.case_no') }}
),

ended as (
    select
        case_no,
        bool_or(has_happened) filter (where step_code = 'merged') as is_duplicate,
        bool_or(has_happened) filter (where step_code = 'invalidated') as is_invalid,
        bool_or(has_happened) filter (where step_code = 'withdrawn') as is_withdrawn
    from endings
    where step_code in ('invalidated', 'merged', 'withdrawn')
    group by case_no
)

select
    cases.case_no,
    cases.district_code,
    coalesce(compounds.community_code, 'none') as community_code,
    cases.compound_code,
    coalesce(cases.station_code, stations_then.station_code, compounds.station_code, 'none') as station_code,
    coalesce(departments.department_code, 'none') as department_code,
    coalesce(cases.officer_no, 'none') as officer_no,
    coalesce(items.category_code, 'none') as category_code,
    cases.item_code,
    coalesce(levels.whistle_level_code, 'none') as whistle_level_code,
    coalesce(channels.channel_code, 'none') as channel_code,
    coalesce(channels.channel_code in ('{{ var("complaint_channel_codes") | join("', '") }}'), false) as is_complaint,
    coalesce(phases.phase_code, 'none') as phase_code,
    cases.on_scene as is_on_scene,
    case
        when coalesce(ended.is_duplicate, cases.status = '重复件') then 'duplicate'
        when coalesce(ended.is_invalid, cases.status = '已作废') then 'invalid'
        when coalesce(ended.is_withdrawn, cases.status = '已撤诉') then 'withdrawn'
    end as exclusion,
    cases.reported_at,
    {{ month_of(local_date('cases.reported_at')) }} as report_month
from cases
{{ join_place('cases', local_date('cases.reported_at')) }}
left join {{ ref('departments') }} as departments on cases.lead_department = departments.department_name
left join {{ ref('enforcement_items') }} as items on cases.item_code = items.item_code
left join {{ ref('channels') }} as channels on cases.channel = channels.channel_name
left join {{ ref('phases') }} as phases on cases.phase = phases.phase_name
left join whistled on cases.case_no = whistled.case_no
left join {{ ref('whistle_levels') }} as levels on whistled.highest_rank = levels.rank
left join ended on cases.case_no = ended.case_no
