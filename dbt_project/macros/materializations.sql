{#
  How tables are written on DuckDB: in one transaction and in few statements. The adapter's own materializations write aside,
  rename twice and drop, for readers of the file there may be meanwhile; the working file has none, and a night of eighty
  models spends more time on statements about tables than on filling them.
#}

{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if model.language == 'python' %}
        {% do run_query('drop table if exists ' ~ target) %}
        {% call statement('main', language='python') %}{{ create_table_as(False, target, compiled_code, 'python') }}{% endcall %}
    {%- else %}
        {% call statement('main') %}{{ replaced_by(target, sql) }}{% endcall %}
    {%- endif %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# A night adds the rows of the model to the table it finds: after the pre-hook has removed what they replace, or, with a
   unique_key, in place of the older versions of the same. #}
{% materialization incremental, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set is_staging = config.get('unique_key') and is_incremental() -%}
    {%- if is_staging %}
        {% call statement('found') %}{{ versions_apart(target, sql) }}{% endcall %}
    {%- endif %}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        {%- if not is_incremental() %}
            {{ replaced_by(target, sql) }}
        {%- elif is_staging %}
            {{ newer_for_older(target) }}
        {%- else %}
            insert into {{ target }} by name {{ sql }}
        {%- endif %}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Where a night keeps what landed of a staging model, and what is staged of the same, with the place of each row. #}
{% macro landed_versions() %}{{ return('landed_' ~ this.identifier) }}{% endmacro %}
{% macro staged_versions() %}{{ return('staged_' ~ this.identifier) }}{% endmacro %}

{# Both, found once for all that is asked of them: all that was ever staged is looked at for the keys alone, and the rest is read, and
   later removed, by its place. What landed older than it is staged is left out. #}
{% macro versions_apart(target, sql) -%}
    {%- set same_key = same_version_key() -%}
    create temporary table {{ landed_versions() }} as {{ sql }};
    create temporary table {{ staged_versions() }} as
    select staged.rowid as _place, staged.*
    from {{ target }} as staged
    where staged.rowid in (
        select staged.rowid
        from {{ target }} as staged
        where exists (select 1 from {{ landed_versions() }} as landed where {{ same_key }})
    );
    delete from {{ landed_versions() }} as landed using {{ staged_versions() }} as staged
    where
        {{ same_key }}
        and (staged._snapshot_at, coalesce(staged._parent_version, ''), staged._batch_id, staged._row_no)
        > (landed._snapshot_at, coalesce(landed._parent_version, ''), landed._batch_id, landed._row_no)
{%- endmacro %}

{% macro same_version_key() -%}
    {%- for column in config.get('unique_key') %}staged.{{ column }} = landed.{{ column }}{{ ' and ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{% macro newer_for_older(target) -%}
    delete from {{ target }}
    where rowid in (
        select staged._place
        from {{ staged_versions() }} as staged
        inner join {{ landed_versions() }} as landed on {{ same_version_key() }}
    );
    insert into {{ target }} by name select * from {{ landed_versions() }};
    drop table {{ staged_versions() }};
    drop table {{ landed_versions() }}
{%- endmacro %}

{# Columns are compared with the contract when everything is computed again: only then can they have changed. #}
{% macro replaced_by(relation, sql) -%}
    drop table if exists {{ relation }};
    {%- if flags.FULL_REFRESH or not config.get('contract').enforced %}
    {{ create_table_as(False, relation, sql) }}
    {%- else %}
    create table {{ relation }} as {{ sql }}
    {%- endif %}
{%- endmacro %}
