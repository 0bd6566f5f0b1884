{{ config(unique_key=['file_sha', 'sheet'], pre_hook="{{ remember_returns() }}") }}

{{ newest_landed(source('meeting_returns', 'returns')) }}
