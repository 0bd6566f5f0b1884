{{ config(unique_key=['snap_id'], pre_hook="{{ remember_months('taken_at', 'snap') }}") }}

{{ newest_landed(source('patrol_app', 'snaps')) }}
