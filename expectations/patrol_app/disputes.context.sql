-- Places against the reference lists. A district that is not known is told by itself, not through all that is in it.
select
    b.*,
    case when c.compound_code is null then b.compound_code end as ctx_unknown_compound,
    case when d.district_code <> c.district_code then b.compound_code end as ctx_compound_elsewhere,
    case when d.district_code is not null and o.officer_no is null then b.officer_no end as ctx_unknown_officer
from batch b
left join ref.districts d on d.district_code = b.district_code
left join ref.compounds c on c.compound_code = b.compound_code
left join (select distinct district_code, officer_no from ref.officers) o
    on o.officer_no = b.officer_no and o.district_code = b.district_code
