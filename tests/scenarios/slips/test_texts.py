"""No text in a slip becomes an order, wherever in the workbook it stands."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from linli.contracts import Catalog, load
from linli.slips import Fault, Reference
from linli.slips.book import render
from payloads import LONG, PAYLOADS, live_in_workbook
from unit.slips.hand_made import REFERENCE, cells, slip

TEXTS = [*PAYLOADS, LONG]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(Path(__file__).parents[3] / "expectations")


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_no_text_becomes_a_formula(catalog: Catalog, payload: str) -> None:
    fault = Fault("meeting_type_listed", payload, payload, ("meeting_type",))
    held = slip(catalog, payload, name=payload[:30], faults=(fault,), reference=texts_of_reference(payload))
    content = render(replace(held, source_label=payload, submitter=payload))
    assert live_in_workbook(content) == []
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        listed = etree.fromstring(book.read("xl/worksheets/sheet2.xml")).iter("{*}formula1")
    assert all(re.fullmatch(r"'名录'![$A-Z0-9:]+|\"[^\"]*\"", str(formula.text)) for formula in listed)
    shown = visible(payload)
    assert any(shown in visible(str(value)) for rows in cells(content).values() for row in rows for value in row if value)


def texts_of_reference(text: str) -> Reference:
    """REFERENCE with every name the text; what decides which rows are near stays."""
    near = ("community_code", "district_code")
    return {name: [{k: v if k in near else text for k, v in row.items()} for row in rows] for name, rows in REFERENCE.items()}


def visible(text: str) -> str:
    """What both a workbook and its reader keep of a text: no control characters, blanks as one, not more than a cell holds."""
    return " ".join("".join(sign for sign in text if unicodedata.category(sign)[0] != "C" or sign.isspace()).split())[:30_000]
