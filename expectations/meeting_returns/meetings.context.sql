-- A row of a file against the file (its checksum is the row's parent version) and against the community's places.
-- meeting_returns.returns: file_sha=_parent_version
select
    b.*,
    f.file_sha as ctx_file_sha,
    case when date_trunc('month', b.met_on) <> b.month_on then b.met_on end as ctx_other_month,
    nullif(array_to_string(list_filter(b.departments, lambda x: not list_contains(n.names, x)), '、'), '') as ctx_unknown_departments,
    nullif(array_to_string(list_filter(b.officer_nos, lambda x: not list_contains(o.numbers, x)), '、'), '') as ctx_unknown_officers,
    case when c.compound_code is null then b.compound_code end as ctx_unknown_compound,
    case when c.community_code <> b.community_code then b.compound_code end as ctx_compound_elsewhere
from batch b
left join accepted."meeting_returns.returns" f on f.file_sha = b._parent_version and f.sheet = '会议'
left join ref.compounds c on c.compound_code = b.compound_code
cross join (select list(department_name) as names from ref.departments) n
left join ref.communities m on m.community_code = b.community_code
left join (select district_code, list(distinct officer_no) as numbers from ref.officers group by district_code) o
    on o.district_code = m.district_code
