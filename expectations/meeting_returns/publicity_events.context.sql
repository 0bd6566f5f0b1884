-- A row of a file against the file (its checksum is the row's parent version) and against the community's places.
-- meeting_returns.returns: file_sha=_parent_version
select
    b.*,
    f.file_sha as ctx_file_sha,
    case when date_trunc('month', b.held_on) <> b.month_on then b.held_on end as ctx_other_month,
    case when c.compound_code is null then b.compound_code end as ctx_unknown_compound,
    case when c.community_code <> b.community_code then b.compound_code end as ctx_compound_elsewhere
from batch b
left join accepted."meeting_returns.returns" f on f.file_sha = b._parent_version and f.sheet = '普法'
left join ref.compounds c on c.compound_code = b.compound_code
