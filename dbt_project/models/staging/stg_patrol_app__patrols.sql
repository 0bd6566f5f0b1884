{{ config(unique_key=['patrol_id'], pre_hook="{{ remember_months('started_at', 'patrol') }}") }}

{{ newest_landed(source('patrol_app', 'patrols')) }}
