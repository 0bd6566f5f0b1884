{%- set owed = var('returns') -%}
{%- set states = ['on_time', 'late', 'missing', 'not_yet_due'] -%}
with run as (
    select
        {{ local_date('as_of') }} as as_of_on,
        {{ month_of(local_date('as_of')) }} as running_month
    from {{ source('linli', 'run') }}
),

months as (
    select
        {{ month_of('days.calendar_on') }} as month,
        max(days.workday_no) as workday_no,
        max(days.provisional_no) as provisional_no
    from {{ ref('dim_calendar') }} as days
    cross join run
    where days.calendar_on < run.running_month
    group by {{ month_of('days.calendar_on') }}
),

-- a return of long ago, or of a year written wrong, does not make all months since owed
starts as (
    select
        district_code,
        min(month) as first_month
    from {{ ref('fct_return') }}
    where received_on < month + interval '{{ owed.since_months }}' month
    group by district_code
),

expected as (
    select
        months.month,
        communities.district_code,
        communities.community_code,
        sheets.sheet
    from starts
    inner join months on starts.first_month <= months.month
    inner join {{ ref('communities') }} as communities on starts.district_code = communities.district_code
    cross join (values {% for sheet in sheets() %}('{{ sheet }}'){% if not loop.last %}, {% endif %}{% endfor %}) as sheets (sheet)
),

received as (
    select
        returns.month,
        returns.district_code,
        returns.community_code,
        returns.sheet,
        count(*) as file_count,
        min(returns.received_on) as first_received_on,
        max(returns.received_on) as last_received_on,
        bool_or(returns.is_counted) as is_complete,
        max(returns.row_count) filter (where returns.is_current) as row_count
    from {{ ref('fct_return') }} as returns
    cross join run
    where returns.month < run.running_month
    group by returns.month, returns.district_code, returns.community_code, returns.sheet
),

together as (
    select
        coalesce(expected.month, received.month) as month,
        coalesce(expected.district_code, received.district_code) as district_code,
        coalesce(expected.community_code, received.community_code) as community_code,
        coalesce(expected.sheet, received.sheet) as sheet,
        expected.month is not null as is_expected,
        coalesce(received.file_count, 0) as file_count,
        received.first_received_on,
        received.last_received_on,
        coalesce(received.is_complete, false) as is_complete,
        received.row_count
    from expected
    full join received
        on
            expected.month = received.month
            and expected.district_code = received.district_code
            and expected.community_code = received.community_code
            and expected.sheet = received.sheet
),

judged as (
    select
        together.*,
        due.calendar_on as due_on,
        due.provisional_no > months.provisional_no as is_due_provisional,
        case
            when together.is_complete and together.first_received_on <= due.calendar_on then 'on_time'
            when together.is_complete then 'late'
            when due.calendar_on < run.as_of_on then 'missing'
            else 'not_yet_due'
        end as state
    from together
    cross join run
    inner join months on together.month = months.month
    inner join {{ ref('dim_calendar') }} as due
        on
            months.workday_no + {{ owed.due_workday }} = due.workday_no
            and due.is_workday
)

select
    month,
    district_code,
    community_code,
    sheet,
    is_expected,
    due_on,
    is_due_provisional,
    state,
    file_count,
    first_received_on,
    last_received_on,
    is_complete,
    row_count,
    cast(is_expected as bigint) as expected_count,
    {% for state in states -%}
    cast(is_expected and state = '{{ state }}' as bigint) as {{ state }}_count{% if not loop.last %},
    {% endif -%}
    {% endfor %}
from judged
{{ clustered_by('month, district_code, community_code, sheet') }}
