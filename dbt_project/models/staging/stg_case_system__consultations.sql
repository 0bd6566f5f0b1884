{{ config(unique_key=['consultation_id']) }}

{{ newest_landed(source('case_system', 'consultations')) }}
