-- 已结账月份的数字后来为什么会有变：哪张表、哪一级哪个对象的哪个指标，批准数、原数、现数、原因、涉及的记录数。
-- What reads otherwise since a month was closed: which figure of whom, as approved (empty where there was none then), old, new, cause, records.
select
    said.month, said.restatement_no, said.mart, said.district_code, said.level, said.key,
    coalesce(owners.key_name, said.key) as key_name, said.grain, said.metric, coalesce(named.name, said.metric) as metric_name,
    frozen.value as approved_value, said.old_value, said.new_value, said.cause, said.record_count
from closed.restatement as said
left join closed.figure as frozen
    on said.month = frozen.month and said.mart = frozen.mart and said.district_code is not distinct from frozen.district_code
    and said.level is not distinct from frozen.level and said.key is not distinct from frozen.key and said.grain = frozen.grain
    and said.metric = frozen.metric
left join main.column_names as named on said.mart = named.mart and said.metric = named.column_name
left join dim_level_key as owners
    on said.district_code = owners.district_code and said.level = owners.level and said.key = owners.key
order by all
