{#
  The newest landed version of every key: newest source snapshot first, then the version of the parent it is taken out
  of (so that of two files written in one instant the same one wins every row, see current.sql), then batch, then row. On
  a night the source holds pending rows only, and a version older than the one already staged is left out, so it can
  never replace it.
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
),

newest as (
    select * from ranked where _version = 1
)

select {{ all_but('_version') }}
from newest
{% if is_incremental() -%}
where
    not exists (
        select 1 from {{ this }} as staged
        where
            {% for column in key %}staged.{{ column }} = newest.{{ column }}
            and {% endfor -%}
            (staged._snapshot_at, coalesce(staged._parent_version, ''), staged._batch_id, staged._row_no)
            > (newest._snapshot_at, coalesce(newest._parent_version, ''), newest._batch_id, newest._row_no)
    )
{% endif -%}
order by {{ key | join(', ') }}
{% endmacro %}
