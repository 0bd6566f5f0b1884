"""Returns of meetings and matters as communities fill them in, of October 2026."""

from __future__ import annotations

from collections.abc import Sequence

from linli.demo.returns import HEADERS
from scenarios.slips.office import Cells


def lines(community: str, sheet: str, *rows: Sequence[object], month: str = "2026年10月") -> Cells:
    """A sheet as communities fill it in."""
    title = [f"八公山区 {community} {month}{sheet}台账"]
    return [title, [names[0] for _, names in HEADERS[sheet]], *map(list, rows), ["合计", len(rows)]]


def meeting(community: str, number: int, kind: str = "三方议事会", **other: object) -> list[object]:
    row = {"no": f"HY{number}", "kind": kind, "at": f"340405-{community}-X01", "on": f"2026-10-{number + 7:02d}", "time": "14:30"}
    row |= {"host": "社区", "departments": "城管、公安", "officers": "E001", "residents": 12, "has": "是"} | other
    return list(row.values())


def matter(community: str, number: int, of: int, item: str = "4-02") -> list[object]:
    return [f"YT{number}", f"HY{of}", f"340405-{community}-X01", item, "楼道堆物", "居民", "2026-10-20", "消防", "2026-10-28", ""]
