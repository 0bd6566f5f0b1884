{{ config(unique_key=['callback_id'], pre_hook="{{ remember_cases() }}") }}

{{ newest_landed(
    source('case_system', 'callbacks'),
    added=[
        "case side when '组织' then 'organisation' when '居民' then 'resident' end as side_code",
        "case outcome when '接通' then 'reached' when '无人接听' then 'no_answer' when '拒访' then 'refused'"
        ~ " when '空号错号' then 'wrong_number' end as outcome_code",
    ]
) }}
