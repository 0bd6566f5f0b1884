{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}
with given as (
    {% for record, sheet in sheets().items() -%}
    select distinct
        _parent_version as file_sha,
        '{{ sheet }}' as sheet
    from {{ source('meeting_returns', record) }}
    where not _deleted
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}
)

select
    file_sha,
    sheet
from given
{%- if is_incremental() %}
where
    not exists (
        select 1 from {{ this }} as known
        where known.file_sha = given.file_sha and known.sheet = given.sheet
    )
{%- endif %}
