{%- set of_a_district = {
    'district': ('districts', 'district_code', 'district_name'),
    'community': ('communities', 'community_code', 'community_name'),
    'compound': ('compounds', 'compound_code', 'compound_name'),
    'station': ('stations', 'station_code', 'station_name'),
    'officer': ('officers', 'officer_no', 'officer_name'),
} -%}
{%- set of_every_district = {
    'department': ('departments', 'department_code', 'department_name'),
    'called_department': ('departments', 'department_code', 'department_name'),
    'category': ('enforcement_items', 'category_code', 'category_name'),
    'item': ('enforcement_items', 'item_code', 'item_name'),
    'whistle_level': ('whistle_levels', 'whistle_level_code', 'whistle_level_name'),
    'channel': ('channels', 'channel_code', 'channel_name'),
} -%}
{%- set of_no_key = {
    'community': '未登记社区', 'station': '无工作站', 'department': '未定牵头部门', 'officer': '无经办队员',
    'category': '清单外', 'item': '未列事项', 'whistle_level': '未吹哨', 'channel': '其他渠道',
} -%}
-- what is the same in every district is listed for each, so that a mart row joins by level, district_code and key
with keys as (
    {% for level, (seed, code, name) in of_a_district.items() -%}
    select distinct
        '{{ level }}' as level,
        district_code,
        {{ code }} as key,
        {{ name }} as key_name
    from {{ ref(seed) }}
    union all
    {% endfor -%}
    {% for level, (seed, code, name) in of_every_district.items() -%}
    select distinct
        '{{ level }}' as level,
        districts.district_code,
        named.{{ code }} as key,
        named.{{ name }} as key_name
    from {{ ref(seed) }} as named
    cross join {{ ref('districts') }} as districts
    union all
    {% endfor -%}
    {% for level, name in of_no_key.items() -%}
    select
        '{{ level }}' as level,
        district_code,
        'none' as key,
        '{{ name }}' as key_name
    from {{ ref('districts') }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}
)

select
    level,
    district_code,
    key,
    key_name
from keys
