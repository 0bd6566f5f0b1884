{# Schemas are named as the project file says: ref, staging, core, mart; nothing is prefixed. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
