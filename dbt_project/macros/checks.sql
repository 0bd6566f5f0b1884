{#
  The generic tests of what a build has built, asked in one query at its end: dbt takes longer to start a test than DuckDB to
  answer it. `dbt test` runs them one by one. What each has found is noted in landing.tests_asked; the statement this gives fails when
  a test has found rows, and names it.
#}
{% macro check_what_was_built(results) -%}
    {#- Named outside the condition: dbt looks for what is read while nothing is executed yet. -#}
    {%- set asked = source('linli', 'tests_asked') -%}
    {%- set read = [ref('int_touched_months'), ref('int_changed_cases'), ref('int_changed_months'), ref('int_touched_accounts')] -%}
    {%- set broken_models = results | selectattr('status', 'equalto', 'error') | list -%}
    {%- if execute and flags.WHICH == 'build' and not broken_models -%}
        {#- A failing test of several models has those after them skipped: why is to be found in those before. -#}
        {%- set built = results | selectattr('status', 'equalto', 'success') | map(attribute='node.unique_id') | list -%}
        {%- set questions = [] -%}
        {%- for test in graph.nodes.values() if test.test_metadata and test.attached_node in built -%}
            {%- set is_for_all = test.test_metadata.kwargs.touched_by == 'full_refresh' -%}
            {%- if not is_for_all or flags.FULL_REFRESH -%}
            {%- do questions.append("select '" ~ test.name ~ "' as test, count(*) as found from (" ~ checked_rows(test) ~ ") as found") -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if questions -%}
            {%- do run_query('delete from ' ~ asked) -%}
            {%- do run_query('insert into ' ~ asked ~ ' select test, found from (' ~ questions | join(' union all ') ~ ') as asked') -%}
            {%- set broken = run_query('select test from ' ~ asked ~ ' where found > 0 order by test') -%}
            {%- if broken.rows -%}
                select {{ failing_with('checks failed: ' ~ broken.columns['test'].values() | join(' ')) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The query of a generic test; relations are looked up in the graph, for a hook may only name those it says it reads. #}
{% macro checked_rows(test) -%}
    {%- set given = {} -%}
    {%- for name, value in test.test_metadata.kwargs.items() if name != 'model' -%}
        {%- if value is string and value.startswith('ref(') -%}
            {%- set found = graph.nodes.values() | selectattr('name', 'equalto', value.split("'")[1]) | first -%}
            {%- do given.update({name: found.relation_name}) -%}
        {%- else -%}
            {%- do given.update({name: render('{{ ' ~ value ~ ' }}') if name == 'landed' else value}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ context['test_' ~ test.test_metadata.name](graph.nodes[test.attached_node].relation_name, **given) }}
{%- endmacro %}
