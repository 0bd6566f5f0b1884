{{ config(pre_hook="{{ forget_other_matters() }}") }}
select *
from ({{ other_matters(ref('int_matters'), this if is_incremental() else none) }}) as matters
{{ clustered_by('raised_month, community_code, month_on, matter_no') }}
