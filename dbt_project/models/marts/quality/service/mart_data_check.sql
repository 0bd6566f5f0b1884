select
    day as service_on,
    source,
    record,
    rule,
    max(severity) as severity,
    cast(sum(evaluated) as bigint) as evaluated_count,
    cast(sum(unexpected) as bigint) as unexpected_count,
    {{ rate('sum(unexpected)', 'sum(evaluated)') }} as unexpected_rate
from {{ source('linli', 'check_history') }}
group by day, source, record, rule
