{# What the two-callback satisfaction counts, written once for the mart of the headline and those beside it. #}

{# A condition on fct_case_round: the rounds of the months resolved that this build counts again for `mart`. #}
{% macro is_satisfaction_round(mart='satisfaction') -%}
is_counted
        and is_latest_round
        and resolved_month is not null
        and {{ is_touched(mart, 'resolved_month') }}
{%- endmacro %}

{# Counts over such rounds: the denominators, and the four cells of the two sides among the double-called. #}
{% macro satisfaction_counts() -%}
{%- set cells = {
    'double_satisfied': ('', ''), 'org_yes_resident_no': ('', 'not '), 'org_no_resident_yes': ('not ', ''), 'neither_satisfied': ('not ', 'not '),
} -%}
count(*) as eligible_count,
        count(*) filter (where is_matured) as matured_count,
        count(*) filter (where is_double_called) as double_called_count
        {%- for name, (organisation, resident) in cells.items() %},
        count(*) filter (
            where is_double_called and {{ organisation }}organisation_is_satisfied and {{ resident }}resident_is_satisfied
        ) as {{ name }}_count
        {%- endfor %}
{%- endmacro %}
