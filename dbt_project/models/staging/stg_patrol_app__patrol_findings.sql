{{ config(unique_key=['finding_id'], pre_hook="{{ remember_months('found_at', 'finding') }}") }}

{{ newest_landed(source('patrol_app', 'patrol_findings')) }}
