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
   unique_key, in place of the rows that have the same. #}
{% materialization incremental, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set key = config.get('unique_key') -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        {%- if not is_incremental() %}
            {{ replaced_by(target, sql) }}
        {%- elif key %}
            {%- set newer = 'newer_' ~ this.identifier %}
            create temporary table {{ newer }} as {{ sql }};
            delete from {{ target }} as old using {{ newer }} as new
            where {% for column in key %}old.{{ column }} = new.{{ column }}{{ ' and ' if not loop.last }}{% endfor %};
            insert into {{ target }} by name select * from {{ newer }};
            drop table {{ newer }}
        {%- else %}
            insert into {{ target }} by name {{ sql }}
        {%- endif %}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Columns are compared with the contract when everything is computed again: only then can they have changed. #}
{% macro replaced_by(relation, sql) -%}
    drop table if exists {{ relation }};
    {%- if flags.FULL_REFRESH or not config.get('contract').enforced %}
    {{ create_table_as(False, relation, sql) }}
    {%- else %}
    create table {{ relation }} as {{ sql }}
    {%- endif %}
{%- endmacro %}
