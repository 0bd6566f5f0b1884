{{ config(unique_key=['file_sha', 'sheet'], pre_hook="{{ remember_returns(source('meeting_returns', 'returns')) }}") }}

{{ newest_landed(source('meeting_returns', 'returns')) }}
