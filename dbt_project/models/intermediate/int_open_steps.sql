{{ config(
    materialized='incremental', incremental_strategy='append', on_schema_change='fail', pre_hook="{{ forget_changed_cases() }}"
) }}
with rounds as {{ found_first() }}(
    select
        case_no,
        round_no
    from {{ ref('fct_case_round') }}
    where
        is_latest_round
        and {{ is_changed_fact() }}
)

select
    steps.case_no,
    steps.round_no,
    steps.step,
    {% for column in attribution_columns(place_levels()).split(', ') -%}
    steps.{{ column }},
    {% endfor -%}
    steps.department_code,
    steps.due_on,
    steps.is_due_provisional
from {{ ref('fct_case_step') }} as steps
-- an earlier round has nothing left to do, though it keeps its place in mart_clock_257
inner join rounds on steps.case_no = rounds.case_no and steps.round_no = rounds.round_no
where
    steps.is_counted
    and steps.state in ('open', 'overdue')
    and steps.due_on is not null
    and {{ is_changed_fact('steps') }}
