-- If this fails, patrols, meetings, matters, events, disputes or snap reports are lost or counted twice between source and mart.
with run as (
    select
        as_of,
        {{ local_date('as_of') }} as as_of_on
    from {{ source('linli', 'run') }}
),

patrols as (
    select staged.*
    from {{ ref('stg_patrol_app__patrols') }} as staged
    cross join run
    where
        not staged._deleted
        and staged.started_at < run.as_of
        and {{ is_touched_moment('patrol_app', 'staged.started_at') }}
),

-- by the other way round: a patrol is out when anything is missing
missing as (
    select patrols.patrol_id
    from patrols
    cross join (values ('安全隐患'), ('环境卫生'), ('违规经营')) as kinds (kind)
    where
        not exists (
            select 1 from {{ ref('int_current_patrol_checklists') }} as checklists
            where
                checklists.patrol_id = patrols.patrol_id
                and checklists.kind = kinds.kind
                and checklists.completed
        )
),

departments as (
    select distinct
        patrol_id,
        department
    from {{ ref('int_current_patrol_participants') }}
    where
        role = '队员'
        and department is not null
        and patrol_id in (select patrols.patrol_id from patrols)
),

counting as (
    select
        patrols.compound_code,
        {{ month_of(local_date('patrols.started_at')) }} as month,
        count(*) as patrol_count
    from patrols
    inner join (
        select patrol_id from departments
        group by patrol_id
        having count(*) >= {{ var('patrol').min_departments }}
    ) as several on patrols.patrol_id = several.patrol_id
    where
        patrols.kind = '联勤'
        and patrols.patrol_id not in (select missing.patrol_id from missing)
    group by patrols.compound_code, {{ month_of(local_date('patrols.started_at')) }}
),

meeting_months as (
    select
        matters.community_code,
        matters.month_on,
        matters.matter_no,
        max(meetings.month_on) as meeting_month_on
    from {{ ref('int_current_matters') }} as matters
    inner join {{ ref('int_current_meetings') }} as meetings
        on
            matters.community_code = meetings.community_code
            and matters.meeting_no = meetings.meeting_no
            and matters.month_on >= meetings.month_on
    group by matters.community_code, matters.month_on, matters.matter_no
),

-- solved in any return that lists them
matters_solved as (
    select distinct
        matters.community_code,
        matters.meeting_no,
        matters.matter_no,
        coalesce(meeting_months.meeting_month_on, matters.month_on) as meeting_month_on
    from {{ ref('int_current_matters') }} as matters
    left join meeting_months
        on
            matters.community_code = meeting_months.community_code
            and matters.month_on = meeting_months.month_on
            and matters.matter_no = meeting_months.matter_no
    left join {{ ref('int_current_meetings') }} as meetings
        on
            meeting_months.community_code = meetings.community_code
            and meeting_months.meeting_month_on = meetings.month_on
            and matters.meeting_no = meetings.meeting_no
    cross join run
    where
        matters.solved_on < run.as_of_on
        and coalesce(meetings.met_on, matters.month_on) < run.as_of_on
),

from_sources as (
    select 'joint patrols' as figure, count(*) as n from patrols where kind = '联勤'
    union all
    select 'compliant compound-months' as figure, count(*) as n
    from counting
    where
        patrol_count >= {{ var('patrol').monthly }}
        and compound_code in (select compounds.compound_code from {{ ref('compounds') }} as compounds)
    union all
    select 'volunteer person-times' as figure, count(*) as n
    from {{ ref('int_current_patrol_participants') }}
    where
        role = '志愿者'
        and patrol_id in (select patrols.patrol_id from patrols)
    union all
    select 'disputes defused' as figure, count(*) as n
    from {{ ref('stg_patrol_app__disputes') }} as staged
    cross join run
    where
        not staged._deleted
        and staged.defused_at < run.as_of
        and {{ is_touched_moment('patrol_app', 'staged.defused_at') }}
    union all
    select 'snap reports' as figure, count(*) as n
    from {{ ref('stg_patrol_app__snaps') }} as staged
    cross join run
    where
        not staged._deleted
        and staged.taken_at < run.as_of
        and {{ is_touched_moment('patrol_app', 'staged.taken_at') }}
    union all
    select 'meetings' as figure, count(*) as n
    from {{ ref('int_current_meetings') }} as current_meetings
    cross join run
    where current_meetings.met_on < run.as_of_on
    union all
    select 'matters solved' as figure, count(*) as n from matters_solved
    union all
    select 'publicity events' as figure, count(*) as n
    from {{ ref('int_current_publicity_events') }} as current_events
    cross join run
    where current_events.held_on < run.as_of_on
),

from_marts as (
    {% for figure, mart, column in (
        ('joint patrols', 'mart_patrol', 'joint_patrol_count'),
        ('compliant compound-months', 'mart_patrol', 'compliant_compound_count'),
        ('volunteer person-times', 'mart_patrol', 'volunteer_person_times'),
        ('disputes defused', 'mart_patrol', 'dispute_defused_count'),
        ('snap reports', 'mart_patrol', 'snap_count'),
        ('meetings', 'mart_meeting', 'meeting_count'),
        ('matters solved', 'mart_matter', 'solved_count'),
        ('publicity events', 'mart_publicity', 'event_count'),
    ) -%}
    select
        '{{ figure }}' as figure,
        coalesce(sum({{ column }}), 0) as n
    from {{ ref(mart) }}
    where
        level = 'district'
        {% if mart == 'mart_patrol' -%}
        and {{ is_touched('patrol_app', 'month') }}
        {% endif -%}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}
)

select
    from_sources.figure,
    from_sources.n,
    from_marts.n as n_of_mart
from from_sources
inner join from_marts on from_sources.figure = from_marts.figure
where from_sources.n <> from_marts.n
