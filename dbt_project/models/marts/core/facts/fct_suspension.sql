{{ config(pre_hook="{{ forget_changed() }}") }}
select
    pauses.case_no,
    pauses.round_no,
    cases.report_month,
    cases.district_code,
    cases.exclusion is null as is_counted,
    pauses.paused_at as suspended_at,
    {{ local_date('pauses.paused_at') }} as suspended_on,
    pauses.ended_at,
    {{ local_date('pauses.ended_at') }} as ended_on,
    pauses.last_no_before,
    pauses.last_no_within
from {{ ref('int_round_pauses') }} as pauses
inner join {{ ref('int_cases') }} as cases on pauses.case_no = cases.case_no
{{ clustered_by('report_month') }}
