{{ config(unique_key=['whistle_id'], pre_hook="{{ remember_cases(source('case_system', 'whistles')) }}") }}

{{ newest_landed(source('case_system', 'whistles')) }}
