{{ config(pre_hook="{{ forget_touched('finding') }}") }}
with run as (
    select as_of from {{ source('linli', 'run') }}
),

findings as (
    select
        current_findings.finding_id,
        current_findings.patrol_id,
        current_findings.checklist,
        current_findings.item_code,
        current_findings.severity,
        current_findings.disposition,
        current_findings.case_no,
        current_findings.found_at,
        {{ local_date('current_findings.found_at') }} as found_on,
        case when current_findings.fixed_at < run.as_of then current_findings.fixed_at end as fixed_at
    from {{ ref('int_current_patrol_findings') }} as current_findings
    cross join run
    where
        current_findings.found_at < run.as_of
        and {{ is_touched_moment('finding', 'current_findings.found_at') }}
),

cases_filed as {{ found_first() }}(
    select
        case_no,
        resolved_on,
        is_counted
    from {{ ref('fct_case_round') }}
    where
        is_latest_round
        and case_no in (select findings.case_no from findings)
),

-- a case that was found to be none of its own is no longer waited for
cases_done as (
    select
        case_no,
        resolved_on
    from cases_filed
    where resolved_on is not null or not is_counted
),

complaints as (
    select
        compound_code,
        item_code,
        opened_at,
        day_0_on
    from {{ ref('fct_case_round') }}
    where
        round_no = 1
        and is_complaint
        and day_0_on >= (select min(findings.found_on) - {{ var('patrol').complaint_days }} from findings)
),

placed as (
    select
        findings.*,
        patrols.kind_code as patrol_kind_code,
        patrols.district_code,
        patrols.community_code,
        patrols.compound_code,
        patrols.station_code,
        coalesce(items.category_code, 'none') as category_code,
        coalesce(checklist_codes.code, 'none') as checklist_code,
        coalesce(severity_codes.code, 'none') as severity_code,
        coalesce(disposition_codes.code, 'none') as disposition_code
    from findings
    inner join {{ ref('fct_patrol') }} as patrols on findings.patrol_id = patrols.patrol_id
    left join {{ ref('enforcement_items') }} as items on findings.item_code = items.item_code
    {{ join_code('checklist', 'findings.checklist') }}
    {{ join_code('severity', 'findings.severity') }}
    {{ join_code('disposition', 'findings.disposition') }}
),

complained_before as (
    select distinct placed.finding_id
    from placed
    inner join complaints
        on
            placed.compound_code = complaints.compound_code
            and placed.item_code = complaints.item_code
    where
        complaints.opened_at < placed.found_at
        and complaints.day_0_on >= placed.found_on - {{ var('patrol').complaint_days }}
)

select
    placed.finding_id,
    placed.patrol_id,
    placed.patrol_kind_code,
    {{ month_of('placed.found_on') }} as month,
    placed.district_code,
    placed.community_code,
    placed.compound_code,
    placed.station_code,
    placed.category_code,
    placed.item_code,
    placed.checklist_code,
    placed.severity_code,
    placed.disposition_code,
    placed.disposition_code <> 'fixed_on_the_spot' as is_carried_over,
    placed.case_no,
    placed.found_at,
    placed.found_on,
    placed.fixed_at,
    {{ minutes_between('placed.found_at', 'placed.fixed_at') }} as minutes_to_fix,
    coalesce({{ local_date('placed.fixed_at') }}, cases_done.resolved_on) as done_on,
    placed.disposition_code <> 'fixed_on_the_spot'
    and placed.fixed_at is null
    and cases_done.case_no is null as is_still_open,
    complained_before.finding_id is null as is_before_complaint
from placed
left join cases_done on placed.case_no = cases_done.case_no
left join complained_before on placed.finding_id = complained_before.finding_id
{{ clustered_by('month, placed.finding_id') }}
