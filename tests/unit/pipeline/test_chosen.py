"""What is chosen at the close of a month becomes a seed, whatever the deployment's own list looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linli import warehouse
from linli.pipeline.steps import write_chosen
from linli.settings import Settings

HEADER = "district_code,month_on,department_code,item_codes,compound_codes"
CLOSING = {
    "month": "2026-10-01", "as_of": "2026-11-01T00:00:00+08:00", "closed_at": "2026-11-02T09:00:00+08:00", "inputs_hash": "i",
    "definitions": "d", "content_hash": "c", "code_version": "v", "figure_count": 1, "approved_by": "李主任",
}  # fmt: skip


def campaign(district: str, department: str = "fire") -> dict[str, str]:
    return {
        "number": "1", "district_code": district, "words": "消防", "month_on": "2026-11-01", "department_code": department,
        "item_codes": "4-01;4-02", "compound_codes": "X1",
    }  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "reference").mkdir()
    found = Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_REFERENCE": str(tmp_path / "reference")})
    folder = found.closed / "2026-10"
    folder.mkdir(parents=True)
    (folder / "closing.json").write_text(json.dumps(CLOSING | {"campaigns": [campaign("340405"), campaign("340406")]}))
    return found


def written(settings: Settings) -> list[str]:
    write_chosen(settings)
    return (warehouse.chosen(settings) / warehouse.CAMPAIGNS).read_text(encoding="utf-8").splitlines()


def test_a_deployment_without_a_list_of_its_own(settings: Settings) -> None:
    assert written(settings) == [HEADER, "340405,2026-11-01,fire,4-01;4-02,X1", "340406,2026-11-01,fire,4-01;4-02,X1"]


def test_a_list_saved_by_a_spreadsheet_goes_before_what_was_chosen(settings: Settings) -> None:
    own = f"{HEADER}\r\n340405,2026-11-01,fire,4-01,X9\r\n340405,2026-05-01,market,3-01,X2\r\n"
    (settings.reference / warehouse.CAMPAIGNS).write_text(own, encoding="utf-8-sig")
    assert written(settings) == [
        HEADER, "340405,2026-11-01,fire,4-01,X9", "340405,2026-05-01,market,3-01,X2", "340406,2026-11-01,fire,4-01;4-02,X1",
    ]  # fmt: skip


def test_nothing_chosen_leaves_the_list_alone(settings: Settings) -> None:
    written(settings)
    (settings.closed / "2026-10" / "closing.json").write_text(json.dumps(CLOSING))
    write_chosen(settings)
    assert not (warehouse.chosen(settings) / warehouse.CAMPAIGNS).exists()
