{{ config(unique_key=['community_code', 'month_on', 'meeting_no']) }}

{{ newest_landed(source('meeting_returns', 'meetings')) }}
