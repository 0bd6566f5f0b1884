{{ config(materialized='view') }}
{{ of_current_return(ref('stg_meeting_returns__matters'), '议题') }}
