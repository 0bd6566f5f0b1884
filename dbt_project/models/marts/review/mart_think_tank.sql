{{ config(pre_hook="{{ forget_touched('think_tank') }}") }}
{%- set measures = {'consultation_count': 'true', 'consulted_case_count': 'is_first_of_case'} -%}
{%- for kind in ('judge', 'prosecutor', 'police', 'lawyer', 'veteran', 'mediator') -%}
{%- do measures.update({kind ~ '_count': "expert_kind_code = '" ~ kind ~ "'"}) -%}
{%- endfor -%}
{%- for risk in ('low', 'medium', 'high') -%}
{%- do measures.update({risk ~ '_risk_count': "legal_risk_code = '" ~ risk ~ "'"}) -%}
{%- endfor -%}
{%- do measures.update({'no_risk_given_count': "legal_risk_code = 'none'"}) -%}
with consultations as (
    select
        *,
        row_number() over (partition by month, case_no order by consultation_id) = 1 as is_first_of_case
    from {{ ref('fct_consultation') }}
    where
        is_counted
        and {{ is_touched('think_tank', 'month') }}
),

{{ counted_together({'consulted': {'of': 'consultations', 'measures': measures}}, attribution().keys()) }}

select
    counted.*,
    counted.month < {{ month_of(local_date('run.as_of')) }} as is_complete
from counted
cross join {{ source('linli', 'run') }} as run
{{ clustered_by('month, district_code, level, key') }}
