{{ config(unique_key=['case_no'], pre_hook="{{ remember_months('reported_at', 'reported') }}") }}

{{ newest_landed(source('case_system', 'cases')) }}
