"""Texts that some program somewhere takes for an order, for every output to be asked with; and outputs as such a program reads them.

What is live in an output is decided here, by parsers of the formats, not by the code that wrote it.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lxml import etree

PAYLOADS: list[str] = [*map(json.loads, Path(__file__).with_name("payloads.jsonl").read_text(encoding="utf-8").splitlines())]
"""formulas, full-width ones, tabs, HTML, scripts, templates, queries, Markdown, markup of terminals, control characters"""
LONG = "字" * 40_000
"""more than a cell of a spreadsheet holds"""
by_payload = pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
"""a test for each; many a payload is no name of a test"""


class Structure(HTMLParser):
    """The elements of a page with their attributes, and its texts apart."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.values: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "xlink:href")]
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ()))

    def handle_decl(self, decl: str) -> None:
        self.elements.append((f"!{decl}", ()))

    def handle_pi(self, data: str) -> None:
        self.elements.append(("?", ()))

    def unknown_decl(self, data: str) -> None:
        self.elements.append(("![", ()))

    def holds(self, text: str) -> bool:
        """Whether the page shows `text`, as browsers read it: a carriage return is a line's end and a null is no character."""
        seen, asked = (each.replace("\r", "\n").replace("\x00", "").replace("\ufffd", "") for each in ("".join(self.texts), text))
        return asked in seen


def live_in_workbook(content: bytes) -> list[str]:
    """What an Excel file has besides texts and numbers: formulas, links, queries, macros, parts fetched from elsewhere."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = book.namelist()
        found = [name for name in names if "externalLink" in name or "vba" in name or "connections" in name]
        for name in names:
            if name.endswith((".xml", ".rels", ".vml")):
                tree = etree.fromstring(book.read(name))
                found += [f"{name}: {element.tag}" for element in tree.iter("{*}f", "{*}hyperlink", "{*}ddeLink", "{*}oleObject")]
                found += [f"{name}: External" for element in tree.iter("{*}Relationship") if element.get("TargetMode") == "External"]
    return found


_CELL = re.compile(r"(?:^|[,;\t]|\r\n)(\"(?:[^\"]|\"\")*\"|[^,;\t\r\n]*)")


def live_in_csv(text: str) -> list[str]:
    """Cells of a CSV file that some spreadsheet takes for a formula: by what is first seen of them, full-width forms being read as ASCII's.
    Numbers are none. Cells end at commas, semicolons and tabs, where they are not in quotes."""
    cells = (cell[1:-1].replace('""', '"') if cell.startswith('"') else cell for cell in _CELL.findall(text.removeprefix("\ufeff")))
    return [cell for cell in cells if _begins_a_formula(cell)]


def _begins_a_formula(cell: str) -> bool:
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?", cell):
        return False
    first = next((n for n, sign in enumerate(cell) if unicodedata.category(sign)[0] not in "CZ"), len(cell))
    seen = unicodedata.normalize("NFKC", cell[first:]).replace("\u2212", "-")
    return seen.startswith(("=", "+", "-", "@")) or cell.startswith(("\t", "\r", "\n"))
