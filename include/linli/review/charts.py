"""Charts as shapes, drawn once for every format: as SVG for browsers, by Typst on the sheet and for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Literal

NAVY, RED, GREY, PALE, INK, DIM = "#1d4f91", "#b01e23", "#9aa7b8", "#cdd8e6", "#1a2230", "#5c6878"
WIDTH = 380


@dataclass(frozen=True)
class Estimate:
    """A rate with its interval, all in 0..1; `is_small`: too few to be compared."""

    value: float
    low: float
    high: float
    is_small: bool = False


Kind = Literal["line", "rect", "dot", "text"]


@dataclass(frozen=True)
class Shape:
    """A line from (x, y) to (to_x, to_y), a rectangle between the two, a dot or the foot of a text at (x, y); in pixels from the top left.

    `size` is the width of a line, the radius of a dot, the height of a text.
    """

    kind: Kind
    x: float
    y: float
    colour: str
    size: float = 0.0
    to_x: float = 0.0
    to_y: float = 0.0
    is_hollow: bool = False
    text: str = ""
    anchor: str = "start"


@dataclass(frozen=True)
class Drawing:
    """Shapes on a plane of this width and height, later ones over earlier ones."""

    width: float
    height: float
    shapes: Sequence[Shape]


def intervals(rows: Sequence[tuple[str, Sequence[Estimate | None]]], series: Sequence[str]) -> Drawing:
    """A line for each row, an estimate for each of the series in it: dots with their intervals."""
    colours = (GREY, NAVY)
    lowest = min((each.low for _, estimates in rows for each in estimates if each), default=0.0)
    start, left, top, line = max(0.0, int(lowest * 10) / 10), 74.0, 22.0, 25.0
    right, height = WIDTH - 14.0, top + line * len(rows) + 18

    def x(value: float) -> float:
        return left + (right - left) * (value - start) / (1 - start)

    drawn: list[Shape] = []
    for at in _ticks(start):
        drawn.append(_line(x(at), top - 4, x(at), height - 16, "#e3e8ef", 0.7))
        drawn.append(_text(x(at), height - 4, f"{at:.0%}", 9, DIM, "middle"))
    for number, name in enumerate(series):
        drawn.append(_dot(left + 6 + 100 * number, 7, colours[number], False))
        drawn.append(_text(left + 14 + 100 * number, 10.5, name, 9.5, INK, "start"))
    for place, (name, estimates) in enumerate(rows):
        middle = top + line * (place + 0.5)
        drawn.append(_text(left - 8, middle + 3.5, name, 10, INK, "end"))
        for number, each in enumerate(estimates):
            if each is not None:
                y = middle + (-4.5, 4.5)[number] if len(series) > 1 else middle
                drawn.append(_line(x(each.low), y, x(each.high), y, colours[number], 1.6))
                drawn.append(_dot(x(each.value), y, colours[number], each.is_small))
    return Drawing(WIDTH, height, drawn)


def months(labels: Sequence[str], counts: Sequence[int | None], rates: Sequence[Estimate | None]) -> Drawing:
    """Bars of counts by the left axis and a line of rates by the right one; small samples are hollow, unknown months leave a gap."""
    left, right, top, bottom, height = 34.0, WIDTH - 40.0, 12.0, 118.0, 138.0
    most = _rounded_up(max((each for each in counts if each is not None), default=0))
    lowest = min((each.value for each in rates if each), default=0.0)
    start = max(0.0, int(lowest * 10 - 0.5) / 10)
    step = (right - left) / len(labels)

    def y_of(rate: float) -> float:
        return bottom - (bottom - top) * (rate - start) / (1 - start)

    drawn: list[Shape] = []
    for share in (0.0, 0.5, 1.0):
        y = bottom - (bottom - top) * share
        drawn.append(_line(left, y, right, y, "#e3e8ef", 0.7))
        if (most * share).is_integer():
            drawn.append(_text(left - 5, y + 3, f"{int(most * share):,}", 9, DIM, "end"))
        drawn.append(_text(right + 5, y + 3, f"{start + (1 - start) * share:.0%}", 9, DIM, "start"))
    points: list[tuple[float, float, bool] | None] = []
    for number, (label, count, each) in enumerate(zip(labels, counts, rates, strict=True)):
        centre = left + step * (number + 0.5)
        if count:
            tall = (bottom - top) * count / most
            drawn.append(Shape("rect", centre - step * 0.33, bottom - tall, PALE, to_x=centre + step * 0.33, to_y=bottom))
        drawn.append(_text(centre, height - 6, label, 8.5, DIM, "middle"))
        points.append((centre, y_of(each.value), each.is_small) if each else None)
    for one, other in pairwise(points):
        if one and other:
            drawn.append(_line(one[0], one[1], other[0], other[1], RED, 1.6))
    drawn += [_dot(point[0], point[1], RED, point[2], 2.6) for point in points if point]
    return Drawing(WIDTH, height, drawn)


def _ticks(start: float) -> list[float]:
    step = 0.1 if start >= 0.5 else 0.25
    return [round(1 - step * number, 2) for number in range(int((1 - start) / step + 1e-9), -1, -1)]


def _rounded_up(most: int) -> int:
    for unit in (2, 4, 10, 20, 40, 100, 200, 400, 1000, 2000, 4000, 10_000, 20_000, 40_000):
        if most <= unit * 5:
            return max(unit, -(-most // unit) * unit)
    return -(-most // 100_000) * 100_000


def _text(x: float, y: float, text: str, size: float, colour: str, anchor: str) -> Shape:
    return Shape("text", x, y, colour, size, text=text, anchor=anchor)


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, width: float) -> Shape:
    return Shape("line", x, y, colour, width, to_x, to_y)


def _dot(x: float, y: float, colour: str, is_hollow: bool, radius: float = 3.4) -> Shape:
    return Shape("dot", x, y, colour, radius, is_hollow=is_hollow)


def svg(drawing: Drawing) -> str:
    """The drawing as SVG that stands in a page: no script, no reference to anything outside, texts escaped."""
    shapes = "".join(map(_as_svg, drawing.shapes))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} {drawing.height:g}">{shapes}</svg>'


def _as_svg(shape: Shape) -> str:
    x, y, to_x, to_y = (f"{value:.1f}" for value in (shape.x, shape.y, shape.to_x, shape.to_y))
    if shape.kind == "line":
        return f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="{shape.colour}" stroke-width="{shape.size:g}"/>'
    if shape.kind == "rect":
        return f'<rect x="{x}" y="{y}" width="{shape.to_x - shape.x:.1f}" height="{shape.to_y - shape.y:.1f}" fill="{shape.colour}"/>'
    if shape.kind == "dot":
        inside = f'"#ffffff" stroke="{shape.colour}" stroke-width="1.4"' if shape.is_hollow else f'"{shape.colour}"'
        return f'<circle cx="{x}" cy="{y}" r="{shape.size:g}" fill={inside}/>'
    how = f'font-size="{shape.size:g}" fill="{shape.colour}" text-anchor="{shape.anchor}"'
    return f'<text x="{x}" y="{y}" {how}>{escape(shape.text)}</text>'
