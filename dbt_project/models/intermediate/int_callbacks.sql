with run as (
    select
        as_of,
        satisfied_min_score
    from {{ source('linli', 'run') }}
),

callbacks as {{ found_first() }}(
    select *
    from ({{ rows_where(ref('stg_case_system__callbacks'), 'not _deleted and ' ~ is_changed('case_no')) }}) as staged
),

judged as (
    select
        callbacks.*,
        callbacks.outcome_code = 'reached' as is_reached,
        coalesce(callbacks.called_at >= rounds.resolved_at, false) as is_after_resolution,
        callbacks.outcome_code = 'reached'
        and coalesce(callbacks.solved, false)
        and coalesce(callbacks.department_score >= run.satisfied_min_score, false)
        and coalesce(callbacks.officer_score >= run.satisfied_min_score, false) as is_satisfied,
        case
            when length({{ bare_text('callbacks.comment') }}) >= {{ var('signals')['text_min_characters'] }}
                then md5(
                    coalesce(callbacks.called_by, cases.officer_no) || '|' || {{ bare_text('callbacks.comment') }}
                )
        end as text_key
    from callbacks
    inner join {{ ref('int_cases') }} as cases on callbacks.case_no = cases.case_no
    left join {{ ref('int_case_rounds') }} as rounds
        on callbacks.case_no = rounds.case_no and callbacks.round_no = rounds.round_no
    cross join run
    where callbacks.called_at < run.as_of
)

select
    callback_id,
    case_no,
    round_no,
    side_code,
    respondent_role,
    called_at,
    outcome_code,
    is_reached,
    solved as is_solved,
    department_score,
    officer_score,
    is_after_resolution,
    is_satisfied,
    text_key,
    is_reached and is_after_resolution and row_number() over (
        partition by case_no, round_no, side_code, is_reached and is_after_resolution
        order by called_at, callback_id
    ) = 1 as is_first_reached,
    is_reached and is_after_resolution and row_number() over (
        partition by case_no, round_no, side_code, is_reached and is_after_resolution
        order by called_at desc, callback_id desc
    ) = 1 as is_voice,
    is_after_resolution and row_number() over (
        partition by case_no, round_no, side_code, is_after_resolution
        order by called_at desc, callback_id desc
    ) = 1 as is_last_attempt
from judged
