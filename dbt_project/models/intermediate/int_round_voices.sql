with voices as (
    select
        case_no,
        round_no,
        min(called_at) filter (where side_code = 'organisation' and is_first_reached) as organisation_reached_at,
        min(called_at) filter (where side_code = 'resident' and is_first_reached) as resident_reached_at,
        bool_or(is_satisfied) filter (where side_code = 'organisation' and is_voice) as organisation_is_satisfied,
        bool_or(is_satisfied) filter (where side_code = 'resident' and is_voice) as resident_is_satisfied
    from {{ ref('int_callbacks') }}
    where is_first_reached or is_voice
    group by case_no, round_no
)

select
    *,
    case
        when organisation_reached_at is not null and resident_reached_at is not null
            then greatest(organisation_reached_at, resident_reached_at)
    end as followed_up_at
from voices
