{{ config(pre_hook=[
    "{{ remember_open_months() }}",
    "{{ remember_changed('complaint', 'opened_month') }}",
    "{{ forget_changed('satisfaction', 'resolved_month') }}",
]) }}
{%- set clock = var('clock').keys() | list -%}
{%- set last = clock | last %}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

due as (
    select
        case_no,
        round_no
        {%- for step in clock %},
        min(due_on) filter (where step = '{{ step }}') as {{ step }}_due_on,
        bool_or(step = '{{ step }}' and state in ('late', 'overdue')) as is_{{ step }}_broken
        {%- endfor %},
        bool_and(state = 'on_time') as is_kept
    from {{ ref('int_round_steps') }}
    group by case_no, round_no
),

paused as (
    select
        case_no,
        round_no,
        bool_or(is_open) as is_paused
    from {{ ref('int_round_pauses') }}
    group by case_no, round_no
),

rounds as (
    select
        rounds.*,
        {{ local_date('rounds.resolved_at') }} as resolved_on,
        due.accept_due_on,
        due.resolve_due_on,
        due.follow_up_due_on,
        case
            {%- for step in clock %}
            when due.is_{{ step }}_broken then '{{ step }}'
            {%- endfor %}
        end as broken_step,
        case
            {%- for step in clock %}
            when due.is_{{ step }}_broken then due.{{ step }}_due_on
            {%- endfor %}
            when due.is_kept then due.{{ last }}_due_on
        end as judged_on,
        coalesce(paused.is_paused, false) as is_paused,
        voices.organisation_reached_at,
        voices.resident_reached_at,
        voices.followed_up_at,
        {%- for side in ['organisation', 'resident'] %}
        voices.{{ side }}_is_satisfied,
        voices.{{ side }}_is_solved,
        voices.{{ side }}_department_score,
        voices.{{ side }}_officer_score,
        voices.{{ side }}_last_outcome_code,
        {%- endfor %}
        coalesce(
            {{ local_date('voices.followed_up_at') }} <= due.follow_up_due_on,
            voices.followed_up_at is not null
        ) as is_double_called
    from {{ ref('int_case_rounds') }} as rounds
    left join due on rounds.case_no = due.case_no and rounds.round_no = due.round_no
    left join paused on rounds.case_no = paused.case_no and rounds.round_no = paused.round_no
    left join {{ ref('int_round_voices') }} as voices
        on rounds.case_no = voices.case_no and rounds.round_no = voices.round_no
)

select
    rounds.case_no,
    rounds.round_no,
    cases.reported_at,
    cases.report_month,
    {% for column in attribution().values() -%}
    cases.{{ column }},
    {% endfor -%}
    cases.is_complaint,
    cases.phase_code,
    cases.is_on_scene,
    cases.exclusion,
    cases.exclusion is null as is_counted,
    rounds.is_latest_round,
    rounds.opened_at,
    rounds.day_0_on,
    {{ month_of('rounds.day_0_on') }} as opened_month,
    rounds.accepted_at,
    {{ month_of(local_date('rounds.first_resolved_at')) }} as closed_month,
    rounds.resolved_at,
    rounds.resolved_on,
    {{ month_of('rounds.resolved_on') }} as resolved_month,
    rounds.accept_due_on,
    rounds.resolve_due_on,
    rounds.follow_up_due_on,
    rounds.broken_step,
    {{ month_of('rounds.judged_on') }} as judged_month,
    times.total_minutes,
    times.acceptance_minutes,
    times.departments_minutes,
    times.suspended_minutes,
    times.handling_minutes,
    rounds.is_paused,
    rounds.organisation_reached_at,
    rounds.resident_reached_at,
    rounds.followed_up_at,
    {% for side in ['organisation', 'resident'] -%}
    rounds.{{ side }}_is_satisfied,
    rounds.{{ side }}_is_solved,
    rounds.{{ side }}_department_score,
    rounds.{{ side }}_officer_score,
    rounds.{{ side }}_last_outcome_code,
    {% endfor -%}
    rounds.is_double_called,
    rounds.followed_up_at is not null
    or coalesce(rounds.follow_up_due_on < {{ local_date('run.as_of') }}, false) as is_matured
from rounds
inner join {{ ref('int_cases') }} as cases on rounds.case_no = cases.case_no
left join {{ ref('int_round_times') }} as times
    on rounds.case_no = times.case_no and rounds.round_no = times.round_no
cross join run
{{ clustered_by('report_month') }}
