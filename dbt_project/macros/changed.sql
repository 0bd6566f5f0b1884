{#
  Incremental by changed key. A night computes only the cases of int_changed_cases and replaces their fact rows; the
  months those rows leave and enter are what the marts rebuild.
#}

{# A condition on a case number: true for the cases this build computes; a full refresh computes all. #}
{% macro is_changed(column) -%}
    {%- set changed = ref('int_changed_cases') -%}
    {%- if flags.FULL_REFRESH -%}
    true
    {%- else -%}
    {{ column }} in (select changed_cases.case_no from {{ changed }} as changed_cases)
    {%- endif -%}
{%- endmacro %}

{# The same of the cases as staged: none of the changed was reported before the first of their months, and a build writes them in
   an order by which what was reported earlier can be passed over. One case of long ago among the changed has all of it read. Tests
   look for cases by their number alone: a bound that loses one would hide it from them as well. #}
{% macro is_changed_case(cases) -%}
    {%- set months = ref('int_changed_months') -%}
    {{ is_changed(cases ~ '.case_no') }}
    {%- if not flags.FULL_REFRESH %}
    and {{ cases }}.reported_at >= (select cast(min(changed_months.month) as timestamp) - interval 1 day from {{ months }} as changed_months)
    {%- endif -%}
{%- endmacro %}

{# The same for a row of a fact, which lies with its month of report: a night reads the months of the changed cases only. #}
{% macro is_changed_fact(fact=none) -%}
    {%- set months = ref('int_changed_months') -%}
    {%- set prefix = fact ~ '.' if fact else '' -%}
    {{ is_changed(prefix ~ 'case_no') }}
    {%- if not flags.FULL_REFRESH %}
    and {{ prefix }}report_month in (select changed_months.month from {{ months }} as changed_months)
    {%- endif -%}
{%- endmacro %}

{# Behind `as` of rows that a night finds by such a condition: they are found before anything is joined to them. The planner cannot know how few
   they are, and would begin with the whole table. A full refresh has nothing to gain by keeping all of it aside. #}
{% macro found_first() -%}
    {%- if not flags.FULL_REFRESH -%} materialized {% endif -%}
{%- endmacro %}

{# The rows of a table that meet such a condition. Keys that are texts cannot be passed over in reading: the whole table is looked at for
   them, so it is for them alone, and what else a row holds is read where it lies. All that is known of the rows belongs into the
   condition: filters outside make the planner take all rows for fewer than those found. What stands for a table in a unit test, or with
   dbt's --empty and --sample, has no places. #}
{% macro rows_where(table, condition) -%}
    {%- if flags.FULL_REFRESH or table.is_cte or table.limit is not none or table.event_time_filter -%}
    select * from {{ table }} where {{ condition }}
    {%- else -%}
    select * from {{ table }} where rowid in (select found.rowid from {{ table }} as found where {{ condition }})
    {%- endif -%}
{%- endmacro %}

{# Before what is kept of every case, wherever it lies, takes new rows: remove those of the changed cases. #}
{% macro forget_changed_cases() -%}
    {%- set changed = is_changed('case_no') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ changed }}
    {%- endif -%}
{%- endmacro %}

{# Before a fact takes new rows: remember the months its old rows count in, then remove them, in one transaction. #}
{% macro forget_changed(mart=none, month=none) -%}
    {#- Named outside the condition: dbt looks for what a model needs while nothing is incremental yet. -#}
    {%- set changed = is_changed_fact() -%}
    {%- set remembered = remember_changed(mart, month) if mart -%}
    {%- if is_incremental() -%}
        {%- if mart -%}
        {{ remembered }};
        {%- endif %}
        delete from {{ this }} where {{ changed }}
    {%- endif -%}
{%- endmacro %}

{# The same without removing them. #}
{% macro remember_changed(mart, month) -%}
    {%- set changed = is_changed_fact() -%}
    {%- set touched = source('linli', 'touched_months') -%}
    {%- if is_incremental() -%}
        insert into {{ touched }}
        select distinct '{{ mart }}', {{ month }} from {{ this }} where {{ month }} is not null and {{ changed }}
    {%- endif -%}
{%- endmacro %}

{# Before the rounds are replaced: remember the months at whose end their old rows were open. #}
{% macro remember_open_months() -%}
    {%- set changed = is_changed_fact('rounds') -%}
    {%- set touched = source('linli', 'touched_months') -%}
    {%- set open_months = months_open(this) -%}
    {%- if is_incremental() -%}
        insert into {{ touched }}
        select distinct 'backlog', months.month {{ open_months }} where {{ changed }}
    {%- endif -%}
{%- endmacro %}

{# The from clause of every round of a fact (`rounds`) with every month (`months`) at whose end it was open. #}
{% macro months_open(rounds) -%}
    from {{ rounds }} as rounds
    inner join (
        select distinct {{ month_of('calendar_on') }} as month from {{ ref('dim_calendar') }}
    ) as months
        on rounds.opened_month <= months.month and months.month < coalesce(rounds.closed_month, date '9999-12-01')
    inner join {{ source('linli', 'run') }} as run on months.month < {{ local_date('run.as_of') }}
{%- endmacro %}

{# A condition on the number of a resident: true for those this build computes; a full refresh computes all. #}
{% macro is_touched_resident(column) -%}
    {%- set touched = ref('int_touched_residents') -%}
    {%- if flags.FULL_REFRESH -%}
    true
    {%- else -%}
    {{ column }} in (select touched.resident_no from {{ touched }} as touched)
    {%- endif -%}
{%- endmacro %}

{# Before residents are replaced: remember them, and the months their old rows joined in, then remove them. #}
{% macro forget_changed_residents() -%}
    {%- set residents = ref('int_changed_residents') -%}
    {%- set touched = source('linli', 'touched_residents') -%}
    {%- set months = source('linli', 'touched_months') -%}
    {%- if is_incremental() -%}
        insert into {{ touched }} select resident_no from {{ residents }};
        insert into {{ months }}
        select distinct 'points', joined_month from {{ this }}
        where resident_no in (select changed.resident_no from {{ residents }} as changed);
        delete from {{ this }} where resident_no in (select changed.resident_no from {{ residents }} as changed)
    {%- endif -%}
{%- endmacro %}

{#
  Marts of stocks: a month holds what the month before held and what was added. They are counted again from the first
  touched month on, and carry over what the month before it says.
#}

{# A condition on a month: true for the months such a mart counts again. #}
{% macro is_since_touched(mart, month='month') -%}
    {%- set touched = ref('int_touched_months') -%}
    {%- if flags.FULL_REFRESH -%}
    true
    {%- else -%}
    {{ month }} >= (select min(touched.month) from {{ touched }} as touched where touched.mart = '{{ mart }}')
    {%- endif -%}
{%- endmacro %}

{# Before such a mart takes new rows: remove those months. #}
{% macro forget_since_touched(mart) -%}
    {%- set counted_again = is_since_touched(mart) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ counted_again }}
    {%- endif -%}
{%- endmacro %}

{# A condition on a month: true for the months after those such a mart still has. #}
{% macro is_uncounted(month) -%}
    {%- if is_incremental() -%}
    {{ month }} > coalesce((select max(counted.month) from {{ this }} as counted), date '0001-01-01')
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{# Before entries are replaced: their accounts are found once, the months in which they read otherwise now are remembered, and what is
   entered anew is removed. #}
{% macro forget_recounted_entries() -%}
    {%- set accounts = ref('int_touched_accounts') -%}
    {%- set months = source('linli', 'touched_months') -%}
    {%- if is_incremental() -%}
        create temporary table {{ entries_before() }} as
        select
            rowid as _place,
            resident_no,
            points,
            entered_at,
            month
        from {{ this }}
        where resident_no in (select accounts.resident_no from {{ accounts }} as accounts);
        insert into {{ months }}
        select distinct 'points', entries.month
        from {{ entries_before() }} as entries
        inner join {{ accounts }} as accounts
            on entries.resident_no = accounts.resident_no and entries.entered_at >= accounts.changed_from;
        delete from {{ this }} where rowid in (
            select entries._place
            from {{ entries_before() }} as entries
            inner join {{ accounts }} as accounts
                on entries.resident_no = accounts.resident_no and entries.entered_at >= accounts.entered_from
        )
    {%- endif -%}
{%- endmacro %}

{# Where a night keeps the entries of these accounts as they were. #}
{% macro entries_before() %}{{ return('entries_before') }}{% endmacro %}

{# A condition on a month: true for the months this build counts again. #}
{% macro is_touched(mart, column) -%}
    {%- set touched = ref('int_touched_months') -%}
    {%- if flags.FULL_REFRESH -%}
    true
    {%- else -%}
    {{ column }} in (select touched.month from {{ touched }} as touched where touched.mart = '{{ mart }}')
    {%- endif -%}
{%- endmacro %}

{# The same of a moment in such a month. The bound spares the others the conversion. #}
{% macro is_touched_moment(mart, moment) -%}
    {%- set touched = ref('int_touched_months') -%}
    {%- set month = month_of(local_date(moment)) -%}
    {{ is_touched(mart, month) }}
    {%- if not flags.FULL_REFRESH %}
    and {{ moment }} >= (
        select cast(min(touched.month) as timestamp) - interval 1 day from {{ touched }} as touched where touched.mart = '{{ mart }}'
    )
    {%- endif -%}
{%- endmacro %}

{# Before a mart, or a fact by month, takes new rows: remove the months it counts again. #}
{% macro forget_touched(mart, month='month') -%}
    {%- set touched = is_touched(mart, month) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ touched }}
    {%- endif -%}
{%- endmacro %}

{#
  Before staging takes newer versions of rows: what the staged ones, older or not, belong to is remembered.
#}

{# The cases. A row that is deleted, or filed under another case, takes its figures away from that case. #}
{% macro remember_cases() -%}
    {%- set touched = source('linli', 'touched_cases') -%}
    {%- if is_incremental() -%}
        insert into {{ touched }}
        select distinct staged.case_no from {{ staged_versions() }} as staged where staged.case_no is not null
    {%- endif -%}
{%- endmacro %}

{# The communities and months of sheets of returns. #}
{% macro remember_returns() -%}
    {%- set touched = source('linli', 'touched_returns') -%}
    {%- if is_incremental() -%}
        insert into {{ touched }}
        select distinct
            staged.community_code,
            staged.month_on
        from {{ staged_versions() }} as staged
        where
            staged.community_code is not null
            and staged.month_on is not null
    {%- endif -%}
{%- endmacro %}

{# The months of a moment, where their fact rows lie. #}
{% macro remember_months(moment, mart) -%}
    {%- set touched = source('linli', 'touched_months') -%}
    {%- if is_incremental() -%}
        insert into {{ touched }}
        select distinct
            '{{ mart }}',
            {{ month_of(local_date('staged.' ~ moment)) }}
        from {{ staged_versions() }} as staged
        where staged.{{ moment }} is not null
    {%- endif -%}
{%- endmacro %}

{#
  What communities return changes by return: by community and month. A night computes the meetings and events of changed returns,
  and the matters of their communities, for one month's return may list a matter of another.
#}

{# A condition on rows of a return, by their alias: true for the returns this build computes. #}
{% macro is_changed_return(rows) -%}
    {%- set changed = ref('int_changed_returns') -%}
    {%- if flags.FULL_REFRESH -%}
    true
    {%- else -%}
    exists (
        select 1 from {{ changed }} as changed
        where changed.community_code = {{ rows }}.community_code and changed.month_on = {{ rows }}.month_on
    )
    {%- endif -%}
{%- endmacro %}

{# The same for all months of their communities. #}
{% macro is_of_changed_community(rows) -%}
    {%- set changed = ref('int_changed_returns') -%}
    {%- if flags.FULL_REFRESH -%}
    true
    {%- else -%}
    {{ rows }}.community_code in (select changed.community_code from {{ changed }} as changed)
    {%- endif -%}
{%- endmacro %}

{# Before a fact of returns takes new rows: remember the months its old rows count in, then remove them. #}
{% macro forget_changed_returns(mart=none) -%}
    {%- set changed = is_changed_return('rows_before') -%}
    {%- set touched = source('linli', 'touched_months') -%}
    {%- if is_incremental() -%}
        {%- if mart -%}
        insert into {{ touched }}
        select distinct '{{ mart }}', rows_before.month from {{ this }} as rows_before where {{ changed }};
        {%- endif %}
        delete from {{ this }} as rows_before where {{ changed }}
    {%- endif -%}
{%- endmacro %}

{# The rows of `matters` that `others`, if there are any, does not have as they are; of the changed communities. #}
{% macro other_matters(matters, others=none) -%}
    {%- set columns = [
        'community_code', 'month_on', 'matter_no', 'meeting_no', 'meeting_type_code', 'district_code', 'compound_code', 'station_code',
        'department_code', 'category_code', 'item_code', 'raised_by_code', 'raised_on', 'raised_month', 'heard_on', 'heard_month',
        'solved_on', 'solved_month', 'hearing_workdays', 'solving_workdays', 'whole_workdays', 'is_solved_in_time', 'case_no',
    ] | join(', ') -%}
    select {{ columns }} from {{ matters }} as matters where {{ is_of_changed_community('matters') }}
    {%- if others %}
    except
    select {{ columns }} from {{ others }} as others where {{ is_of_changed_community('others') }}
    {%- endif -%}
{%- endmacro %}

{# Before the matters are replaced. A community's matters are computed together and most are what they were: only those that are not
   touch the months in which they are, or were, counted or open. #}
{% macro forget_other_matters() -%}
    {%- set computed, touched, days = ref('int_matters'), source('linli', 'touched_months'), ref('dim_calendar') -%}
    {%- set run = source('linli', 'run') -%}
    {%- set gone, come = other_matters(this, computed), other_matters(computed, this) -%}
    {%- if is_incremental() -%}
        insert into {{ touched }}
        select distinct 'matter', months.month
        from (({{ gone }}) union all ({{ come }})) as matters
        inner join (
            select distinct {{ month_of('days.calendar_on') }} as month
            from {{ days }} as days
            inner join {{ run }} as run on days.calendar_on < {{ local_date('run.as_of') }}
        ) as months
            on
                months.month in (matters.raised_month, matters.heard_month, matters.solved_month)
                or (matters.raised_month <= months.month and months.month < coalesce(matters.solved_month, date '9999-12-01'));
        delete from {{ this }} as matters
        where exists (
            select 1 from ({{ gone }}) as gone
            where
                gone.community_code = matters.community_code
                and gone.month_on = matters.month_on
                and gone.matter_no = matters.matter_no
        )
    {%- endif -%}
{%- endmacro %}
