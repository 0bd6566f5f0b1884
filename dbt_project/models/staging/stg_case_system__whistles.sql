{{ config(unique_key=['whistle_id']) }}

{{ newest_landed(source('case_system', 'whistles')) }}
