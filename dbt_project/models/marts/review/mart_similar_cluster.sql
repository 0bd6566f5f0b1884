{{ config(pre_hook="{{ forget_touched('similar') }}") }}
with clusters as (
    select
        month,
        district_code,
        cluster_id,
        category_code,
        item_code,
        max(case when is_lead then case_no end) as lead_case_no,
        max(case when is_lead then compound_code end) as lead_compound_code,
        count(distinct compound_code) as compound_count,
        {{ joined_codes('compound_code') }} as compound_codes,
        {{ joined_codes('department_code') }} as department_codes,
        count(*) as case_count,
        count(*) filter (where is_of_month) as month_case_count,
        count(*) filter (where is_open) as open_count,
        count(distinct case when is_open then compound_code end) as open_compound_count,
        min(reported_on) as first_reported_on,
        max(reported_on) as last_reported_on,
        min(similarity) as lowest_similarity
    from {{ ref('mart_similar_case') }}
    where {{ is_touched('similar', 'month') }}
    group by month, district_code, cluster_id, category_code, item_code
)

select
    clusters.month,
    clusters.district_code,
    clusters.cluster_id,
    clusters.category_code,
    clusters.item_code,
    clusters.lead_case_no,
    clusters.lead_compound_code,
    clusters.compound_count,
    clusters.compound_codes,
    clusters.department_codes,
    clusters.case_count,
    clusters.month_case_count,
    clusters.open_count,
    clusters.open_compound_count,
    clusters.first_reported_on,
    clusters.last_reported_on,
    clusters.lowest_similarity,
    case
        when clusters.open_compound_count >= 2 then 'push_together'
        when clusters.open_compound_count = 1 then 'share_solution'
        else 'look_back'
    end as suggestion,
    coalesce(items.lead_department_code, 'none') as lead_department_code,
    coalesce(items.assisting_department_codes, '') as assisting_department_codes
from clusters
left join {{ ref('enforcement_items') }} as items on clusters.item_code = items.item_code
{{ clustered_by('month') }}
