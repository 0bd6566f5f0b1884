"""Uploads as bytes: readable where they are whole, recognisably cut where they are not, the same every time."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from python_calamine import CalamineError, CalamineWorkbook, ZipError

from linli.demo.history import CST
from linli.demo.meetings import Communities, Drop, MonthReturn
from linli.demo.reference import district
from linli.demo.returns import files

AT = datetime(2026, 9, 30, 17, tzinfo=CST)


@pytest.fixture(scope="module")
def returns() -> dict[tuple[str, int, int], MonthReturn]:
    return Communities(district(0), 1).returns


def _drop(returns: dict[tuple[str, int, int], MonthReturn], community: int, style: str = "x", cut: float = 1.0) -> Drop:
    return Drop("upload_会议", AT, AT, returns[f"340405-C{community:02d}", 2026, 9], style, cut)


def test_a_workbook_has_the_three_sheets_with_footers(returns: dict[tuple[str, int, int], MonthReturn]) -> None:
    drop = _drop(returns, 1)
    ((name, content),) = files(drop)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert name == "upload_会议.xlsx"
    assert book.sheet_names == ["会议", "议题", "普法"]
    rows = book.get_sheet_by_name("会议").to_python()
    assert "2026年9月会议台账" in str(rows[0][0])
    assert len(drop.source.meetings) == sum(str(row[0]).startswith("HY-") for row in rows)
    assert [row[1] for row in rows if row[0] == "合计"] == [len(drop.source.meetings)]


@pytest.mark.parametrize(("community", "encoding"), [(3, "utf-8"), (6, "gb18030"), (8, "utf-8-sig")])
def test_csv_comes_in_three_encodings(returns: dict[tuple[str, int, int], MonthReturn], community: int, encoding: str) -> None:
    contents = dict(files(_drop(returns, community)))
    assert contents.keys() == {"upload_会议.csv", "upload_议题.csv", "upload_普法.csv"}
    text = contents["upload_议题.csv"].decode(encoding)
    assert "议题台账" in text
    assert "制表人" in text
    assert contents["upload_议题.csv"].startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")


def test_the_same_upload_has_the_same_bytes_and_another_hand_has_others(
    returns: dict[tuple[str, int, int], MonthReturn],
) -> None:
    assert files(_drop(returns, 1)) == files(_drop(returns, 1))
    assert files(_drop(returns, 1)) != files(_drop(returns, 1, style="another"))


def test_a_cut_upload_is_no_workbook_and_has_no_footer(returns: dict[tuple[str, int, int], MonthReturn]) -> None:
    ((_, content),) = files(_drop(returns, 1, cut=0.7))
    with pytest.raises((CalamineError, ZipError)):
        CalamineWorkbook.from_filelike(io.BytesIO(content))
    for _, content in files(_drop(returns, 3, cut=0.95)):
        assert "合计" not in content.decode("utf-8", "ignore")


def test_matters_are_reported_solved_only_after_they_are(returns: dict[tuple[str, int, int], MonthReturn]) -> None:
    later = 0
    for month_return in returns.values():
        for moment in (AT,):
            for row in month_return.rows_at("议题", moment):
                assert row["solved_on"] is None or row["solved_on"] <= moment.date()
        later += sum(row["solved_on"] is not None and row["solved_on"] > AT.date() for row in month_return.matters)
    assert later
