{{ config(unique_key=['resident_no']) }}

{{ newest_landed(source('points_ledger', 'residents')) }}
