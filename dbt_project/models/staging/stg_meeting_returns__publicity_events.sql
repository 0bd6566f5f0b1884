{{ config(unique_key=['community_code', 'month_on', 'event_no']) }}

{{ newest_landed(source('meeting_returns', 'publicity_events')) }}
