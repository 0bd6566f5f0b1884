{# Minutes of working days, 24 hours each: the place of an instant on an axis without days off. `day` is the row of
   dim_calendar of its local date. #}
{% macro working_minute(instant, day) -%}
    {{ day }}.workdays_before * 1440 + case when {{ day }}.is_workday then {{ minute_of_day(instant) }} else 0 end
{%- endmacro %}

{# Of a stretch of that axis, the minutes within the `pauses` left-joined to it. A missing pause is told apart first:
   least() and greatest() pass over nulls. #}
{% macro minutes_within_pauses(start, end) -%}
    sum(
            case
                when pauses.paused_minute is null then 0
                else greatest(least(pauses.ended_minute, {{ end }}) - greatest(pauses.paused_minute, {{ start }}), 0)
            end
        )
{%- endmacro %}

{# Whether a matter that was heard so many working days ago and is not solved has missed its time. #}
{% macro is_matter_overdue(passed_workdays) -%}
    {{ passed_workdays }} >= {{ var('matter_solving_workdays') }}
{%- endmacro %}
