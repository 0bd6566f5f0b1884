"""The reference seeds: what the project ships is what the generator writes, and many districts do not collide."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from linli.demo.reference import district, items, tables, write_reference

SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"


def test_the_projects_seeds_are_those_of_one_district(tmp_path: Path) -> None:
    for written in write_reference(tmp_path, 1):
        assert (SEEDS / written.name).read_bytes() == written.read_bytes(), written.name


@pytest.mark.parametrize(
    ("table", "rows"),
    [("communities", 13), ("compounds", 26), ("stations", 13), ("departments", 6), ("enforcement_items", 29), ("rota", 24)],
)
def test_one_district_has_the_accounts_places(table: str, rows: int) -> None:
    assert len(tables(1)[table][1]) == rows


def test_an_officer_has_one_post_a_day_and_22_serve_every_day() -> None:
    place = district(0)
    moved = [officer for officer in place.officers if officer.to_on]
    assert moved
    for officer in moved:
        assert officer.to_on
        numbers = [other.number for other in place.officers_on(officer.to_on)]
        assert len(numbers) == len(set(numbers)) == 22


def test_leads_and_assistants_of_items_are_departments_and_codes_are_right() -> None:
    departments = {row[0] for row in tables(1)["departments"][1]}
    for item in items():
        assert {item.lead, *item.assisting} <= departments
        assert item.lead not in item.assisting
        assert item.code.startswith(f"{item.category_code}-")
    assert {item.category_code for item in items()} == set("1234567")


def test_districts_of_a_larger_demo_share_no_keys(tmp_path: Path) -> None:
    write_reference(tmp_path, 3)
    for table, key in (("districts", "district_code"), ("compounds", "compound_code"), ("agreements", "agreement_no")):
        with (tmp_path / f"{table}.csv").open(encoding="utf-8") as file:
            codes = [row[key] for row in csv.DictReader(file)]
        assert len(codes) == len(set(codes)) == 3 * (1 if table == "districts" else len(codes) // 3)
    officers = [{officer.number for officer in district(n).officers} for n in range(3)]
    assert not officers[0] & officers[1] | officers[1] & officers[2]
