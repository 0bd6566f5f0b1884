-- If this fails, a count that a mart repeats under another name has parted from the mart that counts it: closed months leave the
-- repetition out and would never say that it changed. What is read from the other mart itself needs no test.
with repeated as (
    {% for column, mart, counted, level, key, more in (
        ('consultation_count', 'mart_meeting', 'area_consultation_count', 'district', 'district_code', 'true'),
        ('attended_count', 'mart_meeting', 'area_consultation_count', 'department', 'department_code', 'true'),
        ('adopted_matter_count', 'mart_matter', 'heard_count', 'department', 'department_code', 'true'),
        ('tough_whistle_count', 'mart_whistle', 'blown_count', 'district', 'district_code', "others.whistle_level_code = 'tough_problem'"),
    ) -%}
    select
        'mart_rotating_lead {{ column }}' as what,
        leads.month,
        leads.district_code,
        leads.{{ column }} as n,
        others.{{ counted }} as counted
    from {{ ref('mart_rotating_lead') }} as leads
    left join {{ ref(mart) }} as others
        on
            leads.month = others.month
            and leads.district_code = others.district_code
            and others.level = '{{ level }}'
            and leads.{{ key }} = others.key
            and {{ more }}
    union all
    {% endfor -%}
    {% for column, level, key in (('place_count', 'problems.level', 'problems.key'), ('case_count', "'item'", 'problems.item_code')) -%}
    select
        'mart_frequent_problem {{ column }}' as what,
        problems.month,
        problems.district_code,
        problems.{{ column }} as n,
        volumes.case_count as counted
    from {{ ref('mart_frequent_problem') }} as problems
    left join {{ ref('mart_case_volume') }} as volumes
        on
            problems.month = volumes.month
            and problems.district_code = volumes.district_code
            and {{ level }} = volumes.level
            and {{ key }} = volumes.key
    where
        {{ is_touched('frequent', 'problems.month') }}
        {% if column == 'case_count' -%}
        and problems.level = 'district'
        {% endif -%}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor -%}
)

select *
from repeated
where n <> coalesce(counted, 0)
