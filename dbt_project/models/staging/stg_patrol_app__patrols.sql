{{ config(unique_key=['patrol_id'], pre_hook="{{ remember_months(source('patrol_app', 'patrols'), 'started_at', 'patrol') }}") }}

{{ newest_landed(source('patrol_app', 'patrols')) }}
