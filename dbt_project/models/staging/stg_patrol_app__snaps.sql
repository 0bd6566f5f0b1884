{{ config(unique_key=['snap_id']) }}

{{ newest_landed(source('patrol_app', 'snaps')) }}
