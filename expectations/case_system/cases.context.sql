-- Places and people of a case against the reference lists. A district that is not known is told by itself, not through all that is in it.
select
    b.*,
    case when c.compound_code is null then b.compound_code end as ctx_unknown_compound,
    case when d.district_code <> c.district_code then b.compound_code end as ctx_compound_elsewhere,
    case when d.district_code is not null and s.station_code is null then b.station_code end as ctx_unknown_station,
    case when d.district_code is not null and o.officer_no is null then b.officer_no end as ctx_unknown_officer,
    nullif(array_to_string(list_filter(b.assisting_departments, lambda x: not list_contains(n.names, x)), '、'), '') as ctx_unknown_departments,
    case when d.district_code is not null and not starts_with(b.case_no, b.district_code || '-') then b.case_no end as ctx_numbered_elsewhere,
    case when b.duplicate_of = b.case_no then b.duplicate_of end as ctx_duplicate_of_itself
from batch b
cross join (select list(department_name) as names from ref.departments) n
left join ref.districts d on d.district_code = b.district_code
left join ref.compounds c on c.compound_code = b.compound_code
left join ref.stations s on s.station_code = b.station_code and s.district_code = b.district_code
left join (select distinct district_code, officer_no from ref.officers) o
    on o.officer_no = b.officer_no and o.district_code = b.district_code
