{{ config(unique_key=['whistle_id'], pre_hook="{{ remember_cases() }}") }}

{{ newest_landed(source('case_system', 'whistles')) }}
