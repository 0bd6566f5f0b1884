{{ config(unique_key=['finding_id']) }}

{{ newest_landed(source('patrol_app', 'patrol_findings')) }}
