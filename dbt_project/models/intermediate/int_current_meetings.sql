{{ config(materialized='view', tags=['reference']) }}
{{ of_current_return(ref('stg_meeting_returns__meetings'), '会议') }}
