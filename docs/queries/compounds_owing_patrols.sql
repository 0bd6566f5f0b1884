-- 上月联合巡查没有做满的小区，差几次。
-- Compounds whose joint patrols of last month were not all made, and how many are missing.
select
    names.key_name as compound_name, marts.required_patrol_count, marts.fulfilled_patrol_count,
    marts.required_patrol_count - marts.fulfilled_patrol_count as missing_count
from mart_patrol as marts
join dim_level_key as names using (district_code, level, key)
where
    marts.level = 'compound' and marts.fulfilled_patrol_count < marts.required_patrol_count
    and marts.month = (select date_trunc('month', max(as_of) - interval 1 day) - interval 1 month from published_at)
order by missing_count desc, compound_name
