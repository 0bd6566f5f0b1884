{{ config(unique_key=['dispute_id']) }}

{{ newest_landed(source('patrol_app', 'disputes')) }}
