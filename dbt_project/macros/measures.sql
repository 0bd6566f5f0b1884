{#
  Marts that count several relations side by side. `counts` names, per alias, the relation, the month its rows count in and
  its measures: a condition, or a value and a condition, each; of one `touched_by` a mart, only the months touched. Every
  relation is read once and has the columns of `levels`. One without a relation is a common table expression
  `<alias>_counted` of its own, with its measures by level and key.
#}

{# Common table expressions that end in `counted`: a row a month, district, level and key with every measure, 0 if none. #}
{% macro counted_together(counts, levels) -%}
{%- for alias, given in counts.items() if given.of %}
{{ alias }}_counted as (
    select
        {{ given.month | default('month') }} as month,
        district_code,
        {{ level_and_key(levels) }},
        {%- for name, measure in given.measures.items() %}
        cast(sum(case when {{ measure.where | default('true') if measure is mapping else measure }} then {{ measure.value if measure is mapping else 1 }} else 0 end) as bigint) as {{ name }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ given.of }}
    where
        {{ given.month | default('month') }} is not null
        {%- if given.touched_by %}
        and {{ is_touched(given.touched_by, given.month | default('month')) }}
        {%- endif %}
    group by {{ by_every_level([given.month | default('month')], levels) }}
),
{% endfor %}
counted_keys as (
    {%- for alias in counts %}
    select month, district_code, level, key from {{ alias }}_counted
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

counted as (
    select
        counted_keys.month,
        counted_keys.district_code,
        counted_keys.level,
        counted_keys.key
        {%- for alias, given in counts.items() %}
        {%- for name in given.measures %},
        coalesce({{ alias }}_counted.{{ name }}, 0) as {{ name }}
        {%- endfor %}
        {%- endfor %}
    from counted_keys
    {%- for alias in counts %}
    left join {{ alias }}_counted
        on
            counted_keys.month = {{ alias }}_counted.month
            and counted_keys.district_code = {{ alias }}_counted.district_code
            and counted_keys.level = {{ alias }}_counted.level
            and counted_keys.key = {{ alias }}_counted.key
    {%- endfor %}
)
{%- endmacro %}

{# Before a mart takes new rows, and before any are removed from it: remove all of them if a district's first month is another
   than it was. #}
{% macro forget_moved_books(firsts) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where
            exists (
                select 1
                from (select district_code, min(month) as first_month from {{ this }} group by district_code) as counted
                inner join {{ firsts }} as firsts on counted.district_code = firsts.district_code
                where counted.first_month <> firsts.first_month
            )
    {%- endif -%}
{%- endmacro %}

{# The months of a district from its first on up to the last one begun; `firsts` has district_code and first_month. #}
{% macro months_since(firsts) -%}
    select distinct
        firsts.district_code,
        {{ month_of('days.calendar_on') }} as month
    from {{ firsts }} as firsts
    cross join {{ source('linli', 'run') }} as run
    inner join {{ ref('dim_calendar') }} as days
        on
            firsts.first_month <= days.calendar_on
            and days.calendar_on < {{ local_date('run.as_of') }}
{%- endmacro %}

{# Of these months, those the mart has no row of: on a night what was removed because it is touched, and what a first month
   that lies earlier than it did adds. #}
{% macro months_uncounted(firsts) -%}
    {{ months_since(firsts) }}
    {%- if is_incremental() %}
    where
        not exists (
            select 1 from (select distinct district_code, month from {{ this }}) as counted
            where counted.district_code = firsts.district_code and counted.month = {{ month_of('days.calendar_on') }}
        )
    {%- endif -%}
{%- endmacro %}

{# Before such a mart takes new rows: remove the months before the first of their district. #}
{% macro forget_before(firsts) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where
            not exists (
                select 1 from {{ firsts }} as firsts
                where firsts.district_code = {{ this }}.district_code and firsts.first_month <= {{ this }}.month
            )
    {%- endif -%}
{%- endmacro %}

{# The months a mart of stocks counts now, and the last day of each that has passed: where a stock is placed. #}
{% macro months_and_their_ends() -%}
    select
        {{ month_of('days.calendar_on') }} as month,
        max(days.calendar_on) as last_on
    from {{ ref('dim_calendar') }} as days
    cross join {{ source('linli', 'run') }} as run
    where
        days.calendar_on < {{ local_date('run.as_of') }}
        and {{ is_uncounted(month_of('days.calendar_on')) }}
    group by {{ month_of('days.calendar_on') }}
{%- endmacro %}

{# Those stocks, one row a compound and more, with the community and station that held on the last day: `stocks` has months_and_their_ends. #}
{% macro placed_at_the_end(stocks) -%}
    select
        {{ stocks }}.*,
        coalesce(compounds.community_code, 'none') as community_code,
        {{ station_then() }} as station_code
    from {{ stocks }}
    {{ join_place(stocks, stocks ~ '.last_on') }}
{%- endmacro %}
