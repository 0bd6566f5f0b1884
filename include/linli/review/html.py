"""The page as HTML: one file that needs nothing else, with the queries and rows behind it below the sheet."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from linli import fonts
from linli.review.blocks import Page
from linli.review.charts import Drawing, svg
from linli.review.questions import Unit
from linli.review.values import printed
from linli.review.words import TEMPLATES, Words

_SHOWN_ROWS = 200
_USUAL = 0.87
"""browsers set the same page somewhat larger than Typst"""
_FONT = "font-of-the-pack"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )


def heat(share: float) -> str:
    """The colours of a cell of a heat table, the darker the nearer `share` is to 1."""
    strength = 0.12 + 0.88 * share
    red, green, blue = (round(255 + (dark - 255) * strength) for dark in (0x1D, 0x4F, 0x91))
    return f"background:rgb({red},{green},{blue});color:{'#fff' if share > 0.45 else 'inherit'}"


def _drawn(drawing: Drawing) -> Markup:
    return Markup(svg(drawing))


def render(pages: Sequence[tuple[Page, float]], words: Words) -> list[bytes]:
    """The files of pages, in their order, each with how much smaller it has to be than usual to stay on one sheet (1: not at all). Each
    file carries the characters of the font that all of them need.

    Every text is escaped; only the charts, which escape theirs, go in as they are.
    """
    template = _environment().get_template("page.html")
    texts = [
        template.render(
            page=page,
            zoom=_USUAL * shrunk,
            words=words,
            answers=[answer for answer in page.answers.values() if answer.sql],
            shown_rows=_SHOWN_ROWS,
            heat=heat,
            drawn=_drawn,
            value=printed,
            font=_FONT,
        )
        for page, shrunk in pages
    ]
    font = base64.b64encode(fonts.subset(frozenset().union(*texts))).decode() if texts else ""
    # the style comes before any text of the data
    return [text.replace(_FONT, font, 1).encode() for text in texts]


def contents(units: Sequence[tuple[Unit, str]], of: Page, formats: Sequence[str], words: Words) -> bytes:
    """The list of the units in a pack, with the name of their files, after one of its pages."""
    return _environment().get_template("contents.html").render(units=units, page=of, formats=formats, words=words).encode()
