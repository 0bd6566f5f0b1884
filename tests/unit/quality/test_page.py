"""The quality page as a file: whole, inert, the same twice."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from linli import fonts
from linli.quality import Bar, Cell, Page, Strip, Table, Trend, contents, render

DAY = dt.date(2026, 10, 31)
PAYLOADS = ["<script>alert(1)</script>", "{{ 7*7 }}", "\"><img src=x onerror=alert(1)>", "=1+1", "</style><b>", "' or 1=1 --"]


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


def test_no_text_becomes_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "subset", lambda characters: b"")
    for payload in PAYLOADS:
        html = render(page(payload)).decode()
        assert payload not in html or not set(payload) & set("<>\"'")
        assert "49" not in re.sub(r"base64,[^)]*", "", html) or "49" in payload
        assert not re.search(r"<script|<img|onerror=\w+\(1\)>", html)


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
