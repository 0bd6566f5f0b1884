{{ config(pre_hook="{{ forget_touched('similar') }}") }}
with members as (
    select
        similar_cases.month,
        rounds.district_code,
        similar_cases.centre_case_no,
        similar_cases.case_no,
        similar_cases.similarity,
        rounds.category_code,
        rounds.item_code,
        rounds.community_code,
        rounds.compound_code,
        rounds.department_code,
        rounds.reported_at,
        {{ local_date('rounds.reported_at') }} as reported_on,
        rounds.report_month = similar_cases.month as is_of_month,
        coalesce(rounds.resolved_on >= cast(similar_cases.month + interval 1 month as date), true) as is_open
    from {{ ref('int_similar_cases') }} as similar_cases
    inner join {{ ref('fct_case_round') }} as rounds
        on similar_cases.case_no = rounds.case_no and rounds.is_latest_round
    -- a month's cases are compared with those of the days before it, the first of whose month lies up to 31 days before: older rounds
    -- are not looked at
    where
        rounds.report_month >= (
            select cast(min(bounds.month) - interval {{ var('similar').window_days }} day as date) - 31
            from {{ ref('int_similar_cases') }} as bounds
        )
),

clusters as (
    select
        month,
        centre_case_no
    from members
    group by month, centre_case_no
    having
        count(distinct compound_code) >= {{ var('similar_min_compounds') }}
        and bool_or(is_of_month)
),

compounds as (
    select
        month,
        centre_case_no,
        compound_code,
        count(*) as case_count,
        min(reported_at) as first_reported_at
    from members
    group by month, centre_case_no, compound_code
),

-- the lead compound has the most cases, then the earliest; its earliest case leads
ranked as (
    select
        members.*,
        row_number() over (
            partition by members.month, members.centre_case_no
            order by
                compounds.case_count desc,
                compounds.first_reported_at,
                members.compound_code,
                members.reported_at,
                members.case_no
        ) = 1 as is_lead
    from members
    inner join clusters
        on members.month = clusters.month and members.centre_case_no = clusters.centre_case_no
    inner join compounds
        on
            members.month = compounds.month
            and members.centre_case_no = compounds.centre_case_no
            and members.compound_code = compounds.compound_code
),

leads as (
    select
        month,
        centre_case_no,
        md5(case_no || ':' || item_code) as cluster_id
    from ranked
    where is_lead
)

select
    ranked.month,
    ranked.district_code,
    leads.cluster_id,
    ranked.case_no,
    ranked.category_code,
    ranked.item_code,
    ranked.community_code,
    ranked.compound_code,
    ranked.department_code,
    ranked.reported_on,
    ranked.is_lead,
    ranked.is_of_month,
    ranked.is_open,
    ranked.similarity
from ranked
inner join leads on ranked.month = leads.month and ranked.centre_case_no = leads.centre_case_no
{{ clustered_by('month') }}
