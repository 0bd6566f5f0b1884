{{ config(unique_key=['step_id'], pre_hook="{{ remember_cases() }}") }}

{{ newest_landed(source('case_system', 'case_steps')) }}
