{{ config(unique_key=['case_no']) }}

{{ newest_landed(source('case_system', 'cases')) }}
