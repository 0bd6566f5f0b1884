{%- set instants = ['opened_at', 'accepted_at', 'resolved_at', 'blown_at', 'answered_at'] -%}
with rounds as (
    select
        *,
        lead(opened_at) over (partition by case_no order by round_no) as next_opened_at
    from {{ ref('int_case_rounds') }}
),

-- a whistle blown before the report belongs to the first round
whistled as (
    select
        rounds.case_no,
        rounds.round_no,
        min(whistles.blown_at) as blown_at,
        min(whistles.answered_at) as answered_at
    from rounds
    inner join {{ ref('stg_case_system__whistles') }} as whistles on rounds.case_no = whistles.case_no
    where
        not whistles._deleted
        and {{ is_changed('whistles.case_no') }}
        and (rounds.round_no = 1 or whistles.blown_at >= rounds.opened_at)
        and (rounds.next_opened_at is null or whistles.blown_at < rounds.next_opened_at)
    group by rounds.case_no, rounds.round_no
),

resolved as (
    select
        rounds.case_no,
        rounds.round_no,
        rounds.opened_at,
        rounds.accepted_at,
        rounds.resolved_at,
        whistled.blown_at,
        whistled.answered_at
    from rounds
    left join whistled on rounds.case_no = whistled.case_no and rounds.round_no = whistled.round_no
    where rounds.resolved_at is not null
),

placed as (
    select
        resolved.case_no,
        resolved.round_no
        {%- for instant in instants %},
        {{ working_minute('resolved.' ~ instant, instant[:-3]) }} as {{ instant[:-3] }}_minute
        {%- endfor %}
    from resolved
    {%- for instant in instants %}
    left join {{ ref('dim_calendar') }} as {{ instant[:-3] }} on {{ local_date('resolved.' ~ instant) }} = {{ instant[:-3] }}.calendar_on
    {%- endfor %}
),

-- each mark after the one before it and none after the resolution, so that the waits follow one another
marked as (
    select
        case_no,
        round_no,
        opened_minute,
        greatest(resolved_minute, opened_minute) as end_minute,
        least(greatest(coalesce(accepted_minute, end_minute), opened_minute), end_minute) as accept_minute,
        least(greatest(coalesce(blown_minute, end_minute), accept_minute), end_minute) as call_minute,
        least(greatest(coalesce(answered_minute, end_minute), call_minute), end_minute) as answer_minute
    from placed
),

pauses as (
    select
        pauses.case_no,
        pauses.round_no,
        {{ working_minute('pauses.paused_at', 'paused') }} as paused_minute,
        coalesce({{ working_minute('pauses.ended_at', 'ended') }}, 9223372036854775807) as ended_minute
    from {{ ref('int_round_pauses') }} as pauses
    inner join {{ ref('dim_calendar') }} as paused on {{ local_date('pauses.paused_at') }} = paused.calendar_on
    left join {{ ref('dim_calendar') }} as ended on {{ local_date('pauses.ended_at') }} = ended.calendar_on
),

split as (
    select
        marked.case_no,
        marked.round_no,
        marked.end_minute - marked.opened_minute as total_minutes,
        marked.accept_minute - marked.opened_minute - {{ minutes_within_pauses('marked.opened_minute', 'marked.accept_minute') }} as acceptance_minutes,
        marked.answer_minute - marked.call_minute - {{ minutes_within_pauses('marked.call_minute', 'marked.answer_minute') }} as departments_minutes,
        {{ minutes_within_pauses('marked.opened_minute', 'marked.end_minute') }} as suspended_minutes
    from marked
    left join pauses on marked.case_no = pauses.case_no and marked.round_no = pauses.round_no
    group by
        marked.case_no,
        marked.round_no,
        marked.opened_minute,
        marked.accept_minute,
        marked.call_minute,
        marked.answer_minute,
        marked.end_minute
)

select
    case_no,
    round_no,
    cast(total_minutes as bigint) as total_minutes,
    cast(acceptance_minutes as bigint) as acceptance_minutes,
    cast(departments_minutes as bigint) as departments_minutes,
    cast(suspended_minutes as bigint) as suspended_minutes,
    cast(total_minutes - acceptance_minutes - departments_minutes - suspended_minutes as bigint) as handling_minutes
from split
