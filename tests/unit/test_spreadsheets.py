"""CSV files as spreadsheets read them: no text is a formula, and every value is there."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal

from linli.spreadsheets import inert, write_csv
from payloads import PAYLOADS, by_payload, live_in_csv


def written(*rows: list[object]) -> str:
    file = io.StringIO(newline="")
    write_csv(file, rows)
    return file.getvalue()


@by_payload
def test_no_text_begins_a_formula(payload: str) -> None:
    """At either end of a row, on the first line and later ones, alone and after other texts."""
    text = written([payload, 1, payload], ["x", payload, -2], [payload])
    assert live_in_csv(text) == []
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[at].removeprefix("'") for row, at in zip(read, (0, 1, 0), strict=True)] == [payload.removeprefix("'")] * 3


def test_payloads_are_live_as_they_are() -> None:
    """Else nothing is proven by their being inert."""
    plain = io.StringIO(newline="")
    csv.writer(plain).writerows([[payload] for payload in PAYLOADS])
    assert len(live_in_csv(plain.getvalue())) > 30


def test_numbers_and_nothing_stay_as_they_are() -> None:
    text = written(["a", -1, -0.5, Decimal("-1.50"), True, None, "", dt.date(2026, 10, 1), ["=1"]], [None])
    assert text == '"a",-1,-0.5,-1.50,True,,"","2026-10-01","[\'=1\']"\r\n""\r\n'
    assert inert(-1) == -1 and inert("二号楼 - 3") == "二号楼 - 3"
