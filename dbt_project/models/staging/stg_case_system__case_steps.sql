{{ config(unique_key=['step_id']) }}

{{ newest_landed(source('case_system', 'case_steps')) }}
