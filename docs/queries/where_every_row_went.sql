-- 每类记录到货多少、入库、退回、等待、重复各多少。
-- Where every landed row went, by record.
select *
from data_account
order by all
