-- 同类同推：几个小区的同一问题，牵头小区、涉及的案件和建议。
-- The same problem in several compounds: lead compound, cases, and the suggested joint push.
select month, cluster_id, lead_compound_code, compound_count, case_count, open_count, first_reported_on, last_reported_on, suggestion
from mart_similar_cluster
where compound_count > 1
order by month desc, compound_count desc, case_count desc, cluster_id
