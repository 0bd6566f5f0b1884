"""The quality page as a file: whole, inert, the same twice."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from linli import fonts
from linli.quality import Bar, Cell, Page, Strip, Table, Trend, contents, render
from payloads import LONG, PAYLOADS, Structure

DAY = dt.date(2026, 10, 31)


def page(text: str) -> Page:
    return Page(
        day=DAY,
        subtitle=text,
        remarks=[text],
        conclusion=[Cell(text, "bad")],
        tiles=[(text, Cell(text), text)],
        tables=[Table(text, [(text, "right")], [[Cell(text)]], "", text), Table("空", [("列", "")], [], "没有")],
        trends=[Trend(text, [Bar(DAY, 3, text), Bar(DAY, None, "没有运行"), Bar(DAY, 6, "六")])],
        days=[DAY],
        strips=[Strip(text, [("good", text)])],
        definitions=text,
        missing=[text],
    )


@pytest.fixture(scope="module")
def harmless() -> tuple[Structure, Structure]:
    """A page, and the list of pages, of a text that is nothing else."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fonts, "subset", lambda characters: b"")
        return Structure(render(page("x")).decode()), Structure(contents([(DAY, "2026-10-31.html", "x")]).decode())


@pytest.mark.parametrize("payload", [*PAYLOADS, LONG], ids=range(len(PAYLOADS) + 1))
def test_no_text_becomes_markup(payload: str, harmless: tuple[Structure, Structure], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "subset", lambda characters: b"")
    written = Structure(render(page(payload)).decode())
    assert written.elements == harmless[0].elements
    assert written.links == []
    assert written.texts.count("x") == 0 and written.holds(payload)
    listed = Structure(contents([(DAY, "2026-10-31.html", payload)]).decode())
    assert listed.elements == harmless[1].elements
    assert listed.links == ["2026-10-31.html"] and listed.holds(payload)


def test_the_file_needs_nothing_else_and_is_the_same_twice() -> None:
    html = render(page("数据质量")).decode()
    assert not re.search(r"(?:href|src|url)\s*[=(]\s*[\"']?(?!data:|#)\w", html)
    assert "default-src 'none'" in html
    assert "<p class=\"dim\">没有</p>" in html


def test_bars_reach_from_nothing_to_the_most() -> None:
    drawn = page("").trends[0].drawn()
    assert [(y, height) for _, y, _, height, _ in drawn] == [(45.0, 45.0), (0.0, 90.0)]
    assert [x for x, *_ in drawn] == [0, 44]


def test_the_list_of_pages_names_files() -> None:
    listed = contents([(DAY, "2026-10-31.html", "<b>完成")]).decode()
    assert '<a href="2026-10-31.html">2026-10-31</a>' in listed and "<b>" not in listed
