select
    b.*,
    case when c.district_code <> b.district_code then b.community_code end as ctx_community_elsewhere
from batch b
left join ref.communities c on c.community_code = b.community_code
