{{ config(unique_key=['patrol_id']) }}

{{ newest_landed(source('patrol_app', 'patrols')) }}
