-- If this fails, an officer has two posts or a compound two stations on one day, and what hangs on them is counted twice.
{{ config(tags=['reference']) }}
with periods as (
    select
        'officers' as seed,
        district_code || ' ' || officer_no as key,
        from_on,
        to_on
    from {{ ref('officers') }}
    union all
    select
        'compound_stations' as seed,
        compound_code as key,
        from_on,
        to_on
    from {{ ref('compound_stations') }}
)

select
    earlier.seed,
    earlier.key,
    earlier.from_on,
    later.from_on as next_from_on
from periods as earlier
inner join periods as later on earlier.seed = later.seed and earlier.key = later.key and earlier.from_on < later.from_on
where
    earlier.to_on is null
    or later.from_on <= earlier.to_on
