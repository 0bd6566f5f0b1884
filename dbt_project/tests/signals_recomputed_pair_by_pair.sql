-- If this fails, somebody is listed under a pattern that is not in the records, or not listed under one that is: bursts are
-- looked for again pair by pair, shared texts by their neighbours, and what stands alone from the facts of the clock.
{%- set signals = var('signals') %}
with candidates as (
    select *
    from {{ ref('fct_case_signal') }}
    where {{ is_touched('signal', 'month') }}
),

-- taken on the day they fell due, so in the month they fell due
on_the_day as {{ found_first() }}(
    select *
    from {{ ref('fct_case_step') }}
    where
        is_counted
        and {{ is_touched('signal', 'due_month') }}
        and taken_on = due_on
),

-- every closing with what its officer closed in the seconds it begins
begun as (
    select
        first_closing.month,
        first_closing.district_code,
        first_closing.officer_no,
        first_closing.happened_at,
        count(*) as closing_count
    from candidates as first_closing
    inner join candidates as other
        on
            first_closing.month = other.month
            and first_closing.district_code = other.district_code
            and first_closing.officer_no = other.officer_no
            and first_closing.signal = other.signal
            and other.happened_at >= first_closing.happened_at
            and other.happened_at <= first_closing.happened_at + interval '{{ signals['bulk_seconds'] }}' second
    where
        first_closing.signal = 'bulk_closing'
        and first_closing.officer_no <> 'none'
    group by
        first_closing.month,
        first_closing.district_code,
        first_closing.officer_no,
        first_closing.happened_at,
        first_closing.case_no,
        first_closing.round_no
),

recomputed as (
    select distinct
        candidates.signal,
        candidates.case_no,
        candidates.round_no,
        candidates.source_key
    from candidates
    inner join begun
        on
            candidates.month = begun.month
            and candidates.district_code = begun.district_code
            and candidates.officer_no = begun.officer_no
            and candidates.happened_at >= begun.happened_at
            and candidates.happened_at <= begun.happened_at + interval '{{ signals['bulk_seconds'] }}' second
    where
        candidates.signal = 'bulk_closing'
        and begun.closing_count >= {{ signals['bulk_closings'] }}
    union
    select
        candidates.signal,
        candidates.case_no,
        candidates.round_no,
        candidates.source_key
    from candidates
    inner join candidates as sharing
        on
            candidates.month = sharing.month
            and candidates.district_code = sharing.district_code
            and candidates.text_key = sharing.text_key
    group by candidates.signal, candidates.case_no, candidates.round_no, candidates.source_key
    having count(distinct sharing.case_no) >= {{ signals['text_cases'] }}
    union
    select
        'last_minute' as signal,
        case_no,
        round_no,
        step as source_key
    from on_the_day
    where {{ local_date("taken_at + interval '" ~ signals['last_seconds'] ~ "' second") }} > due_on
),

listed as (
    select
        signal,
        case_no,
        round_no,
        source_key
    from {{ ref('mart_signal_case') }}
    where
        signal in ('bulk_closing', 'identical_text', 'last_minute')
        and {{ is_touched('signal', 'month') }}
),

counted as (
    select
        sum(flagged_count) as flagged_count,
        sum(candidate_count) as candidate_count
    from {{ ref('mart_signal') }}
    where
        level = 'district'
        and {{ is_touched('signal', 'month') }}
)

(select * from listed except select * from recomputed)
union all
(select * from recomputed except select * from listed)
union all
select
    'all' as signal,
    'counts differ' as case_no,
    0 as round_no,
    'none' as source_key
from counted
where
    coalesce(counted.candidate_count, 0) <> (select count(*) from candidates)
    or coalesce(counted.flagged_count, 0) <> (
        select count(*) from {{ ref('mart_signal_case') }} as flagged
        where {{ is_touched('signal', 'flagged.month') }}
    )
