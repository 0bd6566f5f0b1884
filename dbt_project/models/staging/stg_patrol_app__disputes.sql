{{ config(unique_key=['dispute_id'], pre_hook=[
    "{{ remember_months('raised_at', 'dispute') }}",
    "{{ remember_months('defused_at', 'patrol_app') }}",
]) }}

{{ newest_landed(source('patrol_app', 'disputes')) }}
