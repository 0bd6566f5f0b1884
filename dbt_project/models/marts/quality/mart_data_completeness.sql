{#- What is counted of each record: the fact that holds its rows, their day, the month they lie in, and the categories each of which
    should keep coming. -#}
{%- set counted = [
    ('case_system', 'cases', 'fct_case_round', 'day_0_on', 'report_month', {'channel': 'channel_code', 'phase': 'phase_code', 'compound': 'compound_code'}),
    ('case_system', 'whistles', 'fct_whistle', local_date('blown_at'), 'report_month', {'whistle_level': 'whistle_level_code'}),
    ('case_system', 'callbacks', 'fct_callback', 'called_on', 'report_month', {'side': 'side_code', 'outcome': 'outcome_code'}),
    ('case_system', 'consultations', 'fct_consultation', 'consulted_on', 'month', {'expert_kind': 'expert_kind_code'}),
    ('patrol_app', 'patrols', 'fct_patrol', 'started_on', 'month', {'patrol_kind': 'kind_code', 'compound': 'compound_code'}),
    ('patrol_app', 'patrol_checklists', 'fct_patrol_checklist', 'started_on', 'month', {'checklist': 'checklist_code'}),
    ('patrol_app', 'patrol_findings', 'fct_patrol_finding', 'found_on', 'month', {'checklist': 'checklist_code'}),
    ('patrol_app', 'snaps', 'fct_snap', 'taken_on', 'month', {'snap_status': 'status_code', 'compound': 'compound_code'}),
    ('patrol_app', 'disputes', 'fct_dispute', 'raised_on', 'raised_month', {}),
    ('meeting_returns', 'meetings', 'fct_meeting', 'met_on', 'month', {'meeting_type': 'meeting_type_code', 'community': 'community_code'}),
    ('meeting_returns', 'matters', 'fct_matter', 'heard_on', 'heard_month', {'community': 'community_code'}),
    ('meeting_returns', 'publicity_events', 'fct_publicity_event', 'held_on', 'month', {'event_type': 'event_type_code', 'community': 'community_code'}),
    ('points_ledger', 'residents', 'dim_resident', 'joined_on', 'joined_month', {}),
    ('points_ledger', 'ledger_entries', 'fct_ledger_entry', local_date('entered_at'), 'month', {'ledger_kind': 'kind_code'}),
] -%}
{%- set vanished = var('vanished') -%}
with calendar as (
    select
        days.*,
        {{ month_of('days.calendar_on') }} as month,
        row_number() over (order by days.calendar_on desc) as days_back
    from {{ ref('dim_calendar') }} as days
    cross join {{ source('linli', 'run') }} as run
    where days.calendar_on < {{ local_date('run.as_of') }}
),

months as (
    select
        month,
        max(calendar_on) as last_on,
        row_number() over (order by month desc) as months_back
    from calendar
    group by month
),

read_months as (
    select * from months
    where months_back <= {{ vanished.read_months }}
),

-- working days over by as_of
passed as (
    select workday_no as workdays_passed from calendar
    where days_back = 1
),

seen as (
    {% for source, record, fact, day, month, categories in counted -%}
    select
        '{{ source }}' as source,
        '{{ record }}' as record,
        district_code,
        {% if categories -%}
        case
            {% for name, column in categories.items() -%}
            when grouping({{ column }}) = 0 then '{{ name }}'
            {% endfor -%}
            else 'all'
        end as category,
        case
            {% for column in categories.values() -%}
            when grouping({{ column }}) = 0 then {{ column }}
            {% endfor -%}
            else 'all'
        end as key,
        {% else -%}
        'all' as category,
        'all' as key,
        {% endif -%}
        seen_on,
        count(*) as row_count
    from (
        select
            *,
            {{ day }} as seen_on
        from {{ ref(fact) }}
        where
            {{ month }} in (select read_months.month from read_months)
            {% if fact == 'fct_case_round' -%}
            and round_no = 1
            {% elif fact == 'fct_patrol_checklist' -%}
            and is_recorded
            {% endif -%}
    ) as {{ record }}
    group by grouping sets (
        (district_code, seen_on)
        {%- for column in categories.values() %},
        (district_code, seen_on, {{ column }})
        {%- endfor %}
    )
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}
),

looked_at as (
    select *
    from seen
    where
        key is not null
        and {{ month_of('seen_on') }} in (select read_months.month from read_months)
),

-- what is looked for gets a number, by which its days are put in order and found again: five texts take several times as long
numbered as (
    select
        source,
        record,
        district_code,
        category,
        key,
        row_number() over (order by source, record, district_code, category, key) as key_no,
        min(seen_on) as first_seen_on
    from looked_at
    group by source, record, district_code, category, key
),

days_seen as (
    select
        numbered.key_no,
        numbered.source,
        looked_at.seen_on,
        looked_at.row_count
    from looked_at
    inner join numbered
        on
            looked_at.source = numbered.source
            and looked_at.record = numbered.record
            and looked_at.district_code = numbered.district_code
            and looked_at.category = numbered.category
            and looked_at.key = numbered.key
),

-- working days between a day with rows and the next one; after the last one those that have passed
gaps as (
    select
        days_seen.key_no,
        days_seen.source,
        days_seen.seen_on,
        calendar.workday_no,
        lead(days_seen.seen_on) over per_key as came_back_on,
        coalesce(
            lead(calendar.workdays_before) over per_key,
            passed.workdays_passed
        ) - calendar.workday_no as gap_workdays,
        case days_seen.source
            {% for source, workdays in vanished.workdays.items() if source != 'default' -%}
            when '{{ source }}' then {{ workdays }}
            {% endfor -%}
            else {{ vanished.workdays.default }}
        end as least_workdays
    from days_seen
    inner join calendar on days_seen.seen_on = calendar.calendar_on
    cross join passed
    window per_key as (partition by days_seen.key_no order by days_seen.seen_on)
),

-- few are: the others have nothing that could be too long
long_gaps as (
    select key_no
    from gaps
    where gap_workdays >= least_workdays
),

expected as (
    select
        *,
        max(gap_workdays) over last_gaps as longest_workdays,
        count(*) over last_gaps as known_gaps
    from gaps
    where key_no in (select long_gaps.key_no from long_gaps)
    window last_gaps as (
        partition by key_no order by seen_on
        rows between {{ vanished.gaps }} preceding and 1 preceding
    )
),

judged as (
    select
        *,
        greatest(
            least_workdays,
            {{ vanished.factor }} * longest_workdays + 1
        ) as limit_workdays
    from expected
    where known_gaps = {{ vanished.gaps }}
),

findings as (
    select
        judged.key_no,
        judged.seen_on as last_seen_on,
        calendar.calendar_on as vanished_on,
        judged.came_back_on,
        judged.gap_workdays as missing_workdays
    from judged
    inner join calendar
        on judged.workday_no + judged.limit_workdays = calendar.workday_no and calendar.is_workday
    where judged.gap_workdays >= judged.limit_workdays
),

counted_months as (
    select
        key_no,
        {{ month_of('seen_on') }} as month,
        sum(row_count) as row_count,
        count(*) as day_count
    from days_seen
    group by 1, 2
),

shown as (
    select
        numbered.*,
        months.month,
        months.last_on
    from numbered
    inner join months on numbered.first_seen_on <= months.last_on
    where months.months_back <= {{ vanished.shown_months }}
),

told as (
    select
        shown.*,
        findings.last_seen_on,
        findings.vanished_on,
        findings.came_back_on,
        findings.missing_workdays,
        row_number() over (
            partition by shown.month, shown.key_no
            order by findings.vanished_on desc nulls last
        ) as from_last
    from shown
    left join findings
        on
            shown.key_no = findings.key_no
            and findings.vanished_on <= shown.last_on
            and (findings.came_back_on is null or findings.came_back_on >= shown.month)
)

select
    told.month,
    told.district_code,
    told.source,
    told.record,
    told.category,
    told.key,
    cast(coalesce(counted_months.row_count, 0) as bigint) as row_count,
    coalesce(counted_months.day_count, 0) as day_count,
    told.last_seen_on,
    told.vanished_on,
    told.came_back_on,
    told.missing_workdays,
    coalesce(told.vanished_on >= told.month, false) as is_new_finding,
    coalesce(told.vanished_on is not null and (told.came_back_on is null or told.came_back_on > told.last_on), false) as is_vanished
from told
left join counted_months
    on
        told.month = counted_months.month
        and told.key_no = counted_months.key_no
where told.from_last = 1
{{ clustered_by('month') }}
