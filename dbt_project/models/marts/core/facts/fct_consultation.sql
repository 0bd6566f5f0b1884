{{ config(pre_hook="{{ forget_changed('think_tank', 'month') }}") }}
with consultations as (
    select
        staged.consultation_id,
        staged.case_no,
        staged.expert_kind,
        staged.legal_risk,
        staged.consulted_at,
        {{ local_date('staged.consulted_at') }} as consulted_on
    from {{ ref('stg_case_system__consultations') }} as staged
    cross join {{ source('linli', 'run') }} as run
    where
        not staged._deleted
        and staged.consulted_at < run.as_of
        and {{ is_changed('staged.case_no') }}
),

cases as (
    select
        case_no,
        report_month,
        {{ attribution_columns() }},
        is_counted
    from {{ ref('fct_case_round') }}
    where
        is_latest_round
        and {{ is_changed_fact() }}
)

select
    consultations.consultation_id,
    consultations.case_no,
    cases.report_month,
    {{ month_of('consultations.consulted_on') }} as month,
    {% for column in attribution().values() -%}
    cases.{{ column }},
    {% endfor -%}
    cases.is_counted,
    consultations.consulted_at,
    consultations.consulted_on,
    coalesce(expert_kind_codes.code, 'none') as expert_kind_code,
    coalesce(legal_risk_codes.code, 'none') as legal_risk_code
from consultations
inner join cases on consultations.case_no = cases.case_no
{{ join_code('expert_kind', 'consultations.expert_kind') }}
{{ join_code('legal_risk', 'consultations.legal_risk') }}
{{ clustered_by('report_month') }}
