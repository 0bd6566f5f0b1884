{{ config(schema='people') }}
-- landed now, or landed before and joined since the last build, and everybody who came through them, however far
with recursive touched as (
    (
        select resident_no from {{ source('points_ledger', 'residents') }}
        union
        select staged.resident_no
        from {{ ref('stg_points_ledger__residents') }} as staged
        inner join {{ source('linli', 'run') }} as run on staged.joined_on >= {{ local_date('run.previous_as_of') }}
    )
    union
    select staged.resident_no
    from touched
    inner join {{ ref('stg_points_ledger__residents') }} as staged on touched.resident_no = staged.brought_by
)

select resident_no from touched
