{{ config(unique_key=['entry_id']) }}

{{ newest_landed(source('points_ledger', 'ledger_entries')) }}
