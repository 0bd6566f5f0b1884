"""The gate's job for case rows as it would be done with pandas and Great Expectations, without DuckDB.

The landed Parquet file is read into a frame, the lookups the rules need are joined to it (set by set, no row-by-row
Python), repeated keys are found, GX's own pandas engine runs the suite naming the rows it finds unexpected, and from
its answers comes the list of quarantined rows with their rules, readings, key and submitter, written as Parquet.

`trimmed` says how much of the frame GX is given: all of it, as read and joined, or only the columns the suite looks at.
GX copies the frame for every metric and hashes it; where a column has lists it falls back to pickling all of it. So the
width of the frame costs more than its judgement, and both ways are measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linli.contracts import RecordDecl
from linli.register import Batch
from linli.settings import Settings

ROW = ["_batch_id", "_row_no"]
WITH_ROWS = {"result_format": "COMPLETE", "unexpected_index_column_names": ROW, "return_unexpected_index_query": False}
CONTEXT = {"district_code", "compound_code", "station_code", "officer_no", "assisting_departments", "duplicate_of", "updated_at"}


def _judged(record: RecordDecl) -> set[str]:
    named = {name for check in record.checks for name in (check.column, check.expect.at_or_after, check.expect.before) if name}
    return named | {where.column for check in record.checks for where in check.where}


def read(path: Path, record: RecordDecl, *, trimmed: bool) -> Any:
    """The rows of the landed file, whole or with the columns that rules, context and account need."""
    import pandas as pd

    needed = CONTEXT | _judged(record) | {*ROW, "_deleted", *record.key}
    columns = [column.name for column in record.columns if column.name in needed] + [*ROW, "_deleted"] if trimmed else None
    frame = pd.read_parquet(path, columns=columns)
    return frame[~frame["_deleted"]]


def enrich(frame: Any, seeds: Path, batch: Batch, record: RecordDecl, *, trimmed: bool) -> Any:
    """The frame with the context of `cases.context.sql`, without rows that a newer version of their key replaces."""
    import pandas as pd

    seed = {
        name: pd.read_csv(seeds / f"{name}.csv", dtype=str) for name in ("districts", "compounds", "stations", "officers", "departments")
    }
    key = list(record.key)
    repeated = frame[frame.duplicated(key, keep=False) & frame[key].notna().all(axis=1)]
    replaced = repeated.sort_values(["updated_at", "_row_no"], na_position="first").duplicated(key, keep="last")
    if replaced.any():
        frame = frame.drop(index=replaced[replaced].index)
    found = (
        frame.merge(seed["districts"][["district_code"]].assign(in_districts=True), how="left", on="district_code")
        .merge(seed["compounds"][["compound_code", "district_code"]], how="left", on="compound_code", suffixes=("", "_of_compound"))
        .merge(
            seed["stations"][["station_code", "district_code"]].assign(in_stations=True), how="left", on=["station_code", "district_code"]
        )
        .merge(
            seed["officers"][["officer_no", "district_code"]].drop_duplicates().assign(in_officers=True),
            how="left",
            on=["officer_no", "district_code"],
        )
    )
    served = found["in_districts"].notna()
    elsewhere = found["district_code_of_compound"]
    named = found["assisting_departments"].dropna().explode().dropna()
    unknown = named[~named.isin(seed["departments"]["department_name"])]
    found["ctx_unknown_compound"] = found["compound_code"].where(elsewhere.isna())
    found["ctx_compound_elsewhere"] = found["compound_code"].where(served & elsewhere.notna() & (elsewhere != found["district_code"]))
    found["ctx_unknown_station"] = found["station_code"].where(served & found["in_stations"].isna())
    found["ctx_unknown_officer"] = found["officer_no"].where(served & found["in_officers"].isna())
    found["ctx_unknown_departments"] = unknown.groupby(level=0).agg("、".join)
    found["ctx_numbered_elsewhere"] = found["case_no"].where(served & (found["case_no"].str.split("-").str[0] != found["district_code"]))
    found["ctx_duplicate_of_itself"] = found["duplicate_of"].where(found["duplicate_of"] == found["case_no"])
    found["ctx_as_of"] = pd.Timestamp(batch.interval_end)
    found["ctx_earliest"] = pd.Timestamp("2015-01-01", tz="Asia/Shanghai")
    return found[sorted({*ROW, *_judged(record)})] if trimmed else found


def quarantine(outcome: Any, rows: Any, record: RecordDecl, target: Path) -> int:
    """Writes the bad rows with their rules and readings, key and submitter; returns how many there are."""
    import pandas as pd

    checks: Mapping[str, Any] = {check.rule: check for check in record.checks}
    parts = []
    for one in outcome.results:
        check = checks[one.expectation_config.meta["rule"]]
        if not one.success and "unexpected_count" not in one.result:
            raise SystemExit(f"GX on pandas could not judge {check.rule}")
        if one.result.get("unexpected_index_list"):
            bad = pd.DataFrame(one.result["unexpected_index_list"])
            parts.append(bad[ROW].assign(rule=check.rule, reading=bad[check.column].astype("string"), is_bad=check.quarantines))
    if not parts:
        return 0
    listed = pd.concat(parts).groupby(ROW, sort=False).agg(rules=("rule", list), readings=("reading", list), is_bad=("is_bad", "any"))
    listed = listed[listed["is_bad"]].reset_index().merge(rows[[*ROW, *record.key, record.submitter]], how="left", on=ROW)
    listed.to_parquet(target)
    return len(listed)


def run(settings: Settings, batch: Batch, record: RecordDecl, suite: Any, definition: Any, *, trimmed: bool) -> int:
    """The whole job over one landed batch; returns the number of quarantined rows."""
    rows = read(settings.home / batch.path, record, trimmed=trimmed)
    frame = enrich(rows, settings.reference, batch, record, trimmed=trimmed)
    outcome = definition.get_batch({"dataframe": frame}).validate(suite, result_format=WITH_ROWS)
    return quarantine(outcome, rows, record, settings.home / "on_pandas.parquet")
