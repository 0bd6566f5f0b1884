{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', pre_hook="{{ forget_touched('points') }}"
) }}
{%- set rules = [
    'points_signed', 'balance_not_negative', 'redemption_covered', 'act_paid_once', 'reversal_names_entry', 'reversal_negates',
    'reversal_once', 'sums_equal_balances',
] -%}
with entries as (
    select * from {{ ref('fct_ledger_entry') }}
    where {{ is_touched('points', 'month') }}
),

-- of the fact and of staging: an entry the fact has lost is found by its resident's months as staged
residents as (
    select resident_no from entries
    union
    select staged.resident_no
    from {{ ref('stg_points_ledger__ledger_entries') }} as staged
    where {{ is_touched_moment('points', 'staged.entered_at') }}
),

-- an act may have been paid in any month
acts as {{ found_first() }}(
    select distinct reference_no from entries
    where direction_code = 'earned' and reference_no is not null
),

earned as (
    select
        entry_id,
        row_number() over (
            partition by resident_no, reference_kind, reference_no
            order by entered_at asc, entry_id asc
        ) as payment_no
    from {{ ref('fct_ledger_entry') }}
    where
        direction_code = 'earned'
        and not is_reversed
        and reference_no in (select acts.reference_no from acts)
),

reversals as (
    select
        entry_id,
        row_number() over (partition by reverses_entry_id order by entered_at asc, entry_id asc) as reversal_no
    from {{ ref('fct_ledger_entry') }}
    where direction_code = 'reversal' and reverses_entry_id is not null
),

-- the other route to a balance: what each resident's months add up to, straight from staging
staged_entries as {{ found_first() }}(
    select
        resident_no,
        entered_at,
        points
    from {{ ref('stg_points_ledger__ledger_entries') }}
    where
        not _deleted
        and resident_no in (select residents.resident_no from residents)
),

staged_months as (
    select
        staged.resident_no,
        {{ month_of(local_date('staged.entered_at')) }} as month,
        sum(staged.points) as points
    from staged_entries as staged
    cross join {{ source('linli', 'run') }} as run
    where staged.entered_at < run.as_of
    group by 1, 2
),

summed as (
    select
        resident_no,
        month,
        sum(points) over (
            partition by resident_no order by month
            rows between unbounded preceding and current row
        ) as points
    from staged_months
),

month_ends as (
    select
        *,
        row_number() over (partition by resident_no, month order by entered_at desc, entry_id desc) as from_end
    from entries
),

judged as (
    {% for rule in rules if rule != 'sums_equal_balances' -%}
    select
        entries.month,
        entries.district_code,
        entries.entry_id,
        '{{ rule }}' as rule,
        {% if rule == 'points_signed' -%}
        case entries.direction_code when 'earned' then entries.points <= 0 else entries.points >= 0 end as is_broken
    from entries
    where entries.direction_code in ('earned', 'redeemed')
        {% elif rule == 'balance_not_negative' -%}
        entries.balance_points < 0 as is_broken
    from entries
        {% elif rule == 'redemption_covered' -%}
        entries.balance_points < 0 as is_broken
    from entries
    where entries.direction_code = 'redeemed'
        {% elif rule == 'act_paid_once' -%}
        coalesce(earned.payment_no > 1, false) as is_broken
    from entries
    left join earned on entries.entry_id = earned.entry_id
    where entries.direction_code = 'earned' and entries.reference_no is not null
        {% elif rule == 'reversal_names_entry' -%}
        coalesce(named.resident_no <> entries.resident_no or named.direction_code = 'reversal', true) as is_broken
    from entries
    left join {{ ref('fct_ledger_entry') }} as named on entries.reverses_entry_id = named.entry_id
    where entries.direction_code = 'reversal'
        {% elif rule == 'reversal_negates' -%}
        named.points + entries.points <> 0 as is_broken
    from entries
    inner join {{ ref('fct_ledger_entry') }} as named on entries.reverses_entry_id = named.entry_id
    where entries.direction_code = 'reversal'
        {% elif rule == 'reversal_once' -%}
        reversals.reversal_no > 1 as is_broken
    from entries
    inner join reversals on entries.entry_id = reversals.entry_id
        {% endif -%}
    union all
    {% endfor -%}
    select
        summed.month,
        coalesce(month_ends.district_code, 'none') as district_code,
        month_ends.entry_id,
        'sums_equal_balances' as rule,
        coalesce(month_ends.balance_points <> summed.points, true) as is_broken
    from summed
    left join month_ends
        on
            summed.resident_no = month_ends.resident_no
            and summed.month = month_ends.month
            and month_ends.from_end = 1
    where {{ is_touched('points', 'summed.month') }}
)

select
    month,
    district_code,
    rule,
    count(*) as checked_count,
    count(*) filter (where is_broken) as broken_count,
    min(entry_id) filter (where is_broken) as first_broken_entry_id
from judged
group by month, district_code, rule
{{ clustered_by('month') }}
