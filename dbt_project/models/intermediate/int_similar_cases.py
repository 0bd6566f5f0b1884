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
    return similar_cases(months, lambda month: texts.filter(f"report_month = date '{month}'").to_arrow_table(), rules)
