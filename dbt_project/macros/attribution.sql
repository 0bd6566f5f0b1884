{# The ten levels a figure is attributed to, and the column of a fact that names the key of each. #}
{% macro attribution() %}
    {{ return({
        'district': 'district_code',
        'community': 'community_code',
        'compound': 'compound_code',
        'station': 'station_code',
        'department': 'department_code',
        'officer': 'officer_no',
        'category': 'category_code',
        'item': 'item_code',
        'whistle_level': 'whistle_level_code',
        'channel': 'channel_code',
    }) }}
{% endmacro %}

{# The levels of what happens at a place but has no case: patrols, meetings, points. #}
{% macro place_levels() %}{{ return(['district', 'community', 'compound', 'station']) }}{% endmacro %}

{# The attribution columns of a fact, in order; district_code first. `levels` (here and below): some of the ten, district first. #}
{% macro attribution_columns(levels=attribution().keys()) -%}
    {%- for level in levels %}{{ attribution()[level] }}{% if not loop.last %}, {% endif %}{% endfor -%}
{%- endmacro %}

{# `level` and `key` of a row of `group by by_every_level(...)`: the one attribution column that is not rolled up. #}
{% macro level_and_key(levels=attribution().keys()) -%}
    case
        {% for level in levels if level != 'district' -%}
        when {{ attribution()[level] }} is not null then '{{ level }}'
        {% endfor -%}
        else 'district'
    end as level,
    coalesce({{ attribution_columns((levels | list)[1:]) }}, district_code) as key
{%- endmacro %}

{# Groups by the given columns and the district, and by one further attribution column at a time. Keys are never null. #}
{% macro by_every_level(columns, levels=attribution().keys()) -%}
    grouping sets (
        {% for level in levels -%}
        ({{ columns | join(', ') }}, district_code{% if level != 'district' %}, {{ attribution()[level] }}{% endif %})
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
    )
{%- endmacro %}
