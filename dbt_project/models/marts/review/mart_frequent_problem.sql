{{ config(pre_hook="{{ forget_touched('frequent') }}") }}
{%- set levels = place_levels() -%}
{%- set hints = ['hour_band', 'weekday', 'channel', 'compound'] -%}
{%- set z = var('hot_spot_z') -%}
{%- set whistles = ['publicity', 'emergency', 'enforcement', 'tough_problem'] -%}
with run as (
    select
        as_of,
        small_sample_n
    from {{ source('linli', 'run') }}
),

{#- The latest round stands for its case. A night reads the months of report, or of resolution, that bear on those it counts. #}
{%- set columns -%}
        case_no,
        {{ attribution_columns(levels) }},
        category_code,
        item_code,
        channel_code,
        whistle_level_code,
        reported_at,
        {{ local_date('reported_at') }} as reported_on,
        report_month,
        resolved_at,
        resolved_on,
        resolved_on + {{ var('recurrence_days') }} as watched_to_on
{%- endset -%}
looked_at as (
    {% for back in range(var('recurrence_days') // 28 + 2) -%}
    select cast(month - interval {{ back }} month as date) as month
    from {{ ref('int_touched_months') }}
    where mart = 'frequent'
    {% if not loop.last %}union
    {% endif -%}
    {% endfor %}
),

{% for name, month in [('cases', 'report_month'), ('resolved', 'resolved_month')] -%}
{{ name }} as {{ found_first() }}(
    select
        {{ columns }}
    from {{ ref('fct_case_round') }}
    where
        is_counted
        and is_latest_round
        {%- if not flags.FULL_REFRESH %}
        and {{ month }} in (select looked_at.month from looked_at)
        {%- endif %}
),

{% endfor -%}
reported as {{ found_first() }}(
    select *
    from cases
    where {{ is_touched('frequent', 'report_month') }}
),

watched as {{ found_first() }}(
    select resolved.*
    from resolved
    cross join run
    where
        resolved.watched_to_on < {{ local_date('run.as_of') }}
        and {{ is_touched('frequent', month_of('resolved.watched_to_on')) }}
),

-- what may have come back: reported while one of them was watched
candidates as (
    select *
    from cases
    where
        reported_on >= (select min(watched.resolved_on) from watched)
        and reported_on <= (select max(watched.watched_to_on) from watched)
),

recurred as (
    select distinct watched.case_no
    from watched
    inner join candidates
        on
            watched.district_code = candidates.district_code
            and watched.compound_code = candidates.compound_code
            and watched.item_code = candidates.item_code
    where
        candidates.reported_at > watched.resolved_at
        and candidates.reported_on <= watched.watched_to_on
        and candidates.case_no <> watched.case_no
),

-- a case counts by its report, and once more by the end of its watch
events as (
    select
        report_month as month,
        {{ attribution_columns(levels) }},
        category_code,
        item_code,
        whistle_level_code,
        1 as reported,
        0 as watched,
        0 as recurred
    from reported
    union all
    select
        {{ month_of('watched.watched_to_on') }} as month,
        {% for column in levels -%}
        watched.{{ attribution()[column] }},
        {% endfor -%}
        watched.category_code,
        watched.item_code,
        null as whistle_level_code,
        0 as reported,
        1 as watched,
        case when recurred.case_no is not null then 1 else 0 end as recurred
    from watched
    left join recurred on watched.case_no = recurred.case_no
),

counted as (
    select
        month,
        district_code,
        {{ level_and_key(levels) }},
        category_code,
        item_code,
        cast(sum(reported) as bigint) as case_count,
        {% for whistle in whistles -%}
        count(*) filter (where whistle_level_code = '{{ whistle }}') as {{ whistle }}_count,
        {% endfor -%}
        cast(sum(watched) as bigint) as watched_count,
        cast(sum(recurred) as bigint) as recurrence_count
    from events
    group by {{ by_every_level(['month', 'category_code', 'item_code'], levels) }}
),

ranked as (
    select
        *,
        row_number() over (partition by month, district_code, level, key order by case_count desc, item_code) as item_rank,
        cast(sum(case_count) over (partition by month, district_code, level, key) as bigint) as place_count,
        cast(sum(case_count) over (
            partition by month, district_code, level, key
            order by case_count desc, item_code
            rows between unbounded preceding and current row
        ) as bigint) as cumulative_count
    from counted
),

-- every case once for each kind of hint
traits as (
    select
        report_month as month,
        {{ attribution_columns(levels) }},
        item_code,
        'hour_band' as hint,
        {%- set band -%}
        cast(floor({{ minute_of_day('reported_at') }} / {{ var('hour_band_hours') * 60 }}) as integer) * {{ var('hour_band_hours') }}
        {%- endset %}
        lpad(cast({{ band }} as string), 2, '0') || '-' || lpad(cast({{ band }} + {{ var('hour_band_hours') }} as string), 2, '0') as trait
    from reported
    {%- for hint, trait in {
        'weekday': 'cast(' ~ iso_weekday('reported_on') ~ ' as string)', 'channel': 'channel_code', 'compound': 'compound_code'
    }.items() %}
    union all
    select
        report_month as month,
        {{ attribution_columns(levels) }},
        item_code,
        '{{ hint }}' as hint,
        {{ trait }} as trait
    from reported
    {%- endfor %}
),

with_trait as (
    select
        month,
        district_code,
        {{ level_and_key(levels) }},
        item_code,
        hint,
        trait,
        count(*) as trait_count
    from traits
    group by {{ by_every_level(['month', 'item_code', 'hint', 'trait'], levels) }}
),

of_district as (
    select
        month,
        district_code,
        hint,
        trait,
        count(*) as trait_count
    from traits
    group by month, district_code, hint, trait
),

districts as (
    select
        report_month as month,
        district_code,
        count(*) as case_count
    from reported
    group by report_month, district_code
),

-- how far the share of a trait among the cases of the row lies above its share among those of the district, in whole numbers
excess as (
    select
        with_trait.month,
        with_trait.district_code,
        with_trait.level,
        with_trait.key,
        with_trait.item_code,
        with_trait.hint,
        with_trait.trait,
        with_trait.trait_count,
        with_trait.trait_count * districts.case_count - of_district.trait_count * ranked.case_count as excess,
        districts.case_count * ranked.case_count as whole
    from with_trait
    inner join of_district
        on
            with_trait.month = of_district.month
            and with_trait.district_code = of_district.district_code
            and with_trait.hint = of_district.hint
            and with_trait.trait = of_district.trait
    inner join districts
        on with_trait.month = districts.month and with_trait.district_code = districts.district_code
    inner join ranked
        on
            with_trait.month = ranked.month
            and with_trait.district_code = ranked.district_code
            and with_trait.level = ranked.level
            and with_trait.key = ranked.key
            and with_trait.item_code = ranked.item_code
    cross join run
    where
        ranked.case_count >= run.small_sample_n
        and not (with_trait.level = 'compound' and with_trait.hint = 'compound')
),

most_in_excess as (
    select *
    from excess
    where excess > 0
    qualify row_number() over (partition by month, district_code, level, key, item_code, hint order by excess desc, trait) = 1
),

hints as (
    select
        month,
        district_code,
        level,
        key,
        item_code
        {%- for hint in hints %},
        max(case when hint = '{{ hint }}' then trait end) as {{ hint }}_hint,
        max(case when hint = '{{ hint }}' then trait_count end) as {{ hint }}_hint_count,
        max(case when hint = '{{ hint }}' then {{ rate('excess', 'whole') }} end) as {{ hint }}_hint_excess
        {%- endfor %}
    from most_in_excess
    group by month, district_code, level, key, item_code
),

-- a place is held against the rest of its district, which has no rest itself
compared as (
    select
        ranked.*,
        sum(ranked.case_count) filter (where ranked.level = 'district')
            over (partition by ranked.month, ranked.district_code, ranked.item_code)
        - ranked.case_count as rest_case_count,
        coalesce(districts.case_count, 0) - ranked.place_count as rest_place_count
    from ranked
    left join districts
        on ranked.month = districts.month and ranked.district_code = districts.district_code
),

rated as (
    select
        *,
        {{ against_the_rest('case_count', 'place_count', 'rest_case_count', 'rest_place_count', z) }}
    from compared
)

select
    rated.month,
    rated.district_code,
    rated.level,
    rated.key,
    rated.category_code,
    rated.item_code,
    rated.case_count,
    {% for whistle in whistles -%}
    rated.{{ whistle }}_count,
    {% endfor -%}
    rated.place_count,
    cast(rated.item_rank as bigint) as item_rank,
    rated.cumulative_count,
    rated.own_rate as share_rate,
    {{ rate('rated.cumulative_count', 'rated.place_count') }} as cumulative_rate,
    rated.case_count > 0
    and 100 * (rated.cumulative_count - rated.case_count) < {{ var('pareto_vital_percent') }} * rated.place_count as is_vital,
    coalesce(
        rated.case_count >= run.small_sample_n
        and rated.key <> 'none'
        and {{ excess_bound('low') }} > 0,
        false
    ) as is_hot_spot,
    rated.watched_count,
    rated.recurrence_count,
    {{ rate('rated.recurrence_count', 'rated.watched_count') }} as recurrence_rate,
    {{ wilson('rated.recurrence_count', 'rated.watched_count', 'low') }} as recurrence_low,
    {{ wilson('rated.recurrence_count', 'rated.watched_count', 'high') }} as recurrence_high,
    rated.watched_count < run.small_sample_n as is_small_sample
    {%- for hint in hints %},
    hints.{{ hint }}_hint,
    hints.{{ hint }}_hint_count,
    hints.{{ hint }}_hint_excess
    {%- endfor %}
from rated
left join hints
    on
        rated.month = hints.month
        and rated.district_code = hints.district_code
        and rated.level = hints.level
        and rated.key = hints.key
        and rated.item_code = hints.item_code
cross join run
{{ clustered_by('month') }}
