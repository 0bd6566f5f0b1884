{{ config(pre_hook=["{{ forget_moved_books(ref('int_ledger_starts')) }}", "{{ forget_since_touched('points') }}"]) }}
{%- set levels = place_levels() -%}
{%- set earned = ['mediation', 'deliberation', 'hazard_report', 'snap_report'] -%}
{%- set redeemed = ['goods', 'errand', 'activity'] -%}
with entries as (
    select
        month,
        {{ attribution_columns(levels) }},
        resident_no,
        kind_code,
        direction_code,
        points,
        resident_kind_code
    from {{ ref('fct_ledger_entry') }}
    where {{ is_uncounted('month') }}
),

-- each entry counts for its kind of resident and for all of them
entries_for as (
    select * from entries
    union all
    select
        {{ all_but('resident_kind_code') }},
        'all' as resident_kind_code
    from entries
),

flows as (
    select
        month,
        resident_kind_code,
        district_code,
        {{ level_and_key(levels) }},
        count(*) as entry_count,
        count(*) filter (where direction_code = 'earned') as earned_count,
        count(*) filter (where direction_code = 'redeemed') as redeemed_count,
        count(*) filter (where direction_code = 'reversal') as reversal_count,
        count(distinct resident_no) as active_resident_count,
        count(distinct resident_no) filter (where direction_code = 'earned') as earning_resident_count,
        count(distinct resident_no) filter (where direction_code = 'redeemed') as redeeming_resident_count,
        {% for kind in earned -%}
        count(*) filter (where kind_code = '{{ kind }}') as {{ kind }}_count,
        sum(points) filter (where kind_code = '{{ kind }}') as {{ kind }}_points,
        {% endfor -%}
        {% for kind in redeemed -%}
        count(*) filter (where kind_code = '{{ kind }}') as {{ kind }}_count,
        -sum(points) filter (where kind_code = '{{ kind }}') as {{ kind }}_points,
        {% endfor -%}
        sum(points) filter (where direction_code = 'earned') as earned_points,
        -sum(points) filter (where direction_code = 'redeemed') as redeemed_points,
        sum(points) filter (where direction_code = 'reversal') as reversal_points,
        sum(points) as net_points
    from entries_for
    group by {{ by_every_level(['month', 'resident_kind_code'], levels) }}
),

-- who had joined before the books of the district opened is there from that month on
residents as (
    select
        greatest(residents.joined_month, books.first_month) as month,
        {% for column in attribution_columns(levels).split(', ') -%}
        residents.{{ column }},
        {% endfor -%}
        residents.resident_kind_code
    from {{ ref('dim_resident') }} as residents
    inner join {{ ref('int_ledger_starts') }} as books on residents.district_code = books.district_code
    where {{ is_uncounted('greatest(residents.joined_month, books.first_month)') }}
),

residents_for as (
    select * from residents
    union all
    select
        {{ all_but('resident_kind_code') }},
        'all' as resident_kind_code
    from residents
),

joined as (
    select
        month,
        resident_kind_code,
        district_code,
        {{ level_and_key(levels) }},
        count(*) as joined_count
    from residents_for
    group by {{ by_every_level(['month', 'resident_kind_code'], levels) }}
),

carried as (
    {% if is_incremental() -%}
    select * from {{ this }}
    where month = (select max(counted.month) from {{ this }} as counted)
    {%- else -%}
    select
        month,
        district_code,
        level,
        key,
        resident_kind_code,
        joined_count as resident_count,
        joined_count as balance_points
    from joined
    where false
    {%- endif %}
),

keys as (
    select
        district_code,
        level,
        key,
        resident_kind_code,
        min(month) as first_month
    from (
        select
            district_code,
            level,
            key,
            resident_kind_code,
            month
        from flows
        union all
        select
            district_code,
            level,
            key,
            resident_kind_code,
            month
        from joined
        union all
        select
            district_code,
            level,
            key,
            resident_kind_code,
            month
        from carried
    ) as seen
    group by district_code, level, key, resident_kind_code
),

months as (
    select distinct {{ month_of('days.calendar_on') }} as month
    from {{ ref('dim_calendar') }} as days
    cross join {{ source('linli', 'run') }} as run
    where
        days.calendar_on < {{ local_date('run.as_of') }}
        and {{ is_uncounted(month_of('days.calendar_on')) }}
),

counted as (
    select
        months.month,
        keys.district_code,
        keys.level,
        keys.key,
        keys.resident_kind_code,
        {% for column in ['entry', 'earned', 'redeemed', 'reversal', 'active_resident', 'earning_resident', 'redeeming_resident'] -%}
        coalesce(flows.{{ column }}_count, 0) as {{ column }}_count,
        {% endfor -%}
        {% for kind in earned + redeemed -%}
        coalesce(flows.{{ kind }}_count, 0) as {{ kind }}_count,
        cast(coalesce(flows.{{ kind }}_points, 0) as bigint) as {{ kind }}_points,
        {% endfor -%}
        {% for column in ['earned', 'redeemed', 'reversal', 'net'] -%}
        cast(coalesce(flows.{{ column }}_points, 0) as bigint) as {{ column }}_points,
        {% endfor -%}
        cast(coalesce(joined.joined_count, 0) as bigint) as joined_count,
        coalesce(carried.resident_count, 0) as carried_resident_count,
        coalesce(carried.balance_points, 0) as carried_balance_points
    from keys
    inner join months on keys.first_month <= months.month
    left join flows
        on
            keys.district_code = flows.district_code
            and keys.level = flows.level
            and keys.key = flows.key
            and keys.resident_kind_code = flows.resident_kind_code
            and months.month = flows.month
    left join joined
        on
            keys.district_code = joined.district_code
            and keys.level = joined.level
            and keys.key = joined.key
            and keys.resident_kind_code = joined.resident_kind_code
            and months.month = joined.month
    left join carried
        on
            keys.district_code = carried.district_code
            and keys.level = carried.level
            and keys.key = carried.key
            and keys.resident_kind_code = carried.resident_kind_code
),

running as (
    select
        *,
        cast(carried_resident_count + sum(joined_count) over (
            partition by district_code, level, key, resident_kind_code order by month
            rows between unbounded preceding and current row
        ) as bigint) as resident_count,
        cast(carried_balance_points + sum(net_points) over (
            partition by district_code, level, key, resident_kind_code order by month
            rows between unbounded preceding and current row
        ) as bigint) as balance_points
    from counted
)

select
    month,
    district_code,
    level,
    key,
    resident_kind_code,
    resident_count,
    active_resident_count,
    earning_resident_count,
    redeeming_resident_count,
    entry_count,
    earned_count,
    redeemed_count,
    reversal_count,
    {% for kind in earned + redeemed -%}
    {{ kind }}_count,
    {{ kind }}_points,
    {% endfor -%}
    earned_points,
    redeemed_points,
    reversal_points,
    net_points,
    balance_points,
    resident_count < {{ var('small_group_n') }}
    {% for column in ['active', 'earning', 'redeeming'] -%}
    or {{ column }}_resident_count between 1 and {{ var('small_group_n') }} - 1
    {% endfor -%}
    as is_small_group
from running
{{ clustered_by('month') }}
