{{ config(pre_hook="{{ forget_changed('clock', 'due_month') }}") }}
select
    steps.case_no,
    steps.round_no,
    steps.step,
    cases.report_month,
    {% for column in attribution().values() -%}
    cases.{{ column }},
    {% endfor -%}
    cases.phase_code,
    cases.exclusion is null as is_counted,
    steps.day_0_on,
    steps.due_on,
    steps.due_month,
    steps.is_due_provisional,
    steps.taken_at,
    steps.taken_on,
    steps.workdays,
    steps.state
from {{ ref('int_round_steps') }} as steps
inner join {{ ref('int_cases') }} as cases on steps.case_no = cases.case_no
{{ clustered_by('report_month') }}
