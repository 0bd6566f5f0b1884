"""What may be chosen in a cell: the values its rules allow, else the entries of the reference list its column is named after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from linli.contracts.model import RecordDecl

Reference = Mapping[str, Sequence[Mapping[str, str]]]
"""the rows of each reference list by its name"""

_LISTS: Mapping[str, tuple[str, str, str | None]] = {
    "compound_code": ("compounds", "compound_code", "compound_name"),
    "item_code": ("enforcement_items", "item_code", "item_name"),
    "station_code": ("stations", "station_code", "station_name"),
    "department": ("departments", "department_name", "department_full_name"),
    "departments": ("departments", "department_name", "department_full_name"),
    # the roster is published by number; whose the number is stands on no slip
    "officer_no": ("officers", "officer_no", None),
    "officer_nos": ("officers", "officer_no", None),
}
"""by column: its reference list, and the columns of that for code and name"""


def choices(record: RecordDecl, reference: Reference, community_code: str | None) -> dict[str, list[tuple[str, str]]]:
    """(code, name) by column of `record`; of places those of the community, of officers those of its district."""
    found: dict[str, list[tuple[str, str]]] = {}
    for column in record.columns:
        allowed = [check.expect.in_set for check in record.checks if check.column == column.name and check.expect.in_set]
        if column.type == "bool":
            found[column.name] = [("是", ""), ("否", "")]
        elif allowed:
            found[column.name] = [(str(value), "") for value in allowed[0]]
        elif column.name in _LISTS:
            table, code, name = _LISTS[column.name]
            rows = [row for row in reference.get(table, ()) if _is_near(row, community_code)]
            found[column.name] = sorted({(row[code], row[name] if name else "") for row in rows if row.get(code)})
    return {column: entries for column, entries in found.items() if entries}


def _is_near(row: Mapping[str, str], community_code: str | None) -> bool:
    if community_code is None:
        return True
    of_community, of_district = row.get("community_code"), row.get("district_code")
    return of_community in (None, community_code) and of_district in (None, community_code.partition("-")[0])
