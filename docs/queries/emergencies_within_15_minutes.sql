-- 应急吹哨十五分钟内到场的比例，按工作站。
-- Emergency whistles with somebody on scene within 15 minutes, by workstation.
select
    names.key_name as station_name, sum(marts.judged_count) as judged_count, sum(marts.in_time_count) as in_time_count,
    round(sum(marts.in_time_count) / nullif(sum(marts.judged_count), 0), 3) as in_time_rate
from mart_whistle as marts
join dim_level_key as names using (district_code, level, key)
where marts.level = 'station' and marts.whistle_level_code = 'emergency'
group by station_name
having sum(marts.judged_count) > 0
order by in_time_rate, station_name
