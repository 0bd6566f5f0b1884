{# Everything that DuckDB and Spark say differently; no other file names an engine. #}

{# The calendar date in Shanghai of an instant, whatever the session's time zone is. #}
{% macro local_date(instant) %}{{ return(adapter.dispatch('local_date')(instant)) }}{% endmacro %}
{% macro duckdb__local_date(instant) %}cast(timezone('Asia/Shanghai', {{ instant }}) as date){% endmacro %}
{# Spark's timestamps have no zone of their own: the session runs in Asia/Shanghai. #}
{% macro spark__local_date(instant) %}cast({{ instant }} as date){% endmacro %}

{# The first day of the month of a date, as a date. #}
{% macro month_of(day) %}cast(date_trunc('month', {{ day }}) as date){% endmacro %}

{# Whole seconds since midnight in Shanghai of an instant, 0 to 86399. #}
{% macro second_of_day(instant) %}{{ return(adapter.dispatch('second_of_day')(instant)) }}{% endmacro %}
{% macro duckdb__second_of_day(instant) %}cast(floor(epoch(cast(timezone('Asia/Shanghai', {{ instant }}) as time))) as integer){% endmacro %}
{% macro spark__second_of_day(instant) %}(hour({{ instant }}) * 3600 + minute({{ instant }}) * 60 + second({{ instant }})){% endmacro %}

{# Minutes between two instants, a double: whole microseconds, divided once. #}
{% macro minutes_between(start, end) %}{{ return(adapter.dispatch('minutes_between')(start, end)) }}{% endmacro %}
{% macro duckdb__minutes_between(start, end) %}((epoch_us({{ end }}) - epoch_us({{ start }})) / 60000000){% endmacro %}
{% macro spark__minutes_between(start, end) %}((unix_micros({{ end }}) - unix_micros({{ start }})) / 60000000){% endmacro %}

{# Whole minutes since local midnight in Shanghai of an instant, 0 to 1439. #}
{% macro minute_of_day(instant) %}{{ return(adapter.dispatch('minute_of_day')(instant)) }}{% endmacro %}
{% macro duckdb__minute_of_day(instant) -%}
cast(date_part('hour', timezone('Asia/Shanghai', {{ instant }})) * 60 + date_part('minute', timezone('Asia/Shanghai', {{ instant }})) as bigint)
{%- endmacro %}
{% macro spark__minute_of_day(instant) %}cast(hour({{ instant }}) * 60 + minute({{ instant }}) as bigint){% endmacro %}

{# The day of the week of a date, 1 is Monday. #}
{% macro iso_weekday(day) %}{{ return(adapter.dispatch('iso_weekday')(day)) }}{% endmacro %}
{% macro duckdb__iso_weekday(day) %}isodow({{ day }}){% endmacro %}
{% macro spark__iso_weekday(day) %}(weekday({{ day }}) + 1){% endmacro %}

{# Aggregate: the different values of a text, in order, joined by semicolons. #}
{% macro joined_codes(code) %}{{ return(adapter.dispatch('joined_codes')(code)) }}{% endmacro %}
{% macro duckdb__joined_codes(code) %}string_agg(distinct {{ code }}, ';' order by {{ code }}){% endmacro %}
{% macro spark__joined_codes(code) %}array_join(array_sort(collect_set({{ code }})), ';'){% endmacro %}

{# How many elements an array has; 0 for a missing array. #}
{% macro list_size(list) %}{{ return(adapter.dispatch('list_size')(list)) }}{% endmacro %}
{% macro duckdb__list_size(list) %}coalesce(len({{ list }}), 0){% endmacro %}
{% macro spark__list_size(list) %}coalesce(size({{ list }}), 0){% endmacro %}

{# A text without spaces and punctuation, in lower case: what two writings of the same words have in common. #}
{% macro bare_text(text) %}{{ return(adapter.dispatch('bare_text')(text)) }}{% endmacro %}
{% macro duckdb__bare_text(text) %}regexp_replace(lower({{ text }}), '[\s\pZ\pP\pS]+', '', 'g'){% endmacro %}
{% macro spark__bare_text(text) %}regexp_replace(lower({{ text }}), '[\\s\\p{Z}\\p{P}\\p{S}]+', ''){% endmacro %}

{# Last line of a large model: rows of one month lie together, so a night reads and replaces few row groups or files. #}
{% macro clustered_by(column) %}{{ return(adapter.dispatch('clustered_by')(column)) }}{% endmacro %}
{% macro duckdb__clustered_by(column) %}order by {{ column }}{% endmacro %}
{% macro spark__clustered_by(column) %}distribute by {{ column }}{% endmacro %}

{# Every column of the relation read but one. #}
{% macro all_but(column) %}{{ return(adapter.dispatch('all_but')(column)) }}{% endmacro %}
{% macro duckdb__all_but(column) %}* exclude ({{ column }}){% endmacro %}
{% macro spark__all_but(column) %}* except ({{ column }}){% endmacro %}

{# An expression that ends its statement with an error of this text. #}
{% macro failing_with(text) %}{{ return(adapter.dispatch('failing_with')(text)) }}{% endmacro %}
{% macro duckdb__failing_with(text) %}error('{{ text }}'){% endmacro %}
{% macro spark__failing_with(text) %}raise_error('{{ text }}'){% endmacro %}
