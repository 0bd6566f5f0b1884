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

{# The attribution columns of a fact, in order; district_code first. #}
{% macro attribution_columns() %}{{ attribution().values() | join(', ') }}{% endmacro %}

{# `level` and `key` of a row of `group by by_every_level(...)`: the one attribution column that is not rolled up. #}
{% macro level_and_key() -%}
    case
        {% for level, column in attribution().items() if level != 'district' -%}
        when {{ column }} is not null then '{{ level }}'
        {% endfor -%}
        else 'district'
    end as level,
    coalesce({{ (attribution().values() | list)[1:] | join(', ') }}, district_code) as key
{%- endmacro %}

{# Groups by the given columns and the district, and by one further attribution column at a time. Keys are never null. #}
{% macro by_every_level(columns) -%}
    grouping sets (
        {% for column in attribution().values() -%}
        ({{ columns | join(', ') }}, district_code{% if column != 'district_code' %}, {{ column }}{% endif %})
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
    )
{%- endmacro %}
