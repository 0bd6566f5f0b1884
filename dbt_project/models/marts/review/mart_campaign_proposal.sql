{{ config(pre_hook="{{ forget_touched('campaign') }}") }}
{%- set rules = var('campaign_proposal') -%}
{%- set whistles = ['publicity', 'emergency', 'enforcement', 'tough_problem'] -%}
{%- set figures = [
    'case_count', 'finding_count', 'severity_points', 'double_called_count', 'dissatisfied_count', 'watched_count', 'recurrence_count',
] -%}
with run as (
    select small_sample_n from {{ source('linli', 'run') }}
),

weights as (
    select
        {%- for level in ['none'] + whistles %}
        max(case when component = 'whistle_level' and code = '{{ level }}' then weight end) as {{ level }}_points,
        {%- endfor %}
        max(case when component = 'factor' and code = 'dissatisfaction' then weight end) as dissatisfaction_weight,
        max(case when component = 'factor' and code = 'recurrence' then weight end) as recurrence_weight
    from {{ ref('campaign_weights') }}
),

-- a proposal for every month after one in which cases were reported
proposed as (
    select distinct
        district_code,
        cast(month + interval 1 month as date) as month,
        cast(month - interval {{ rules.months - 1 }} month as date) as from_month
    from {{ ref('mart_frequent_problem') }}
    where
        level = 'district'
        and case_count > 0
        and {{ is_touched('campaign', 'cast(month + interval 1 month as date)') }}
),

read_from as (
    select coalesce(min(from_month), date '9999-12-01') as month from proposed
),

figures as (
    select
        problems.month,
        problems.district_code,
        problems.item_code,
        problems.case_count,
        0 as finding_count,
        (
            problems.case_count
            {%- for level in whistles %} - problems.{{ level }}_count{% endfor -%}
        ) * weights.none_points
        {%- for level in whistles %} + problems.{{ level }}_count * weights.{{ level }}_points{% endfor %} as severity_points,
        0 as double_called_count,
        0 as dissatisfied_count,
        problems.watched_count,
        problems.recurrence_count
    from {{ ref('mart_frequent_problem') }} as problems
    cross join weights
    where
        problems.level = 'district'
        and problems.month >= (select read_from.month from read_from)
    union all
    -- a finding that became a case is counted as that case
    select
        findings.month,
        findings.district_code,
        findings.item_code,
        0 as case_count,
        1 as finding_count,
        coalesce(severities.weight, 0) as severity_points,
        0 as double_called_count,
        0 as dissatisfied_count,
        0 as watched_count,
        0 as recurrence_count
    from {{ ref('fct_patrol_finding') }} as findings
    left join {{ ref('campaign_weights') }} as severities
        on severities.component = 'finding_severity' and findings.severity_code = severities.code
    where
        findings.case_no is null
        and findings.item_code is not null
        and findings.month >= (select read_from.month from read_from)
    union all
    select
        month,
        district_code,
        key as item_code,
        0 as case_count,
        0 as finding_count,
        0 as severity_points,
        double_called_count,
        double_called_count - double_satisfied_count as dissatisfied_count,
        0 as watched_count,
        0 as recurrence_count
    from {{ ref('mart_two_callback_satisfaction') }}
    where
        level = 'item'
        and month >= (select read_from.month from read_from)
),

of_items as (
    select
        proposed.month,
        proposed.district_code,
        items.category_code,
        figures.item_code
        {%- for figure in figures %},
        sum(figures.{{ figure }}) as {{ figure }}
        {%- endfor %}
    from proposed
    inner join figures
        on
            proposed.district_code = figures.district_code
            and proposed.month > figures.month
            and proposed.from_month <= figures.month
    inner join {{ ref('enforcement_items') }} as items on figures.item_code = items.item_code
    group by proposed.month, proposed.district_code, items.category_code, figures.item_code
),

of_districts as (
    select
        month,
        district_code,
        {{ rate('sum(dissatisfied_count)', 'sum(double_called_count)') }} as dissatisfaction_rate,
        {{ rate('sum(recurrence_count)', 'sum(watched_count)') }} as recurrence_rate
    from of_items
    group by month, district_code
),

scored_items as (
    {{ scored('of_items') }}
),

ranked_items as (
    select
        *,
        row_number() over (partition by month, district_code, category_code order by score desc, item_code) as item_rank,
        max(score) over (partition by month, district_code, category_code) as highest_score
    from scored_items
    where score > 0
),

-- the two that weigh most, and a third if it comes near the first
chosen_items as (
    select *
    from ranked_items
    where
        item_rank <= 2
        or (item_rank = 3 and 100 * score >= {{ rules.third_item_percent }} * highest_score)
),

themes as (
    select
        month,
        district_code,
        category_code,
        max(case when item_rank = 1 then item_code end) as item_1_code,
        max(case when item_rank = 2 then item_code end) as item_2_code,
        max(case when item_rank = 3 then item_code end) as item_3_code
        {%- for figure in figures %},
        sum({{ figure }}) as {{ figure }}
        {%- endfor %}
    from chosen_items
    group by month, district_code, category_code
    having count(*) >= 2
),

scored_themes as (
    {{ scored('themes') }}
),

ranked_themes as (
    select
        *,
        row_number() over (partition by month, district_code order by score desc, category_code) as proposal_rank
    from scored_themes
),

of_compounds as (
    select
        chosen_items.month,
        chosen_items.district_code,
        chosen_items.category_code,
        problems.key as compound_code,
        sum(problems.case_count) as case_count
    from chosen_items
    inner join proposed
        on chosen_items.month = proposed.month and chosen_items.district_code = proposed.district_code
    inner join {{ ref('mart_frequent_problem') }} as problems
        on
            chosen_items.district_code = problems.district_code
            and chosen_items.item_code = problems.item_code
            and proposed.from_month <= problems.month
            and proposed.month > problems.month
    where
        problems.level = 'compound'
        and problems.case_count > 0
        and problems.month >= (select read_from.month from read_from)
    group by chosen_items.month, chosen_items.district_code, chosen_items.category_code, problems.key
),

ranked_compounds as (
    select
        *,
        row_number() over (partition by month, district_code, category_code order by case_count desc, compound_code) as compound_rank,
        sum(case_count) over (partition by month, district_code, category_code) as theme_count,
        sum(case_count) over (
            partition by month, district_code, category_code
            order by case_count desc, compound_code
            rows between unbounded preceding and current row
        ) as cumulative_count
    from of_compounds
),

chosen_compounds as (
    select
        month,
        district_code,
        category_code,
        {{ joined_codes('compound_code') }} as compound_codes,
        count(*) as compound_count,
        cast(sum(case_count) as bigint) as compound_case_count
    from ranked_compounds
    where
        compound_rank <= {{ rules.compounds }}
        and 100 * (cumulative_count - case_count) < {{ rules.compound_percent }} * theme_count
    group by month, district_code, category_code
)

select
    themes.month,
    themes.district_code,
    cast(themes.proposal_rank as bigint) as proposal_rank,
    themes.category_code,
    themes.item_1_code,
    themes.item_2_code,
    themes.item_3_code,
    coalesce(rota.department_code, 'none') as duty_department_code,
    coalesce(compounds.compound_codes, '') as compound_codes,
    coalesce(compounds.compound_count, 0) as compound_count,
    coalesce(compounds.compound_case_count, 0) as compound_case_count,
    themes.score,
    {%- for figure in figures %}
    cast(themes.{{ figure }} as {{ 'decimal(18, 2)' if figure == 'severity_points' else 'bigint' }}) as {{ figure }},
    {%- endfor %}
    {{ rate('themes.severity_points', '(themes.case_count + themes.finding_count)') }} as mean_severity,
    themes.dissatisfaction_rate,
    themes.double_called_count < run.small_sample_n as is_dissatisfaction_of_district,
    themes.recurrence_rate,
    themes.watched_count < run.small_sample_n as is_recurrence_of_district
from ranked_themes as themes
left join chosen_compounds as compounds
    on
        themes.month = compounds.month
        and themes.district_code = compounds.district_code
        and themes.category_code = compounds.category_code
left join {{ ref('rota') }} as rota
    on themes.month = rota.month_on and themes.district_code = rota.district_code
cross join run
where themes.proposal_rank <= {{ rules.proposals }}
{{ clustered_by('month') }}
