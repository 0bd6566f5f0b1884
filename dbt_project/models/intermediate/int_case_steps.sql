with run as (
    select as_of from {{ source('linli', 'run') }}
),

steps as {{ found_first() }}(
    select
        case_no,
        round_no,
        step_id,
        step,
        stepped_at,
        officer_no
    from ({{ rows_where(ref('stg_case_system__case_steps'), 'not _deleted and ' ~ is_changed('case_no')) }}) as staged
)

select
    steps.case_no,
    steps.round_no,
    steps.step_id,
    kinds.step_code,
    steps.stepped_at,
    {{ local_date('steps.stepped_at') }} as stepped_on,
    steps.officer_no
from steps
inner join {{ ref('step_kinds') }} as kinds on steps.step = kinds.step_name
cross join run
where steps.stepped_at < run.as_of
