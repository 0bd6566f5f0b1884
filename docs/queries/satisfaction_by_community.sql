-- 各社区上月一案双回访满意率，连同接通的案件数和区间；样本少的排在后面。
-- Satisfaction by community last month, with n and interval; small samples last.
select
    names.key_name as community_name, marts.double_called_count, marts.double_satisfied_count, marts.satisfaction_rate,
    marts.satisfaction_low, marts.satisfaction_high, marts.is_small_sample
from mart_two_callback_satisfaction as marts
join dim_level_key as names using (district_code, level, key)
where marts.level = 'community' and marts.month = (select date_trunc('month', max(as_of) - interval 1 day) - interval 1 month from published_at)
order by marts.is_small_sample, marts.satisfaction_rate desc nulls last, community_name
