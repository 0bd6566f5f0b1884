{{ config(pre_hook="{{ forget_since_touched('lead') }}") }}
{%- set levels = place_levels() -%}
{%- set acts = ['mediation', 'deliberation', 'hazard_report', 'snap_report'] -%}
{%- set stocks = ['lead', 'elder_lead', 'student_lead', 'recruit', 'follower', 'household', 'compound'] -%}
with residents as (
    select * from {{ ref('dim_resident') }}
),

leads as (
    select * from residents
    where is_lead
),

-- everything is counted where the lead lives, but a compound where it lies
happened as (
    select
        joined_on as happened_on,
        resident_no as lead_no,
        resident_no,
        'lead' as what
    from leads
    union all
    select
        joined_on as happened_on,
        resident_no as lead_no,
        resident_no,
        case resident_kind_code when 'retired_member' then 'elder_lead' when 'student' then 'student_lead' end as what
    from leads
    where resident_kind_code in ('retired_member', 'student')
    union all
    select
        joined_on as happened_on,
        brought_by_no as lead_no,
        resident_no,
        'recruit' as what
    from residents
    where is_recruit
    union all
    select
        joined_on as happened_on,
        lead_no,
        resident_no,
        'follower' as what
    from residents
    where not is_lead and lead_no is not null
    union all
    select
        brought_on as happened_on,
        brought_by_lead_no as lead_no,
        null as resident_no,
        'household' as what
    from {{ ref('dim_household') }}
    where brought_by_lead_no is not null
    union all
    select
        {{ local_date('entered_at') }} as happened_on,
        lead_no,
        resident_no,
        case when is_lead then 'lead_act' else kind_code end as what
    from {{ ref('fct_ledger_entry') }}
    where
        direction_code = 'earned'
        and not is_reversed
        and lead_no is not null
        and {{ is_uncounted('month') }}
    union all
    select
        snaps.taken_on as happened_on,
        residents.lead_no,
        residents.resident_no,
        case when residents.is_lead then 'lead_snap' else 'snap' end as what
    from {{ ref('fct_snap') }} as snaps
    inner join residents on snaps.resident_no = residents.resident_no
    where
        residents.lead_no is not null
        and {{ is_uncounted('snaps.month') }}
),

of_compounds as (
    select
        happened.happened_on,
        leads.district_code,
        leads.compound_code,
        happened.resident_no,
        happened.what
    from happened
    inner join leads on happened.lead_no = leads.resident_no
    union all
    select
        min(joined_on) as happened_on,
        district_code,
        compound_code,
        null as resident_no,
        'compound' as what
    from residents
    where lead_no is not null
    group by district_code, compound_code
),

events as (
    select
        {{ month_of('of_compounds.happened_on') }} as month,
        of_compounds.district_code,
        coalesce(compounds.community_code, 'none') as community_code,
        of_compounds.compound_code,
        {{ station_then() }} as station_code,
        of_compounds.resident_no,
        of_compounds.what
    from of_compounds
    {{ join_place('of_compounds', 'of_compounds.happened_on') }}
    where {{ is_uncounted(month_of('of_compounds.happened_on')) }}
),

flows as (
    select
        month,
        district_code,
        {{ level_and_key(levels) }},
        {% for what in stocks + acts + ['snap', 'lead_act', 'lead_snap'] -%}
        count(*) filter (where what = '{{ what }}') as {{ what }}_count,
        {% endfor -%}
        count(distinct resident_no) filter (where what in ('snap', '{{ acts | join("', '") }}')) as active_follower_count,
        count(distinct resident_no) filter (where what in ('lead_snap', 'lead_act')) as active_lead_count
    from events
    group by {{ by_every_level(['month'], levels) }}
),

carried as (
    {% if is_incremental() -%}
    select * from {{ this }}
    where month = (select max(counted.month) from {{ this }} as counted)
    {%- else -%}
    select * from flows
    where false
    {%- endif %}
),

months as (
    {{ months_and_their_ends() }}
),

compound_keys as (
    select
        district_code,
        key,
        min(month) as first_month
    from (
        {% for relation in ['flows', 'carried'] -%}
        select
            district_code,
            key,
            month
        from {{ relation }}
        where level = 'compound'
        {% if not loop.last %}union all
        {% endif -%}
        {% endfor %}
    ) as seen
    group by district_code, key
),

held as (
    select
        months.month,
        months.last_on,
        keys.district_code,
        keys.key as compound_code,
        {% for what in stocks -%}
        coalesce(carried.{{ what }}_count, 0) + sum(coalesce(flows.{{ what }}_count, 0)) over upto as {{ what }}_count{% if not loop.last %},
        {% endif -%}
        {% endfor %}
    from compound_keys as keys
    inner join months on keys.first_month <= months.month
    left join flows
        on
            keys.district_code = flows.district_code
            and flows.level = 'compound'
            and keys.key = flows.key
            and months.month = flows.month
    left join carried
        on
            keys.district_code = carried.district_code
            and carried.level = 'compound'
            and keys.key = carried.key
    window upto as (
        partition by keys.district_code, keys.key order by months.month
        rows between unbounded preceding and current row
    )
),

-- a compound's stock is its station's, of the last day of the month that has passed
placed as (
    {{ placed_at_the_end('held') }}
),

stocked as (
    select
        month,
        district_code,
        {{ level_and_key(levels) }},
        {% for what in stocks -%}
        sum({{ what }}_count) as {{ what }}_count{% if not loop.last %},
        {% endif -%}
        {% endfor %}
    from placed
    group by {{ by_every_level(['month'], levels) }}
),

keys as (
    select
        district_code,
        level,
        key,
        min(month) as first_month
    from (
        {% for relation in ['flows', 'stocked', 'carried'] -%}
        select
            district_code,
            level,
            key,
            month
        from {{ relation }}
        {% if not loop.last %}union all
        {% endif -%}
        {% endfor %}
    ) as seen
    group by district_code, level, key
),

counted as (
    select
        months.month,
        keys.district_code,
        keys.level,
        keys.key,
        {% for what in stocks -%}
        coalesce(flows.{{ what }}_count, 0) as new_{{ what }}_count,
        cast(coalesce(stocked.{{ what }}_count, 0) as bigint) as {{ what }}_count,
        {% endfor -%}
        {% for what in acts + ['snap', 'lead_act', 'lead_snap', 'active_follower', 'active_lead'] -%}
        coalesce(flows.{{ what }}_count, 0) as {{ what }}_count{% if not loop.last %},
        {% endif -%}
        {% endfor %}
    from keys
    inner join months on keys.first_month <= months.month
    {%- for relation in ['flows', 'stocked'] %}
    left join {{ relation }}
        on
            keys.district_code = {{ relation }}.district_code
            and keys.level = {{ relation }}.level
            and keys.key = {{ relation }}.key
            and months.month = {{ relation }}.month
    {%- endfor %}
)

select
    month,
    district_code,
    level,
    key,
    lead_count,
    new_lead_count,
    elder_lead_count,
    student_lead_count,
    recruit_count,
    new_recruit_count,
    follower_count,
    new_follower_count,
    household_count,
    new_household_count,
    compound_count,
    {{ rate('recruit_count', 'lead_count') }} as recruits_per_lead,
    active_lead_count,
    active_follower_count,
    {{ acts | join('_count + ') }}_count as act_count,
    {% for what in acts + ['snap', 'lead_act', 'lead_snap'] -%}
    {{ what }}_count,
    {% endfor -%}
    lead_count + follower_count < {{ var('small_group_n') }}
    {% for group in ['active_lead', 'active_follower'] -%}
    or {{ group }}_count between 1 and {{ var('small_group_n') }} - 1
    {% endfor -%}
    as is_small_group
from counted
{{ clustered_by('month') }}
