"""The two headline marts by pandas: mart_clock_257 and mart_two_callback_satisfaction of a home that has just been built.

    python benchmarks/marts_on_pandas.py HOME

Whole columns at a time, no Python function per row, and only the columns that are needed. Reads the landed files of the home
as they are, makes both marts at all ten levels and compares every count with the published ones. Called by history.py, whose
history has at most one suspension a round; general rules of the clock are not repeated here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from linli import calendar

ALLOWED = {"accept": 2, "resolve": 5, "follow_up": 7}
EXCLUDED = ("已撤诉", "已作废", "重复件")
EXCLUDING = ("撤诉", "作废", "判重")
"""the steps that say so before the case's own row, which may be read a night later, does"""
ZONE = "Asia/Shanghai"


class Days:
    """Working days, numbered: of a local day its number, and how many there were before it."""

    def __init__(self, last: pd.Timestamp) -> None:
        rows = calendar.calendar_rows(calendar.first_published_on(), last.date()).to_pandas()
        self.first = pd.Timestamp(rows["calendar_on"].iloc[0])
        works = rows["is_workday"].to_numpy()
        self.number = works.cumsum()
        self.before = self.number - works
        self.day_of_number = np.flatnonzero(works)

    def at(self, moments: pd.Series) -> np.ndarray:
        """Days since the first, of local moments; -1 for none."""
        return ((moments - self.first).dt.days).fillna(-1).astype(int).to_numpy()


def read(home: Path, record: str, columns: list[str], key: str) -> pd.DataFrame:
    """The newest version of each row, moments in local time."""
    meta = ["_snapshot_at", "_deleted"]
    frame = pd.read_parquet(home / "lake" / "case_system" / record, columns=[*columns, *meta], partitioning=None)
    frame = frame.sort_values("_snapshot_at", kind="stable").drop_duplicates(key, keep="last")
    for name in frame.columns[[str(kind).startswith("datetime64") for kind in frame.dtypes]]:
        frame[name] = frame[name].dt.tz_convert(ZONE).dt.tz_localize(None)
    return frame[~frame["_deleted"]].drop(columns=meta)


def cases_of(home: Path, seeds: Path) -> pd.DataFrame:
    """Counted cases with the keys of the ten levels."""

    def seed(name: str) -> pd.DataFrame:
        return pd.read_csv(seeds / f"{name}.csv", dtype=str)

    columns = ["case_no", "district_code", "compound_code", "item_code", "lead_department", "officer_no", "channel", "status"]
    cases = read(home, "cases", columns, "case_no")
    cases = cases[~cases["status"].isin(EXCLUDED)]
    cases = cases.merge(seed("compounds")[["compound_code", "community_code", "station_code"]], on="compound_code", how="left")
    cases = cases.merge(seed("enforcement_items")[["item_code", "category_code"]], on="item_code", how="left")
    cases["department_code"] = cases["lead_department"].map(seed("departments").set_index("department_name")["department_code"])
    cases["channel_code"] = cases["channel"].map(seed("channels").set_index("channel_name")["channel_code"])
    levels = seed("whistle_levels").set_index("whistle_level_name")
    whistles = read(home, "whistles", ["whistle_id", "case_no", "level"], "whistle_id")
    highest = whistles["level"].map(levels["rank"].astype(int)).groupby(whistles["case_no"]).max()
    codes = levels.set_index(levels["rank"].astype(int))["whistle_level_code"]
    cases["whistle_level_code"] = cases["case_no"].map(highest).map(codes)
    return cases.drop(columns=["status", "lead_department", "channel"]).fillna("none")


def rounds_of(home: Path, days: Days, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row a round with its moments and due days (since the first day; -1 for none)."""
    steps = read(home, "case_steps", ["step_id", "case_no", "round_no", "step", "stepped_at"], "step_id")
    steps = steps[steps["stepped_at"] < as_of]
    steps = steps[~steps["case_no"].isin(steps.loc[steps["step"].isin(EXCLUDING), "case_no"])]
    first = steps.groupby(["case_no", "round_no", "step"], sort=False)["stepped_at"].min().unstack("step")
    rounds = first.assign(opened_at=first["上报"].fillna(first["重办"])).dropna(subset="opened_at").reset_index()
    resumed = rounds[["恢复", "办结反馈"]].min(axis=1)
    day_0, paused, ended = days.at(rounds["opened_at"]), days.at(rounds["挂起"]), days.at(resumed)
    before = np.where(paused >= 0, days.before[paused], np.iinfo(np.int64).max)
    # day 0 counts for nothing, suspended or not
    begun = np.maximum(days.before[paused], days.number[day_0])
    pause = np.where((paused >= 0) & (ended >= 0), np.maximum(days.before[ended] - begun, 0), 0)
    for step, allowed in ALLOWED.items():
        target = days.number[day_0] + allowed
        number = np.where(target <= before, target, target + pause)
        stands = (target > before) & (paused >= 0) & (ended < 0)
        rounds[f"{step}_due"] = np.where(stands, -1, days.day_of_number[number - 1])
    last = rounds.groupby("case_no")["round_no"].transform("max")
    return rounds.assign(is_latest=rounds["round_no"] == last).rename(columns={"受理核实": "accept_at", "办结反馈": "resolve_at"})


def with_voices(rounds: pd.DataFrame, home: Path, as_of: pd.Timestamp) -> pd.DataFrame:
    """The rounds with the moment both sides had been reached, and whether each was satisfied."""
    columns = ["callback_id", "case_no", "round_no", "side", "called_at", "outcome", "solved", "department_score", "officer_score"]
    calls = read(home, "callbacks", columns, "callback_id")
    calls = calls[(calls["called_at"] < as_of) & (calls["outcome"] == "接通")]
    calls = calls.merge(rounds[["case_no", "round_no", "resolve_at"]], on=["case_no", "round_no"])
    calls = calls[calls["called_at"] >= calls["resolve_at"]].sort_values(["called_at", "callback_id"])
    calls["is_satisfied"] = calls["solved"].eq(True) & (calls["department_score"] >= 4) & (calls["officer_score"] >= 4)
    sides = calls.groupby(["case_no", "round_no", "side"], sort=False).agg(reached=("called_at", "first"), voice=("is_satisfied", "last"))
    sides = sides.unstack("side")
    both = sides["reached"].max(axis=1).where(sides["reached"].notna().all(axis=1))
    told = pd.DataFrame({"follow_up_at": both, "org": sides["voice"]["组织"], "resident": sides["voice"]["居民"]})
    return rounds.merge(told.reset_index(), on=["case_no", "round_no"], how="left")


def at_every_level(facts: pd.DataFrame, apart: list[str], counts: list[str]) -> pd.DataFrame:
    """Sums of `counts` by month, district, level, key and the columns `apart`."""
    codes = [name for name in facts.columns if name.endswith("_code") or name == "officer_no"]
    parts = []
    for code in codes:
        level = "officer" if code == "officer_no" else code.removesuffix("_code")
        keys = facts[["month", "district_code", *apart, *counts]].assign(level=level, key=facts[code])
        parts.append(keys.groupby(["month", "district_code", "level", "key", *apart], observed=True)[counts].sum().reset_index())
    return pd.concat(parts, ignore_index=True)


def clock(rounds: pd.DataFrame, days: Days, as_of: pd.Timestamp) -> pd.DataFrame:
    """mart_clock_257: counts by state of the steps that fall due in the month."""
    codes = [name for name in rounds.columns if name.endswith("_code") or name == "officer_no"]
    today = (as_of - days.first).days
    parts = []
    for step in ALLOWED:
        due, taken = rounds[f"{step}_due"].to_numpy(), days.at(rounds[f"{step}_at"])
        facts = rounds[codes].assign(step=step, month=days.first + pd.to_timedelta(due, unit="D"))
        facts["month"] = facts["month"].to_numpy().astype("datetime64[M]")
        facts["on_time_count"] = (taken >= 0) & (taken <= due)
        facts["late_count"] = (taken >= 0) & (taken > due)
        facts["overdue_count"] = (taken < 0) & (due < today)
        parts.append(facts[due >= 0].assign(due_count=1))
    return at_every_level(pd.concat(parts, ignore_index=True), ["step"], ["due_count", "on_time_count", "late_count", "overdue_count"])


def satisfaction(rounds: pd.DataFrame, days: Days, as_of: pd.Timestamp) -> pd.DataFrame:
    """mart_two_callback_satisfaction: counts of the cases resolved in the month."""
    facts = rounds[rounds["is_latest"] & rounds["resolve_at"].notna()].copy()
    due, reached = facts["follow_up_due"].to_numpy(), days.at(facts["follow_up_at"])
    double = (reached >= 0) & ((due < 0) | (reached <= due))
    facts["month"] = facts["resolve_at"].to_numpy().astype("datetime64[M]")
    facts["eligible_count"] = 1
    facts["matured_count"] = (reached >= 0) | ((due >= 0) & (due < (as_of - days.first).days))
    facts["double_called_count"] = double
    facts["double_satisfied_count"] = double & facts["org"].eq(True) & facts["resident"].eq(True)
    return at_every_level(facts, [], ["eligible_count", "matured_count", "double_called_count", "double_satisfied_count"])


def differing(home: Path, mart: str, found: pd.DataFrame, grain: list[str]) -> int:
    """Rows of the published mart and of `found` that have no equal in the other."""
    counts = [name for name in found.columns if name.endswith("_count")]
    columns = ", ".join([*grain, *(f"{name}::bigint as {name}" for name in counts)])
    with duckdb.connect(home / "warehouse" / "linli.duckdb", read_only=True) as con:
        con.register("found", found.assign(month=found["month"].dt.date))
        one, other = (f"select {columns} from {source}" for source in (f"mart.{mart}", "found"))
        [(rows,)] = con.execute(
            f"select count(*) from (({one} except all {other}) union all ({other} except all {one}))"
        ).fetchall()
    return int(rows)


def main() -> int:
    home = Path(sys.argv[1])
    with duckdb.connect(home / "warehouse" / "linli.duckdb", read_only=True) as con:
        con.execute(f"set TimeZone = '{ZONE}'")
        [(moment,)] = con.execute("select any_value(as_of)::timestamp from main.published_at").fetchall()
    as_of = pd.Timestamp(moment)
    days = Days(as_of + pd.Timedelta(days=60))
    rounds = rounds_of(home, days, as_of).merge(cases_of(home, home / "seeds"), on="case_no")
    rounds = with_voices(rounds, home, as_of)
    made = {"mart_clock_257": (clock, ["step"]), "mart_two_callback_satisfaction": (satisfaction, [])}
    grain = ["month", "district_code", "level", "key"]
    wrong = {name: differing(home, name, make(rounds, days, as_of), [*grain, *apart]) for name, (make, apart) in made.items()}
    print("the same figures as the warehouse" if not any(wrong.values()) else f"OTHER figures than the warehouse: {wrong}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
