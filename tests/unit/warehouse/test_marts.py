"""What is read from dbt's manifest about the marts."""

from __future__ import annotations

from linli.warehouse.marts import FactRows, Mart, marts_of


def node(name: str, schema: str, columns: list[str], closing: list[dict[str, object]], **meta: object) -> dict[str, object]:
    described = {"columns": dict.fromkeys(columns), "config": {"meta": {"closing": closing, **meta}}}
    return {"resource_type": "model", "name": name, "schema": schema} | described


def grain(of: str, columns: list[str], name: str = "sound") -> dict[str, object]:
    return {"resource_type": "test", "attached_node": of, "test_metadata": {"name": name, "kwargs": {"columns": columns}}}


def test_marts_by_month_with_their_grain_and_what_is_behind_them() -> None:
    behind: dict[str, object] = {"fact": "fct_x", "record": "id", "where": "month = {month}", "keys": {"place": "places"}}
    repeats = [{"mart": "mart_a", "columns": ["n_count"]}, {"mart": "mart_a", "columns": ["m_count"], "where": "key = 'x'"}]
    manifest = {
        "nodes": {
            "m.b": node("mart_b", "mart", ["month", "key", "n_count", "m_count"], [behind], repeats=repeats),
            "m.a": node("mart_a", "mart", ["n_count", "month"], []),
            "m.cases": node("mart_cases", "mart", ["month", "district_code", "case_no", "is_open"], []),
            "m.repeated": node("mart_repeated", "mart", ["month", "key", "n_count", "change_rate"], [behind], figures=["change_rate"]),
            "m.list": node("mart_list", "mart", ["case_no", "n_count"], []),
            "m.fact": node("fct_x", "core", ["month", "id"], []),
            "t.b": grain("m.b", ["month", "key"]),
            "t.a": grain("m.a", ["month"], "grain"),
            "t.list": grain("m.list", ["case_no"]),
            "t.fact": grain("m.fact", ["month", "id"]),
            "t.cases": grain("m.cases", ["month", "case_no"]),
            "t.repeated": grain("m.repeated", ["month", "key"]),
            "t.own": {"resource_type": "test", "attached_node": None, "test_metadata": None},
        }
    }
    assert marts_of(manifest) == [
        Mart("mart_a", (), ("n_count",), ()),
        Mart(
            "mart_b",
            ("key",),
            ("n_count", "m_count"),
            (FactRows("fct_x", "id", "month = {month}", {"place": "places"}),),
            {"n_count": "true", "m_count": "key = 'x'"},
        ),
        Mart("mart_cases", ("case_no", "district_code"), ("is_open",), ()),
        Mart("mart_repeated", ("key",), ("change_rate",), (FactRows("fct_x", "id", "month = {month}", {"place": "places"}),)),
    ]
