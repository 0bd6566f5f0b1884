{{ config(pre_hook="{{ forget_touched('satisfaction') }}") }}
select
    case_no,
    round_no,
    resolved_month as month,
    case when organisation_is_satisfied then 'org_yes_resident_no' else 'org_no_resident_yes' end as direction,
    {{ attribution_columns() }},
    phase_code,
    opened_at,
    accept_due_on,
    resolve_due_on,
    resolved_at,
    follow_up_due_on,
    organisation_reached_at,
    organisation_is_solved,
    organisation_department_score,
    organisation_officer_score,
    resident_reached_at,
    resident_is_solved,
    resident_department_score,
    resident_officer_score
from {{ ref('fct_case_round') }}
where
    is_counted
    and is_latest_round
    and is_double_called
    and organisation_is_satisfied <> resident_is_satisfied
    and {{ is_touched('satisfaction', 'resolved_month') }}
{{ clustered_by('month') }}
