{{ config(materialized='table') }}
{%- set rules = var('campaign_effect') -%}
{%- set cells = ['treated_before', 'treated_after', 'control_before', 'control_after'] -%}
with run as (
    select
        as_of,
        small_sample_n
    from {{ source('linli', 'run') }}
),

problems as (
    select
        month,
        district_code,
        key as compound_code,
        item_code,
        case_count
    from {{ ref('mart_frequent_problem') }}
    where level = 'compound'
),

first_months as (
    select
        district_code,
        min(month) as month
    from problems
    group by district_code
),

-- a campaign is judged at the end of each of the months after it
judged as (
    {% for after in range(1, rules.months_after + 1) -%}
    select
        campaigns.district_code,
        campaigns.month_on as campaign_month,
        campaigns.department_code,
        campaigns.item_codes,
        campaigns.compound_codes,
        cast(campaigns.month_on + interval {{ after }} month as date) as month,
        cast(campaigns.month_on - interval {{ rules.months_before }} month as date) as from_month
    from {{ ref('campaigns') }} as campaigns
    cross join run
    where cast(campaigns.month_on + interval {{ after + 1 }} month as date) <= {{ local_date('run.as_of') }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}
),

-- the compounds of other campaigns about one of its items in the time looked at say nothing about being without one
disturbed as (
    select distinct
        judged.district_code,
        judged.campaign_month,
        judged.department_code,
        judged.month,
        compounds.compound_code
    from judged
    inner join {{ ref('campaigns') }} as others
        on
            judged.district_code = others.district_code
            and (judged.campaign_month <> others.month_on or judged.department_code <> others.department_code)
            and others.month_on >= judged.from_month
            and others.month_on <= judged.month
    inner join {{ ref('enforcement_items') }} as items
        on {{ is_listed('items.item_code', 'judged.item_codes') }} and {{ is_listed('items.item_code', 'others.item_codes') }}
    inner join {{ ref('compounds') }} as compounds
        on judged.district_code = compounds.district_code and {{ is_listed('compounds.compound_code', 'others.compound_codes') }}
),

compounds_compared as (
    select
        judged.*,
        compounds.compound_code,
        {{ is_listed('compounds.compound_code', 'judged.compound_codes') }} as is_treated
    from judged
    inner join {{ ref('compounds') }} as compounds on judged.district_code = compounds.district_code
    left join disturbed
        on
            judged.district_code = disturbed.district_code
            and judged.campaign_month = disturbed.campaign_month
            and judged.department_code = disturbed.department_code
            and judged.month = disturbed.month
            and compounds.compound_code = disturbed.compound_code
    where
        {{ is_listed('compounds.compound_code', 'judged.compound_codes') }}
        or disturbed.compound_code is null
),

months as (
    select distinct {{ month_of('calendar_on') }} as month
    from {{ ref('dim_calendar') }}
),

-- one row a compound and month compared, whether anything was reported or not
compound_months as (
    select
        compared.district_code,
        compared.campaign_month,
        compared.department_code,
        compared.month,
        compared.compound_code,
        compared.is_treated,
        months.month > compared.campaign_month as is_after,
        months.month as counted_month,
        coalesce(sum(problems.case_count), 0) as case_count
    from compounds_compared as compared
    inner join first_months on compared.district_code = first_months.district_code
    inner join months
        on
            compared.from_month <= months.month
            and compared.month >= months.month
            and compared.campaign_month <> months.month
            and first_months.month <= months.month
    left join problems
        on
            compared.district_code = problems.district_code
            and compared.compound_code = problems.compound_code
            and months.month = problems.month
            and {{ is_listed('problems.item_code', 'compared.item_codes') }}
    group by
        compared.district_code,
        compared.campaign_month,
        compared.department_code,
        compared.month,
        compared.compound_code,
        compared.is_treated,
        months.month
),

-- how far the months of one compound scatter about its own mean: 1 a degree of freedom if cases come by chance alone
scatter as (
    select
        district_code,
        campaign_month,
        department_code,
        month,
        is_treated,
        is_after,
        compound_code,
        count(*) as month_count,
        sum(case_count) as case_count,
        cast(cast(count(*) * sum(case_count * case_count) as double) / nullif(sum(case_count), 0) - sum(case_count) as decimal(18, 6))
            as chi_square
    from compound_months
    group by district_code, campaign_month, department_code, month, is_treated, is_after, compound_code
),

sums as (
    select
        district_code,
        campaign_month,
        department_code,
        month,
        {% for cell in cells -%}
        {%- set which = ('' if cell.startswith('treated') else 'not ') ~ 'is_treated and ' ~ ('' if cell.endswith('after') else 'not ') ~ 'is_after' -%}
        cast(coalesce(sum(case when {{ which }} then case_count end), 0) as bigint) as {{ cell }}_count,
        cast(coalesce(sum(case when {{ which }} then month_count end), 0) as bigint) as {{ cell }}_months,
        {% endfor -%}
        greatest(
            coalesce(
                cast(sum(chi_square) as double) / nullif(sum(case when case_count > 0 then month_count - 1 end), 0),
                cast(1 as double)
            ),
            cast(1 as double)
        ) as dispersion
    from scatter
    group by district_code, campaign_month, department_code, month
),

-- half a case is added to each of the four sums if one of them is nothing
smoothed as (
    select
        *,
        case
            when least({% for cell in cells %}{{ cell }}_count{% if not loop.last %}, {% endif %}{% endfor %}) = 0 then cast(0.5 as double)
            else cast(0 as double)
        end as added
    from sums
),

compared as (
    select
        *,
        case
            when least({% for cell in cells %}{{ cell }}_months{% if not loop.last %}, {% endif %}{% endfor %}) > 0
                then
                    ln((treated_after_count + added) / treated_after_months)
                    - ln((treated_before_count + added) / treated_before_months)
                    - ln((control_after_count + added) / control_after_months)
                    + ln((control_before_count + added) / control_before_months)
        end as log_ratio,
        sqrt(
            dispersion * (
                1 / (treated_after_count + added)
                + 1 / (treated_before_count + added)
                + 1 / (control_after_count + added)
                + 1 / (control_before_count + added)
            )
        ) as standard_error
    from smoothed
),

-- the last digits of logarithms differ between machines
judgement as (
    select
        *,
        round(exp(log_ratio), 6) as rate_ratio,
        round(exp(log_ratio - {{ var('wilson_z') }} * standard_error), 6) as ratio_low,
        round(exp(log_ratio + {{ var('wilson_z') }} * standard_error), 6) as ratio_high,
        {% for cell in cells -%}
        {{ rate(cell ~ '_count', cell ~ '_months') }} as {{ cell }}_rate{% if not loop.last %},{% endif %}
        {% endfor %}
    from compared
)

select
    judgement.month,
    judgement.district_code,
    judgement.campaign_month,
    judgement.department_code,
    {% for cell in cells -%}
    judgement.{{ cell }}_count,
    judgement.{{ cell }}_months,
    judgement.{{ cell }}_rate,
    {% endfor -%}
    (judgement.treated_after_rate - judgement.treated_before_rate) - (judgement.control_after_rate - judgement.control_before_rate)
        as rate_difference,
    judgement.rate_ratio,
    judgement.ratio_low,
    judgement.ratio_high,
    judgement.dispersion,
    case
        when
            judgement.log_ratio is null
            or judgement.treated_before_count + judgement.treated_after_count < run.small_sample_n
            or judgement.control_before_count + judgement.control_after_count < run.small_sample_n
            then 'too_few'
        when judgement.ratio_high < 1 then 'fewer'
        when judgement.ratio_low > 1 then 'more'
        else 'no_measurable_effect'
    end as verdict
from judgement
cross join run
{{ clustered_by('month') }}
