with run as (
    select
        {{ local_date('as_of') }} as as_of_on,
        small_sample_n
    from {{ source('linli', 'run') }}
),

days as (
    select
        calendar_on,
        row_number() over (order by calendar_on) as day_no
    from {{ ref('dim_calendar') }}
),

told as (
    select
        *,
        row_number() over (partition by day, source, record order by token desc) as from_last,
        count(*) over (partition by day, source, record) as run_count
    from {{ source('linli', 'source_history') }}
),

known as (
    select
        source,
        record,
        min(feed) as feed,
        min(day) as first_on
    from told
    group by source, record
),

service_days as (
    select
        days.calendar_on as service_on,
        days.day_no,
        known.source,
        known.record,
        known.feed
    from known
    inner join days on known.first_on <= days.calendar_on
    cross join run
    where days.calendar_on < run.as_of_on
),

accounts as (
    select
        day,
        source,
        record,
        {% for count in ['landed', 'accepted', 'quarantined', 'held', 'duplicates', 'stopped'] -%}
        cast(sum({{ count }}) as bigint) as {{ count }}{% if not loop.last %},
        {% endif -%}
        {% endfor %}
    from {{ source('linli', 'account_history') }}
    group by day, source, record
),

broken as (
    select
        day,
        source,
        record,
        count(distinct rule) as broken_rule_count
    from {{ source('linli', 'check_history') }}
    group by day, source, record
),

opened as (
    select
        source,
        record,
        opened_on,
        sum(entries) as opened_count
    from {{ source('linli', 'quarantine_history') }}
    group by source, record, opened_on
),

closed as (
    select
        source,
        record,
        closed_on,
        sum(entries) as closed_count
    from {{ source('linli', 'quarantine_history') }}
    where closed_on is not null
    group by source, record, closed_on
),

open_then as (
    select
        service_days.service_on,
        service_days.source,
        service_days.record,
        sum(quarantine.entries) as open_count,
        min(quarantine.opened_on) as oldest_open_on
    from service_days
    inner join {{ source('linli', 'quarantine_history') }} as quarantine
        on
            service_days.source = quarantine.source
            and service_days.record = quarantine.record
            and quarantine.opened_on <= service_days.service_on
            and (quarantine.closed_on is null or quarantine.closed_on > service_days.service_on)
    group by 1, 2, 3
),

-- on a day without a run a feed stays loaded as far as it was
served as (
    select
        service_days.*,
        coalesce(told.run_count, 0) as run_count,
        coalesce(told.state, 'not_run') as state,
        max(told.loaded_to) over (
            partition by service_days.source, service_days.record order by service_days.service_on
            rows between unbounded preceding and current row
        ) as loaded_to
    from service_days
    left join told
        on
            service_days.service_on = told.day
            and service_days.source = told.source
            and service_days.record = told.record
            and told.from_last = 1
),

counted as (
    select
        served.service_on,
        served.source,
        served.record,
        served.feed,
        served.run_count,
        served.state,
        served.loaded_to,
        case when reached.day_no is not null then cast(greatest(served.day_no + 1 - reached.day_no, 0) as integer) end as lag_days,
        coalesce(accounts.landed, 0) as landed_count,
        coalesce(accounts.accepted, 0) as accepted_count,
        coalesce(accounts.quarantined, 0) as quarantined_count,
        coalesce(accounts.held, 0) as held_count,
        coalesce(accounts.duplicates, 0) as duplicate_count,
        coalesce(accounts.landed - accounts.duplicates, 0) as judged_count,
        coalesce(accounts.stopped, 0) as stopped_batch_count,
        coalesce(broken.broken_rule_count, 0) as broken_rule_count,
        cast(coalesce(opened.opened_count, 0) as bigint) as opened_count,
        cast(coalesce(closed.closed_count, 0) as bigint) as closed_count,
        cast(coalesce(open_then.open_count, 0) as bigint) as open_count,
        open_then.oldest_open_on
    from served
    left join days as reached on {{ local_date('served.loaded_to') }} = reached.calendar_on
    left join accounts
        on served.service_on = accounts.day and served.source = accounts.source and served.record = accounts.record
    left join broken
        on served.service_on = broken.day and served.source = broken.source and served.record = broken.record
    left join opened
        on served.service_on = opened.opened_on and served.source = opened.source and served.record = opened.record
    left join closed
        on served.service_on = closed.closed_on and served.source = closed.source and served.record = closed.record
    left join open_then
        on served.service_on = open_then.service_on and served.source = open_then.source and served.record = open_then.record
)

select
    counted.service_on,
    counted.source,
    counted.record,
    counted.feed,
    counted.run_count,
    counted.state,
    counted.loaded_to,
    counted.lag_days,
    counted.state <> 'retired' and (counted.state <> 'not_configured' or counted.loaded_to is not null)
    and coalesce(counted.lag_days > 0, true) as is_late,
    counted.landed_count,
    counted.accepted_count,
    counted.quarantined_count,
    counted.held_count,
    counted.duplicate_count,
    counted.stopped_batch_count,
    {{ rate('counted.quarantined_count', 'counted.judged_count') }} as quarantined_rate,
    {{ wilson('counted.quarantined_count', 'counted.judged_count', 'low') }} as quarantined_low,
    {{ wilson('counted.quarantined_count', 'counted.judged_count', 'high') }} as quarantined_high,
    counted.judged_count < run.small_sample_n as is_small_sample,
    counted.broken_rule_count,
    counted.opened_count,
    counted.closed_count,
    counted.open_count,
    counted.oldest_open_on
from counted
cross join run
