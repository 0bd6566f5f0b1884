-- what is the same in every district is listed for each, so that a mart row joins by level, district_code and key
with keys as (
    select 'district' as level, district_code, district_code as key, district_name as key_name from {{ ref('districts') }}
    union all
    select 'community', district_code, community_code, community_name from {{ ref('communities') }}
    union all
    select 'compound', district_code, compound_code, compound_name from {{ ref('compounds') }}
    union all
    select 'station', district_code, station_code, station_name from {{ ref('stations') }}
    union all
    select distinct 'officer', district_code, officer_no, officer_name from {{ ref('officers') }}
    union all
    select 'department', districts.district_code, departments.department_code, departments.department_name
    from {{ ref('departments') }} as departments cross join {{ ref('districts') }} as districts
    union all
    select distinct 'category', districts.district_code, items.category_code, items.category_name
    from {{ ref('enforcement_items') }} as items cross join {{ ref('districts') }} as districts
    union all
    select 'item', districts.district_code, items.item_code, items.item_name
    from {{ ref('enforcement_items') }} as items cross join {{ ref('districts') }} as districts
    union all
    select 'whistle_level', districts.district_code, levels.whistle_level_code, levels.whistle_level_name
    from {{ ref('whistle_levels') }} as levels cross join {{ ref('districts') }} as districts
    union all
    select 'channel', districts.district_code, channels.channel_code, channels.channel_name
    from {{ ref('channels') }} as channels cross join {{ ref('districts') }} as districts
    union all
    select missing.level, districts.district_code, 'none', missing.key_name
    from (
        values
        ('community', '未登记社区'), ('station', '无工作站'), ('department', '未定牵头部门'), ('officer', '无经办队员'),
        ('category', '清单外'), ('whistle_level', '未吹哨'), ('channel', '其他渠道')
    ) as missing (level, key_name)
    cross join {{ ref('districts') }} as districts
)

select
    level,
    district_code,
    key,
    key_name
from keys
