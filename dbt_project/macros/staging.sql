{#
  The newest landed version of every key: newest source snapshot first, then the version of the parent it is taken out
  of (so that of two files written in one instant the same one wins every row, see current.sql), then batch, then row. On
  a night the source holds pending rows only, and a version older than the one already staged is left out, so it can
  never replace it (materializations.sql).
  `added` is a list of further expressions.
#}
{% macro newest_landed(landed, added=[]) %}
{%- set key = config.get('unique_key') -%}
with ranked as (
    select
        *,
        {% for expression in added %}{{ expression }},
        {% endfor -%}
        row_number() over (
            partition by {{ key | join(', ') }}
            order by _snapshot_at desc, coalesce(_parent_version, '') desc, _batch_id desc, _row_no desc
        ) as _version
    from {{ landed }}
)

select {{ all_but('_version') }}
from ranked
where _version = 1
order by {{ key | join(', ') }}
{% endmacro %}
