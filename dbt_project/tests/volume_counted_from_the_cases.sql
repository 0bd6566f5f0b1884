-- If this fails, cases are lost, counted twice or in the wrong month or channel between the case system and the volume of cases.
with run as (
    select as_of from {{ source('linli', 'run') }}
),

cases as {{ found_first() }}(
    select
        cases.case_no,
        cases.district_code,
        cases.channel,
        {{ month_of(local_date('cases.reported_at')) }} as month
    from {{ ref('stg_case_system__cases') }} as cases
    where
        not cases._deleted
        and {{ is_touched_moment('report', 'cases.reported_at') }}
),

steps as {{ found_first() }}(
    select
        case_no,
        round_no,
        step,
        stepped_at
    from ({{ rows_where(ref('stg_case_system__case_steps'), 'not _deleted and case_no in (select cases.case_no from cases)') }}) as staged
),

begun as (
    select steps.case_no
    from steps
    cross join run
    where
        ((steps.step = '上报' and steps.round_no = 1) or (steps.step = '重办' and steps.round_no > 1))
        and steps.stepped_at < run.as_of
),

-- by the words of the case system, whatever became of a case: who reported it, and that a round of it has begun
received as (
    select
        cases.month,
        cases.district_code,
        count(*) as received_count,
        count(*) filter (where cases.channel in ('居民来电', '队员直诉', '12345热线')) as complaint_count,
        count(*) filter (where cases.channel = '随手拍') as snap_report_count
    from cases
    where cases.case_no in (select begun.case_no from begun)
    group by cases.month, cases.district_code
),

said as (
    select
        month,
        district_code,
        received_count,
        complaint_count,
        snap_report_count
    from {{ ref('mart_case_volume') }}
    where
        level = 'district'
        and {{ is_touched('report', 'month') }}
)

select *
from received
full join said on received.month = said.month and received.district_code = said.district_code
where
    received.received_count is distinct from said.received_count
    or received.complaint_count is distinct from said.complaint_count
    or received.snap_report_count is distinct from said.snap_report_count
