-- Places against the reference lists. A district that is not known is told by itself, not through all that is in it.
select
    b.*,
    case when c.compound_code is null then b.compound_code end as ctx_unknown_compound,
    case when d.district_code <> c.district_code then b.compound_code end as ctx_compound_elsewhere,
    case when b.brought_by = b.resident_no then b.brought_by end as ctx_brought_by_itself,
    year(b.ctx_as_of - interval 1 microsecond) + 1 as ctx_next_year
from batch b
left join ref.districts d on d.district_code = b.district_code
left join ref.compounds c on c.compound_code = b.compound_code
