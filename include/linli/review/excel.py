"""The appendix as Excel: a sheet for each question with the rows of its answer, and a list of the questions with their queries.

Texts are written as texts, never as formulas or links, whatever they begin with.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
from typing import Any

import xlsxwriter

from linli.review.blocks import Page
from linli.review.values import printed
from linli.review.words import Words
from linli.settings import SHANGHAI

_LONGEST = 32_767
"""characters a cell of Excel can hold"""


_SHARES = ("_rate", "_low", "_high")
_NO_SHARES = frozenset({"effect"})
"""answers whose rates are cases a compound and month, and ratios of them"""
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


def render(page: Page, words: Words) -> bytes:
    """The file of a page."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, _OPTIONS) as book:
        # Excel's own dates know no zone: they are UTC
        book.set_properties({"title": "", "author": "", "created": page.as_of.astimezone(dt.UTC).replace(tzinfo=None)})
        head = book.add_format({"bold": True, "bg_color": "#1d4f91", "font_color": "#ffffff", "text_wrap": True, "valign": "top"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        forms = {
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "rate": book.add_format({"num_format": "0.0%"}),
        }
        contents = book.add_worksheet(words("contents"))
        contents.set_column(0, 0, 18)
        contents.set_column(1, 1, 30)
        contents.set_column(2, 2, 8)
        contents.set_column(3, 3, 100)
        contents.write_string(0, 0, f"{page.title} {page.subtitle}")
        for number, remark in enumerate(page.remarks, 1):
            contents.write_string(number, 0, remark)
        first = len(page.remarks) + 2
        for number, name in enumerate(("sheet", "what", "rows", "query")):
            contents.write_string(first, number, words(f"contents.{name}"), head)
        answers = [answer for answer in page.answers.values() if answer.sql]
        for line, answer in enumerate(answers, first + 1):
            contents.write_string(line, 0, answer.name, wrapped)
            contents.write_string(line, 1, words(f"question.{answer.name}"), wrapped)
            contents.write_number(line, 2, len(answer.rows), wrapped)
            contents.write_string(line, 3, answer.sql[:_LONGEST], wrapped)
            sheet = book.add_worksheet(answer.name)
            sheet.freeze_panes(1, 0)
            for place, column in enumerate(answer.columns):
                sheet.write_string(0, place, column, head)
                sheet.set_column(place, place, min(max(len(column) + 2, 10), 28))
            for row_no, row in enumerate(answer.rows, 1):
                for place, column in enumerate(answer.columns):
                    _write(
                        sheet, row_no, place, row[column], forms, words, is_share=answer.name not in _NO_SHARES and column.endswith(_SHARES)
                    )
            if answer.rows:
                sheet.autofilter(0, 0, len(answer.rows), len(answer.columns) - 1)
    return written.getvalue()


def _write(sheet: Any, line: int, place: int, value: object, forms: dict[str, Any], words: Words, *, is_share: bool) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_string(line, place, words("true" if value else "false"))
    elif isinstance(value, (int, float, decimal.Decimal)):
        sheet.write_number(line, place, float(value), forms["rate"] if is_share and isinstance(value, float) else None)
    elif isinstance(value, dt.datetime):
        sheet.write_datetime(line, place, value.astimezone(SHANGHAI).replace(tzinfo=None), forms["moment"])
    elif isinstance(value, dt.date):
        sheet.write_datetime(line, place, value, forms["day"])
    else:
        sheet.write_string(line, place, printed(value)[:_LONGEST])
