{# What held on a day: periods in the seeds are closed, `to_on` is the last day, empty while it lasts. #}
{% macro held_on(period, day, first='from_on', last='to_on') -%}
    {{ day }} >= {{ period }}.{{ first }} and ({{ period }}.{{ last }} is null or {{ day }} <= {{ period }}.{{ last }})
{%- endmacro %}

{# Joins that place a record by its compound on a day. They end in `compounds` and `stations_then`. #}
{% macro join_place(record, day) -%}
left join {{ ref('compounds') }} as compounds on {{ record }}.compound_code = compounds.compound_code
left join {{ ref('compound_stations') }} as stations_then
    on
        {{ record }}.compound_code = stations_then.compound_code
        and {{ held_on('stations_then', day) }}
{%- endmacro %}

{# The station that covered the compound then, else the one that covers it now. After `join_place`. #}
{% macro station_then() -%}
    coalesce(stations_then.station_code, compounds.station_code, 'none')
{%- endmacro %}

{# Joins the code of a Chinese value of a source system, `<list>_codes.code`. #}
{% macro join_code(list, value) -%}
left join {{ ref('code_lists') }} as {{ list }}_codes
    on {{ list }}_codes.code_list = '{{ list }}' and {{ list }}_codes.code_name = {{ value }}
{%- endmacro %}
