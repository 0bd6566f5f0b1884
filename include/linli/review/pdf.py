"""The page as PDF, set by Typst: no browser, no fonts but those that come with the environment, the same bytes for the same data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from typst import Compiler

from linli import fonts
from linli.review.blocks import Page
from linli.review.charts import Drawing
from linli.review.words import TEMPLATES


class Sheet:
    """A page set on one A4 sheet, whatever its texts."""

    def __init__(self, page: Page) -> None:
        self._page = page
        template = str(TEMPLATES / "page.typ")
        self._compiler = Compiler(template, root=str(TEMPLATES), font_paths=fonts.loaded(), sys_inputs=dict(_inputs(page)))

    def pdf(self) -> bytes:
        """The sheet as a file."""
        return _file(self._compiler.compile(format="pdf", timestamp=int(self._page.as_of.timestamp())))

    @property
    def shrunk(self) -> float:
        """By how much the texts had to be made smaller to stay on the sheet: 1 for not at all."""
        return float(json.loads(self._compiler.query("<shrunk>", field="value", one=True)))


def _inputs(page: Page) -> Mapping[str, str]:
    return {"font": fonts.FAMILY, "page": json.dumps(_data(page), ensure_ascii=False, allow_nan=False)}


def _data(page: Page) -> Mapping[str, Any]:
    return {
        "unit": page.unit.name,
        "language": page.language,
        "title": page.title,
        "subtitle": page.subtitle,
        "remarks": list(page.remarks),
        "conclusion": [asdict(span) for span in page.conclusion],
        "tiles": [asdict(tile) for tile in page.tiles],
        "rows": [[asdict(block) | {"marked": getattr(block, "is_marked", False)} for block in row] for row in page.rows],
        "definitions": page.definitions,
    }


def drawing(shapes: Drawing, *, dots_per_inch: float = 200) -> bytes:
    """A chart alone as a PNG."""
    given = {"font": fonts.FAMILY, "drawing": json.dumps(asdict(shapes), ensure_ascii=False, allow_nan=False)}
    compiler = Compiler(str(TEMPLATES / "chart.typ"), root=str(TEMPLATES), font_paths=fonts.loaded(), sys_inputs=given)
    return _file(compiler.compile(format="png", ppi=dots_per_inch))


def _file(compiled: bytes | list[bytes] | None) -> bytes:
    """What was compiled, which is one file: a sheet has one page."""
    assert isinstance(compiled, bytes)
    return compiled
