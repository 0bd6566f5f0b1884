{{ config(unique_key=['community_code', 'month_on', 'matter_no']) }}

{{ newest_landed(source('meeting_returns', 'matters')) }}
