-- If this fails, a case that was accepted and reported has no round, and is missing from every figure.
select staged.case_no
from {{ ref('stg_case_system__cases') }} as staged
inner join {{ ref('int_case_steps') }} as steps on staged.case_no = steps.case_no
where
    not staged._deleted
    and steps.step_code = 'reported'
    and steps.round_no = 1
    and not exists (
        select 1 from {{ ref('fct_case_step') }} as facts
        where facts.case_no = staged.case_no and facts.round_no = 1 and {{ is_changed_fact('facts') }}
    )
