{{ config(pre_hook="{{ forget_changed() }}") }}
select
    callbacks.callback_id,
    callbacks.case_no,
    callbacks.round_no,
    cases.report_month,
    cases.district_code,
    callbacks.side_code,
    callbacks.respondent_role,
    callbacks.called_at,
    {{ local_date('callbacks.called_at') }} as called_on,
    callbacks.outcome_code,
    callbacks.is_reached,
    callbacks.is_solved,
    callbacks.department_score,
    callbacks.officer_score,
    callbacks.is_after_resolution,
    callbacks.is_satisfied,
    callbacks.is_first_reached,
    callbacks.is_voice
from {{ ref('int_callbacks') }} as callbacks
inner join {{ ref('int_cases') }} as cases on callbacks.case_no = cases.case_no
where {{ is_changed('callbacks.case_no') }}
{{ clustered_by('report_month') }}
