"""Messages as each channel shows them. Texts come from data: none of them becomes markup, a link or a mention, and none is too long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from linli.alerts.messages import SEVERITIES, Letter, Line
from linli.settings import SHANGHAI

TITLE_CHARACTERS = 100
TEXT_CHARACTERS = 240
DOUBT = "上次发送中断，没有得到答复：可能是重复的一份"
PRODUCT = "邻里"
"""stands in every message, so that a robot may demand it as its keyword"""

_WIDE = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in "<>[]{}*`#@&\\|~!$^"})
_EMPHASIS = re.compile(r"(?<!\w)_+|_+(?!\w)")
"""an underscore between letters is part of a name, beside anything else it is markup"""
_EDGES = "-+=_ "
_WIDE_EDGES = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in "-+=_"})
# What chats and mail programs make a link of by themselves: an address with its protocol, www., a name under a common domain.
_DOMAINS = "com|cn|net|org|gov|edu|info|top|xyz|cc|io|vip|site|online|shop|ltd|link|me|co"
_LINKS = re.compile(rf"://|(?<=www)\.|\.(?=(?:{_DOMAINS})\b)", re.IGNORECASE)
_UNLINKED = {"://": "：//", ".": "．"}


def plain(text: str, limit: int = TEXT_CHARACTERS) -> str:
    """`text` on one line, without control and invisible characters and without links, cut to `limit` characters with an ellipsis."""
    visible = text if text.isprintable() else "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    joined = _LINKS.sub(lambda found: _UNLINKED[found[0]], " ".join(visible.split()))
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def unmarked(text: str, limit: int = TEXT_CHARACTERS) -> str:
    """`plain` with every sign that a chat reads as markup, mention or link in its full-width form, which reads the same to people."""
    cleaned = plain(text, limit).translate(_WIDE)
    begun = cleaned.lstrip(_EDGES)
    # a line that begins with these would be a list, a rule or a heading
    marks = cleaned[: len(cleaned) - len(begun)].translate(_WIDE_EDGES)
    return marks + _EMPHASIS.sub(lambda found: "＿" * len(found[0]), begun)


def as_text(letter: Letter) -> str:
    """The whole message as plain text, for files and mail: nothing is cut but single texts."""
    body = [f"  {line}" for line in _said(letter.message.lines, plain)]
    return "\n".join([heading(letter), *body, *_tail(letter, plain)]) + "\n"


def as_wecom(letter: Letter, limit: int) -> str:
    """Markdown as WeCom knows it, at most `limit` bytes."""
    title = f"**{unmarked(heading(letter), TITLE_CHARACTERS)}**"
    *tail, last = _tail(letter, unmarked)
    tail.append(f'<font color="comment">{last}</font>')
    return _cut(letter, lambda lines: "\n".join([title, *(f"> {line}" for line in lines), *tail]), limit)


def as_dingtalk(letter: Letter, limit: int) -> str:
    """Markdown as DingTalk knows it, at most `limit` bytes."""
    title = f"### {unmarked(heading(letter), TITLE_CHARACTERS)}"
    tail = _tail(letter, unmarked)

    def laid_out(lines: Sequence[str]) -> str:
        listed = ["\n".join(f"- {line}" for line in lines)] if lines else []
        return "\n\n".join([title, *listed, *tail])

    return _cut(letter, laid_out, limit)


def as_feishu(letter: Letter, limit: int) -> list[str]:
    """The paragraphs of a Feishu post, together at most `limit` bytes with what JSON wraps around each."""
    tail = _tail(letter, unmarked)
    return _cut(letter, lambda lines: "\n".join([*lines, *tail]), limit, _POST_PARAGRAPH_BYTES).split("\n")


_POST_PARAGRAPH_BYTES = len('[{"tag": "text", "text": ""}], ')


def heading(letter: Letter) -> str:
    """The title, how bad it is before it."""
    return f"【{SEVERITIES[letter.message.severity]}】{plain(letter.message.title, TITLE_CHARACTERS)}"


def _said(lines: Sequence[Line], safe: Callable[[str], str]) -> list[str]:
    return [safe(line.text) + ("" if line.count is None else f"：{line.count:,} {safe(line.unit)}") for line in lines]


def _tail(letter: Letter, safe: Callable[[str], str]) -> list[str]:
    as_of = letter.message.as_of
    reach = f"数据截至 {as_of.astimezone(SHANGHAI):%Y-%m-%d %H:%M}，" if as_of else ""
    remarks = [f"（{safe(remark)}）" for remark in (*letter.remarks, *([DOUBT] if letter.is_doubtful else []))]
    remedy = [f"→ {safe(step)}" for step in letter.message.remedy]
    return [*remedy, *remarks, f"{PRODUCT}：{reach}编号 {letter.number}，{letter.told_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"]


def _cut(letter: Letter, laid_out: Callable[[Sequence[str]], str], limit: int, wrapped: int = 0) -> str:
    """The layout of as many lines as `limit` bytes allow, cut at a line's end with a remark how many more there are."""
    lines = _said(letter.message.lines, unmarked)

    def with_first(count: int) -> str:
        rest = len(lines) - count
        return laid_out([*lines[:count], f"……另有 {rest} 行，见 linli alerts show {letter.number}"] if rest else lines)

    def fits(count: int) -> bool:
        text = with_first(count)
        return len(text.encode()) + wrapped * (text.count("\n") + 1) <= limit

    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return with_first(low)
