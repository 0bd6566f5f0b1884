{# A share of counts, or the district's where they are fewer than the minimum n. #}
{% macro rate_or_district(part, whole, of_district) -%}
    case when {{ whole }} >= run.small_sample_n then {{ rate(part, whole) }} else {{ of_district }} end
{%- endmacro %}

{# The sums of `relation` (items or themes of a proposal) with their rates and score: points of severity, more of them the
   more called are dissatisfied and the more comes back. Reads the CTEs of_districts, weights and run. #}
{% macro scored(relation) -%}
    select
        rated.*,
        cast(
            cast(rated.severity_points as double)
            * (1 + cast(weights.dissatisfaction_weight as double) * coalesce(rated.dissatisfaction_rate, 0))
            * (1 + cast(weights.recurrence_weight as double) * coalesce(rated.recurrence_rate, 0))
            as decimal(18, 6)
        ) as score
    from (
        select
            sums.*,
            {{ rate_or_district('sums.dissatisfied_count', 'sums.double_called_count', 'of_districts.dissatisfaction_rate') }}
                as dissatisfaction_rate,
            {{ rate_or_district('sums.recurrence_count', 'sums.watched_count', 'of_districts.recurrence_rate') }} as recurrence_rate
        from {{ relation }} as sums
        inner join of_districts
            on sums.month = of_districts.month and sums.district_code = of_districts.district_code
        cross join run
    ) as rated
    cross join weights
{%- endmacro %}

{# Whether a code is in a list of codes separated by semicolons. #}
{% macro is_listed(code, codes) -%}
    ';' || {{ codes }} || ';' like '%;' || {{ code }} || ';%'
{%- endmacro %}
