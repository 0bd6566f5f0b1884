{# A share of counts as a double; null when there is nothing to divide by. #}
{% macro rate(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}

{# One bound ('low' or 'high') of the Wilson interval of part out of whole, within 0..1, at 95 % unless another z is given;
   null when whole is 0. #}
{% macro wilson(part, whole, bound, z=none) -%}
{%- set z = z or var('wilson_z') -%}
{%- set z2 = z * z -%}
{%- set sign = '-' if bound == 'low' else '+' -%}
    case
        when {{ whole }} = 0 then null
        {% if bound == 'low' %}when {{ part }} = 0 then cast(0 as double){% else %}when {{ part }} = {{ whole }} then cast(1 as double){% endif %}
        else (
            {{ part }} + {{ z2 }} / 2
            {{ sign }} {{ z }} * sqrt(cast({{ part }} as double) * ({{ whole }} - {{ part }}) / {{ whole }} + {{ z2 }} / 4)
        ) / ({{ whole }} + {{ z2 }})
    end
{%- endmacro %}

{# A share and that of the rest, with the Wilson interval of each: own_rate, rest_rate, own_low, rest_low, own_high, rest_high. #}
{% macro against_the_rest(part, whole, rest_part, rest_whole, z) -%}
    {{ rate(part, whole) }} as own_rate,
    {{ rate(rest_part, rest_whole) }} as rest_rate,
    {% for bound in ['low', 'high'] -%}
    {{ wilson(part, whole, bound, z) }} as own_{{ bound }},
    {{ wilson(rest_part, rest_whole, bound, z) }} as rest_{{ bound }}{% if not loop.last %},
    {% endif %}
    {%- endfor %}
{%- endmacro %}

{# A bound of how far the one lies above the other, out of both intervals (Newcombe 1998, method 10): of the columns of against_the_rest. #}
{% macro excess_bound(bound) -%}
{%- set own, rest = ('low', 'high') if bound == 'low' else ('high', 'low') -%}
    own_rate - rest_rate {{ '-' if bound == 'low' else '+' }} sqrt(
        (own_rate - own_{{ own }}) * (own_rate - own_{{ own }}) + (rest_{{ rest }} - rest_rate) * (rest_{{ rest }} - rest_rate)
    )
{%- endmacro %}

{# Cohen's kappa of two judges from the four cells of their table; null when it is undefined. #}
{% macro cohen_kappa(yes_yes, yes_no, no_yes, no_no) -%}
{%- set n = '(' ~ [yes_yes, yes_no, no_yes, no_no] | join(' + ') ~ ')' -%}
{%- set by_chance -%}
(({{ yes_yes }} + {{ yes_no }}) * ({{ yes_yes }} + {{ no_yes }}) + ({{ no_no }} + {{ no_yes }}) * ({{ no_no }} + {{ yes_no }}))
{%- endset -%}
    cast({{ n }} * ({{ yes_yes }} + {{ no_no }}) - {{ by_chance }} as double) / nullif({{ n }} * {{ n }} - {{ by_chance }}, 0)
{%- endmacro %}
