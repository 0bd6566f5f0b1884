{#
  The grain of a model: its key columns are never null and never twice. What breaks without it: everything joined to
  the model is counted more than once. A night looks at the rows it may have changed (`touched_by`), a full refresh at all;
  a grain `touched_by: full_refresh` is not looked at by a night: the facts made of that model are (macros/checks.sql).
#}
{% test grain(model, columns, touched_by=none) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
{% if touched_by == 'changed_facts' -%}
where {{ is_changed_fact() }}
{% elif touched_by and touched_by != 'full_refresh' -%}
where {{ is_touched(touched_by, 'month') }}
{% endif -%}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {% for column in columns -%}
    or {{ column }} is null
    {% endfor %}
{% endtest %}

{# Staged keys: a night looks at the keys it landed. #}
{% test staged_grain(model, columns, landed) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }} as staged
{% if not flags.FULL_REFRESH -%}
where exists (
    select 1 from {{ landed }} as landed
    where {% for column in columns %}landed.{{ column }} = staged.{{ column }}{% if not loop.last %} and {% endif %}{% endfor %}
)
{% endif -%}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {% for column in columns -%}
    or {{ column }} is null
    {% endfor %}
{% endtest %}

{# Rows that break a condition, which must be written so that it is true or false, never null. #}
{% test holds(model, condition, touched_by=none) %}
select *
from {{ model }}
where
    not coalesce({{ condition }}, false)
    {% if touched_by == 'changed_facts' -%}
    and {{ is_changed_fact() }}
    {% elif touched_by -%}
    and {{ is_touched(touched_by, 'month') }}
    {% endif -%}
{% endtest %}

{# Grain and condition of a mart in one reading: its key columns are never null and never twice, and every row meets the
   condition, which must be written so that it is true or false, never null. The figures of `adds_up` come to the
   district's at every one of `levels`; what breaks without it: reports of one district contradict each other. A mart of stocks
   is counted again `since` a month. #}
{% test sound(model, columns, condition='true', touched_by=none, since=none, month='month', adds_up=[], levels=[]) %}
{%- set apart = columns | reject('in', ['level', 'key']) | join(', ') -%}
{%- set known = "level in ('" ~ levels | join("', '") ~ "')" -%}
with checked as (
    select
        *,
        count(*) over (partition by {{ columns | join(', ') }}) as _row_count
        {%- for figure in adds_up %},
        sum({{ figure }}) over (partition by {{ apart }}, level) as _{{ figure }}_of_level,
        sum(case when {{ known }} then {{ figure }} end) over (partition by {{ apart }}) as _{{ figure }}_of_levels,
        sum(case when level = 'district' then {{ figure }} end) over (partition by {{ apart }}) as _{{ figure }}_of_district
        {%- endfor %}
    from {{ model }}
    {% if touched_by == 'changed_facts' -%}
    where {{ is_changed_fact() }}
    {% elif touched_by == 'touched_accounts' -%}
    where resident_no in (select accounts.resident_no from {{ ref('int_touched_accounts') }} as accounts)
    {% elif touched_by -%}
    where {{ is_touched(touched_by, month) }}
    {% elif since -%}
    where {{ is_since_touched(since, month) }}
    {% endif -%}
)

select *
from checked
where
    _row_count > 1
    {% for column in columns -%}
    or {{ column }} is null
    {% endfor -%}
    {% for figure in adds_up -%}
    or ({{ known }} and coalesce(_{{ figure }}_of_level, 0) <> coalesce(_{{ figure }}_of_district, 0))
    or coalesce(_{{ figure }}_of_levels, 0) <> {{ levels | length }} * coalesce(_{{ figure }}_of_district, 0)
    {% endfor -%}
    or not coalesce({{ condition }}, false)
{% endtest %}
