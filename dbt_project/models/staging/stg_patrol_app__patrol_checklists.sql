{{ config(unique_key=['patrol_id', 'kind']) }}

{{ newest_landed(source('patrol_app', 'patrol_checklists')) }}
