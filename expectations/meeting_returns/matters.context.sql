-- A row of a file against the file (its checksum is the row's parent version) and against the community's places.
-- meeting_returns.returns: file_sha=_parent_version
-- meeting_returns.meetings: meeting_no
select
    b.*,
    f.file_sha as ctx_file_sha,
    case when b.meeting_no is null then '' else m.meeting_no end as ctx_meeting_no,
    case when c.compound_code is null then b.compound_code end as ctx_unknown_compound,
    case when c.community_code <> b.community_code then b.compound_code end as ctx_compound_elsewhere
from batch b
left join accepted."meeting_returns.returns" f on f.file_sha = b._parent_version and f.sheet = '议题'
left join ref.compounds c on c.compound_code = b.compound_code
left join (select distinct community_code, meeting_no from accepted."meeting_returns.meetings") m
    on m.community_code = b.community_code and m.meeting_no = b.meeting_no
