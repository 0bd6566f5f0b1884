"""The copies as files: no text of the reference data is an order to whoever opens one, and none is a path."""

from __future__ import annotations

import csv
import datetime as dt
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml import etree

from linli.audiences import Directory, write_copies
from linli.audiences.copies import Place
from payloads import PAYLOADS, live_in_csv, live_in_workbook

OCTOBER = dt.date(2026, 10, 1)
DISTRICT = "340405"
TEXTS = [*PAYLOADS, "../../x", "/x", "a/b", "..", "CON", "长" * 300]
"""payloads, and names of places that would be other files than their own"""
OWNERS = ["=1+1", "<script>alert(1)</script>", "../../x"]
"""those of them that have a copy of their own"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copies of a month in which every text is the code and the name of a community, a compound, a category and an officer."""
    home = tmp_path_factory.mktemp("copies")
    figures = [
        {"month": OCTOBER, "mart": "mart_case_volume", "district_code": DISTRICT, "level": "district", "key": DISTRICT, "grain": "",
         "metric": "received_count", "value": "7"},
        {"month": OCTOBER, "mart": "mart_score", "district_code": DISTRICT, "level": "department", "key": OWNERS[0],
         "grain": f"period=month department_code={OWNERS[0]}", "metric": "officer_score_count", "value": "7"},
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(figures), home / "figures.parquet")
    names = {(DISTRICT, level, text): text for level in ("community", "compound", "category", "officer") for text in TEXTS}
    names |= {(DISTRICT, level, text): text for level in ("station", "department") for text in OWNERS}
    names[DISTRICT, "district", DISTRICT] = "=1+1"
    places = dict.fromkeys(TEXTS, OWNERS[0])
    parents = {
        (DISTRICT, "compound", "community"): {text: text for text in TEXTS},
        (DISTRICT, "compound", "station"): places,
        (DISTRICT, "officer", "department"): places,
    }
    return write_copies(home / "figures.parquet", home / "copies", OCTOBER, Directory(parents, names), few=5).folder


def test_every_audience_has_a_folder_of_its_own(folder: Path) -> None:
    places = [path for path in folder.parent.rglob("*") if path.is_dir() and path != folder]
    assert {path.parent for path in places} == {folder}
    assert len(places) == 1 + 2 * len(OWNERS)
    assert {path.parent.parent for path in folder.parent.rglob("*.xlsx")} == {folder}
    named = [Place("station", DISTRICT, text, text).folder for text in TEXTS]
    assert len(set(named)) == len(TEXTS)
    assert [name for name in named if not re.fullmatch(r"[0-9A-Za-z_-]{1,100}", name)] == []


def names_of(path: Path, level: str) -> set[str]:
    """The names of a level in a file, without the apostrophe that keeps some from being a formula."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["名称"].removeprefix("'") for row in csv.DictReader(file) if row["层级"] == level}


def test_what_was_not_loaded_is_no_row_of_zeros(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "public").glob("*.csv")) == ["case_volume.csv"]
    with (folder / "public" / "case_volume.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["收到的案件"] for row in csv.DictReader(file) if row["层级"] == "社区"} == {"0"}


def test_no_text_is_a_formula_in_a_csv_file(folder: Path) -> None:
    assert [path for path in folder.rglob("*.csv") if live_in_csv(path.read_text(encoding="utf-8-sig"))] == []
    of_officers = folder / Place("department", DISTRICT, OWNERS[0]).folder / "officer_answers.csv"
    told = [names_of(folder / "public" / "case_volume.csv", level) for level in ("社区", "事项类别")] + [names_of(of_officers, "队员")]
    assert told == [{text.removeprefix("'") for text in TEXTS}] * 3


def test_no_text_is_a_formula_in_a_workbook(folder: Path) -> None:
    books = sorted(folder.rglob("*.xlsx"))
    assert [book.name for book in books if live_in_workbook(book.read_bytes())] == []
    with zipfile.ZipFile(folder / "public" / "linli-public-2026-10.xlsx") as book:
        strings = etree.fromstring(book.read("xl/sharedStrings.xml"))
    seen = {"".join(text.text or "" for text in item.iter("{*}t")) for item in strings.iter("{*}si")}
    assert {text for text in TEXTS if text.isprintable()} <= seen
