"""Slips made by hand, and a workbook as it is read."""

from __future__ import annotations

import datetime as dt
import io

import python_calamine

from linli.contracts import Catalog
from linli.contracts.slip import HIDDEN
from linli.slips import BadRow, Fault, Reference, Slip, SlipSheet, choices

OCTOBER, DAY = dt.date(2026, 10, 1), dt.date(2026, 11, 3)
TYPE = Fault("meeting_type_listed", "会议类型“茶话会”不在规定选项内", "请从以下选项中选择：会谈", ("meeting_type",))
BATCH = Fault("batch_stopped", "整批多数记录不合格", "请整批重报")
REFERENCE = {
    "compounds": [
        {"compound_code": f"340405-{c}-X01", "compound_name": f"{c}苑", "community_code": f"340405-{c}", "district_code": "340405"}
        for c in ("C01", "C02")
    ],
    "officers": [
        {"officer_no": "E001", "officer_name": "某某", "district_code": "340405"},
        {"officer_no": "E900", "officer_name": "某某", "district_code": "340499"},
    ],
    "departments": [{"department_name": "城管", "department_full_name": "城管局"}],
}


def slip(
    catalog: Catalog, text: str = "社区", *, name: str = "春晖社区", faults: tuple[Fault, ...] = (TYPE, BATCH),
    reference: Reference = REFERENCE,
) -> Slip:  # fmt: skip
    record = catalog.record("meeting_returns.meetings")
    values = {column.name: text for column in record.columns} | {"meeting_type": "茶话会"}
    sheet = SlipSheet(record, [BadRow("台账-1.xlsx 会议!第7行", values, faults)], OCTOBER, choices(record, reference, "340405-C01"))
    return Slip("meeting_returns", "会议台账", "340405-C01", name, DAY, [sheet], is_returned=True)


def of_a_system(catalog: Catalog) -> Slip:
    record = catalog.record("case_system.cases")
    values = {column.name: HIDDEN if column.personal not in (None, "text") else "1" for column in record.columns}
    sheet = SlipSheet(record, [BadRow("1", values, [BATCH])])
    return Slip("case_system", "案件系统", "340405-S01", "", DAY, [sheet], is_returned=False)


def cells(content: bytes) -> dict[str, list[list[object]]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
