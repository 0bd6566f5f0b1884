{{ config(materialized='table') }}
with returns as (
    select
        staged.*,
        {{ says_something('staged') }} as is_counted
    from {{ ref('stg_meeting_returns__returns') }} as staged
    cross join {{ source('linli', 'run') }} as run
    where
        not staged._deleted
        and staged.received_at < run.as_of
)

select
    returns.file_sha,
    case returns.sheet
        {% for record, sheet in sheets().items() -%}
        when '{{ sheet }}' then '{{ record }}'
        {% endfor -%}
    end as sheet,
    returns.month_on as month,
    coalesce(communities.district_code, returns.district_code, 'none') as district_code,
    returns.community_code,
    returns.received_at,
    {{ local_date('returns.received_at') }} as received_on,
    returns.row_count,
    returns.is_counted,
    returns.is_counted and row_number() over (
        partition by returns.community_code, returns.month_on, returns.sheet, returns.is_counted
        order by returns._snapshot_at desc, returns.file_sha desc
    ) = 1 as is_current
from returns
left join {{ ref('communities') }} as communities on returns.community_code = communities.community_code
{{ clustered_by('month, returns.community_code, returns.sheet, returns.received_at') }}
