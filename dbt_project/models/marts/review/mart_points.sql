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
        residents.district_code,
        residents.compound_code,
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

-- what the residents of a compound gained in a month
gained as (
    select
        month,
        district_code,
        compound_code,
        resident_kind_code,
        sum(joined_count) as joined_count,
        sum(net_points) as net_points
    from (
        select
            month,
            district_code,
            compound_code,
            resident_kind_code,
            count(*) as joined_count,
            0 as net_points
        from residents_for
        group by month, district_code, compound_code, resident_kind_code
        union all
        select
            month,
            district_code,
            key as compound_code,
            resident_kind_code,
            0 as joined_count,
            net_points
        from flows
        where level = 'compound'
    ) as changes
    group by month, district_code, compound_code, resident_kind_code
),

carried as (
    {% if is_incremental() -%}
    select * from {{ this }}
    where month = (select max(counted.month) from {{ this }} as counted)
    {%- else -%}
    select
        month,
        district_code,
        'compound' as level,
        compound_code as key,
        resident_kind_code,
        joined_count as resident_count,
        net_points as balance_points
    from gained
    where false
    {%- endif %}
),

months as (
    {{ months_and_their_ends() }}
),

compound_keys as (
    select
        district_code,
        compound_code,
        resident_kind_code,
        min(month) as first_month
    from (
        select
            district_code,
            compound_code,
            resident_kind_code,
            month
        from gained
        union all
        select
            district_code,
            key as compound_code,
            resident_kind_code,
            month
        from carried
        where level = 'compound'
    ) as seen
    group by district_code, compound_code, resident_kind_code
),

held as (
    select
        months.month,
        months.last_on,
        keys.district_code,
        keys.compound_code,
        keys.resident_kind_code,
        coalesce(carried.resident_count, 0) + sum(coalesce(gained.joined_count, 0)) over upto as resident_count,
        coalesce(carried.balance_points, 0) + sum(coalesce(gained.net_points, 0)) over upto as balance_points
    from compound_keys as keys
    inner join months on keys.first_month <= months.month
    left join gained
        on
            keys.district_code = gained.district_code
            and keys.compound_code = gained.compound_code
            and keys.resident_kind_code = gained.resident_kind_code
            and months.month = gained.month
    left join carried
        on
            keys.district_code = carried.district_code
            and carried.level = 'compound'
            and keys.compound_code = carried.key
            and keys.resident_kind_code = carried.resident_kind_code
    window upto as (
        partition by keys.district_code, keys.compound_code, keys.resident_kind_code order by months.month
        rows between unbounded preceding and current row
    )
),

-- a compound's stock is its station's, of the last day of the month that has passed
placed as (
    {{ placed_at_the_end('held') }}
),

stocks as (
    select
        month,
        resident_kind_code,
        district_code,
        {{ level_and_key(levels) }},
        cast(sum(resident_count) as bigint) as resident_count,
        cast(sum(balance_points) as bigint) as balance_points
    from placed
    group by {{ by_every_level(['month', 'resident_kind_code'], levels) }}
),

keys as (
    select
        district_code,
        level,
        key,
        resident_kind_code,
        min(month) as first_month
    from (
        {% for relation in ['flows', 'stocks', 'carried'] -%}
        select
            district_code,
            level,
            key,
            resident_kind_code,
            month
        from {{ relation }}
        {% if not loop.last %}union all
        {% endif -%}
        {% endfor %}
    ) as seen
    group by district_code, level, key, resident_kind_code
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
        coalesce(stocks.resident_count, 0) as resident_count,
        coalesce(stocks.balance_points, 0) as balance_points
    from keys
    inner join months on keys.first_month <= months.month
    {%- for relation in ['flows', 'stocks'] %}
    left join {{ relation }}
        on
            keys.district_code = {{ relation }}.district_code
            and keys.level = {{ relation }}.level
            and keys.key = {{ relation }}.key
            and keys.resident_kind_code = {{ relation }}.resident_kind_code
            and months.month = {{ relation }}.month
    {%- endfor %}
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
from counted
{{ clustered_by('month') }}
