-- 近三个月各小区的高频问题（帕累托前段），连同线索。
-- Frequent problems of each compound over three months (the vital few of the Pareto), with hints.
select
    names.key_name as compound_name, items.item_name, sum(marts.case_count) as case_count, max(marts.channel_hint) as channel_hint,
    max(marts.hour_band_hint) as hour_band_hint
from mart_frequent_problem as marts
join dim_level_key as names using (district_code, level, key)
join dim_item as items on marts.item_code = items.item_code
where marts.level = 'compound' and marts.is_vital and marts.month > (select max(as_of) - interval 3 month from published_at)
group by compound_name, items.item_name
having sum(marts.case_count) > 1
order by case_count desc, compound_name, items.item_name
