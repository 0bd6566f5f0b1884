{{ config(materialized='view', tags=['reference']) }}
-- a place is named in every text: what is said there is compared without it
select
    rounds.case_no,
    rounds.district_code,
    rounds.item_code,
    rounds.report_month,
    -- the same in both, as long as a build has a fact follow its staged case: whoever asks for a time by that of staging need not look
    -- for the cases of a month among all
    staged.reported_at,
    {{ local_date('staged.reported_at') }} as reported_on,
    replace(
        replace(
            coalesce(staged.title, '') || '。' || coalesce(staged.description, ''),
            coalesce(compounds.compound_name, '。'),
            '。'
        ),
        coalesce(communities.community_name, '。'),
        '。'
    ) as text
from {{ ref('fct_case_round') }} as rounds
inner join {{ ref('stg_case_system__cases') }} as staged on rounds.case_no = staged.case_no
left join {{ ref('compounds') }} as compounds on rounds.compound_code = compounds.compound_code
left join {{ ref('communities') }} as communities on compounds.community_code = communities.community_code
where
    rounds.is_counted
    and rounds.is_latest_round
