{{ config(unique_key=['step_id'], pre_hook="{{ remember_cases(source('case_system', 'case_steps')) }}") }}

{{ newest_landed(source('case_system', 'case_steps')) }}
