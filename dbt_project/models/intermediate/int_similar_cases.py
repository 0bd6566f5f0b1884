import datetime as dt
import json

from linli.similarity import Rules, similar_cases


def model(dbt, session):
    dbt.config(materialized="table")
    rules = Rules(**json.loads(dbt.config.meta_get("rules")))
    texts = dbt.ref("int_similar_texts")
    touched = dbt.ref("int_touched_months").filter("mart = 'similar'").project("month").distinct().fetchall()
    # of the fact, not of the texts: those of all years would be put together to learn their months
    reported = dbt.ref("fct_case_round").filter("is_counted and is_latest_round").project("report_month").distinct().fetchall()
    months = sorted({month for (month,) in touched} & {month for (month,) in reported})

    def read(month):
        # wider than the month in any time zone: the bounds spare a reading of all years
        first, last = month - dt.timedelta(days=2), month + dt.timedelta(days=33)
        within = f"reported_at >= timestamptz '{first}' and reported_at < timestamptz '{last}'"
        return texts.filter(f"report_month = date '{month}' and {within}").to_arrow_table()

    return similar_cases(months, read, rules)
