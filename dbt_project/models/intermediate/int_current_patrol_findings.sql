{{ config(materialized='view') }}
{{ of_current_patrol(ref('stg_patrol_app__patrol_findings')) }}
