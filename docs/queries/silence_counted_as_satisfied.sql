-- 把没有接通算作满意会好看多少：满意率、上下界，与“沉默算满意”的对比。
-- How much better it looks when silence counts as satisfied: the rate, its bounds, and that number.
select
    month, matured_count, double_called_count, round(satisfaction_rate, 3) as satisfaction_rate, round(worst_rate, 3) as worst_rate,
    round(best_rate, 3) as best_rate, round(silence_as_satisfied_rate, 3) as silence_as_satisfied_rate
from mart_callback_agreement
where level = 'district'
order by month
