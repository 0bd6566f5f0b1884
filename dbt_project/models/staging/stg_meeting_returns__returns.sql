{{ config(unique_key=['file_sha', 'sheet']) }}

{{ newest_landed(source('meeting_returns', 'returns')) }}
