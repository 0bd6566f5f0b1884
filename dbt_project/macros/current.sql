{#
  What is taken out of a parent is replaced as a whole when a newer version of the parent is accepted: a child row is
  current only while its version is its parent's.
#}

{# Rows exploded from a patrol: current while they carry the patrol's own updated_at. #}
{% macro of_current_patrol(child) -%}
select child.*
from {{ child }} as child
inner join {{ ref('stg_patrol_app__patrols') }} as patrols
    on child.patrol_id = patrols.patrol_id and child.updated_at = patrols.updated_at
where
    not child._deleted
    and not patrols._deleted
{%- endmacro %}

{# Whether a return says something: it is complete, and a row of it has been accepted unless it says that there is none. #}
{% macro says_something(returns) -%}
    {{ returns }}.is_complete
    and not {{ returns }}._deleted
    and (
        {{ returns }}.row_count = 0
        or exists (
            select 1 from {{ ref('int_given_returns') }} as given
            where given.file_sha = {{ returns }}.file_sha and given.sheet = {{ returns }}.sheet
        )
    )
{%- endmacro %}

{# Rows of a sheet: current while they come from the newest return of their community and month that says something. One that
   does not leaves the one before it standing. #}
{% macro of_current_return(child, sheet) -%}
with ranked as (
    select
        returns.file_sha,
        row_number() over (
            partition by returns.community_code, returns.month_on
            order by returns._snapshot_at desc, returns.file_sha desc
        ) as recency
    from {{ ref('stg_meeting_returns__returns') }} as returns
    where
        returns.sheet = '{{ sheet }}'
        and {{ says_something('returns') }}
)

select child.*
from {{ child }} as child
inner join ranked on child._parent_version = ranked.file_sha
where
    not child._deleted
    and ranked.recency = 1
{%- endmacro %}

{# The sheets of a return by the record that their rows are. #}
{% macro sheets() -%}
    {{ return({'meetings': '会议', 'matters': '议题', 'publicity_events': '普法'}) }}
{%- endmacro %}
