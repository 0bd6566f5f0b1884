{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', pre_hook="{{ forget_changed_residents() }}"
) }}
select {{ all_but('is_gone') }}
from {{ ref('int_changed_residents') }}
where not is_gone
