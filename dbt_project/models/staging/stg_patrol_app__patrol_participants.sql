{{ config(unique_key=['patrol_id', 'participant_no']) }}

{{ newest_landed(source('patrol_app', 'patrol_participants')) }}
