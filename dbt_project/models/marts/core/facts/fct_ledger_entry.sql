{{ config(pre_hook="{{ forget_recounted_entries() }}") }}
{%- set accounts = ref('int_touched_accounts') %}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

of_accounts as {{ found_first() }}(
    select
        entry_id,
        resident_no,
        kind,
        points,
        reference_kind,
        reference_no,
        reverses_entry_id,
        entered_at,
        created_at
    from {{ ref('stg_points_ledger__ledger_entries') }}
    where
        not _deleted
        {%- if is_incremental() %}
        and resident_no in (select accounts.resident_no from {{ accounts }} as accounts)
        {%- endif %}
),

entries as (
    select
        staged.entry_id,
        staged.resident_no,
        kinds.kind_code,
        kinds.direction_code,
        staged.points,
        staged.reference_kind,
        staged.reference_no,
        staged.reverses_entry_id,
        staged.entered_at,
        staged.created_at
    from of_accounts as staged
    cross join run
    left join {{ ref('ledger_kinds') }} as kinds on staged.kind = kinds.kind_name
    {%- if is_incremental() %}
    inner join {{ accounts }} as accounts
        on staged.resident_no = accounts.resident_no and staged.entered_at >= accounts.entered_from
    {%- endif %}
    where staged.entered_at < run.as_of
),

reversals as {{ found_first() }}(
    select
        reverses_entry_id,
        kind,
        entered_at
    from {{ ref('stg_points_ledger__ledger_entries') }}
    where
        not _deleted
        and reverses_entry_id in (select entries.entry_id from entries)
),

undone as (
    select distinct reversals.reverses_entry_id as entry_id
    from reversals
    cross join run
    inner join {{ ref('ledger_kinds') }} as kinds on reversals.kind = kinds.kind_name
    where
        kinds.direction_code = 'reversal'
        and reversals.entered_at < run.as_of
)
{%- if is_incremental() %},

-- what the accounts held before
openings as (
    select
        entries_before.resident_no,
        sum(entries_before.points) as points
    from {{ entries_before() }} as entries_before
    inner join {{ accounts }} as accounts
        on entries_before.resident_no = accounts.resident_no and entries_before.entered_at < accounts.entered_from
    group by entries_before.resident_no
)
{%- endif %}

select
    entries.entry_id,
    entries.resident_no,
    {% for column in ['district_code', 'community_code', 'compound_code'] -%}
    coalesce(residents.{{ column }}, 'none') as {{ column }},
    {% endfor -%}
    {{ station_then() }} as station_code,
    coalesce(residents.resident_kind_code, 'none') as resident_kind_code,
    coalesce(residents.is_lead, false) as is_lead,
    residents.lead_no,
    entries.kind_code,
    entries.direction_code,
    entries.points,
    entries.reference_kind,
    entries.reference_no,
    entries.reverses_entry_id,
    undone.entry_id is not null as is_reversed,
    entries.entered_at,
    {{ month_of(local_date('entries.entered_at')) }} as month,
    entries.created_at,
    cast({% if is_incremental() %}coalesce(openings.points, 0) + {% endif %}sum(entries.points) over (
        partition by entries.resident_no
        order by entries.entered_at asc, entries.entry_id asc
        rows between unbounded preceding and current row
    ) as bigint) as balance_points,
    lead(entries.entered_at) over (
        partition by entries.resident_no
        order by entries.entered_at asc, entries.entry_id asc
    ) as balance_until_at
from entries
left join {{ ref('dim_resident') }} as residents on entries.resident_no = residents.resident_no
{{ join_place('residents', local_date('entries.entered_at')) }}
left join undone on entries.entry_id = undone.entry_id
{%- if is_incremental() %}
left join openings on entries.resident_no = openings.resident_no
{%- endif %}
{{ clustered_by('month, entries.entry_id') }}
