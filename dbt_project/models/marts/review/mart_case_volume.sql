{{ config(pre_hook="{{ forget_touched('report') }}") }}
{%- set channels = ['resident_call', 'officer_line', 'hotline_12345', 'grid_report', 'patrol_finding', 'council', 'snap_report'] %}
{%- set phases = ['before_complaint', 'on_complaint', 'after_closure'] %}
-- the latest round stands for its case
with cases as (
    select
        report_month as month,
        {{ attribution_columns() }},
        is_complaint,
        phase_code,
        is_on_scene,
        exclusion,
        is_counted,
        resolved_at
    from {{ ref('fct_case_round') }}
    where
        is_latest_round
        and {{ is_touched('report', 'report_month') }}
)

select
    month,
    district_code,
    {{ level_and_key() }},
    count(*) as received_count,
    count(*) filter (where is_counted) as case_count
    {%- for exclusion in ('withdrawn', 'invalid', 'duplicate') %},
    count(*) filter (where exclusion = '{{ exclusion }}') as {{ exclusion }}_count
    {%- endfor %},
    count(*) filter (where is_complaint) as complaint_count
    {%- for channel in channels %},
    count(*) filter (where channel_code = '{{ channel }}') as {{ channel }}_count
    {%- endfor %},
    count(*) filter (where channel_code not in ('{{ channels | join("', '") }}')) as other_channel_count
    {%- for phase in phases %},
    count(*) filter (where is_counted and phase_code = '{{ phase }}') as {{ phase }}_count
    {%- endfor %},
    count(*) filter (where is_counted and phase_code not in ('{{ phases | join("', '") }}')) as no_phase_count,
    count(*) filter (where is_counted and resolved_at is not null) as handled_count,
    count(*) filter (where is_counted and is_complaint and resolved_at is not null) as complaint_handled_count,
    count(*) filter (where is_counted and is_on_scene) as on_scene_count
from cases
group by {{ by_every_level(['month']) }}
{{ clustered_by('month') }}
