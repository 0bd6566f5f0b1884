{{ config(unique_key=['consultation_id'], pre_hook="{{ remember_cases() }}") }}

{{ newest_landed(source('case_system', 'consultations')) }}
