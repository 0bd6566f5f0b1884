"""The Chinese font of the sheets: it comes with the environment, and is looked at before anything is printed.

A missing Chinese font fails silently, every character becoming the same empty box: so two words are drawn and must differ.
"""

from __future__ import annotations

import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from typst import Compiler, Fonts

from linli.failures import Refusal

FAMILY = "Noto Sans SC"
_PACKAGE = "justmytype_intl_cjk"
_PLACE = "fonts/ofl/notosanssc"
_PROBE = '#set page(width: 40pt, height: 20pt)\n#text(font: "{font}")[{word}]'
_PROBES = ("复盘", "巡查")


class FontMissing(Refusal):
    """There is no font to print Chinese with."""


@cache
def loaded() -> Fonts:
    """The fonts the sheets are set in, and no others: neither the system's nor Typst's own. Raises FontMissing."""
    found = Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(_file().parent)])
    _look_at(found)
    return found


def subset(characters: frozenset[str]) -> bytes:
    """The font with these characters only, as WOFF: what a file has to carry to look the same on a machine without it.

    Raises FontMissing.
    """
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    chosen = Options()
    chosen.layout_features, chosen.name_IDs, chosen.hinting, chosen.notdef_outline = [], [], False, True
    # what is left of these without a feature is read and written for nothing
    chosen.drop_tables = [*chosen.drop_tables, "GDEF", "GPOS", "GSUB"]
    subsetter, written = Subsetter(chosen), io.BytesIO()
    subsetter.populate(text="".join(sorted(characters)))
    with TTFont(_file(), lazy=True, recalcTimestamp=False) as font:
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(written)
    return written.getvalue()


def _file() -> Path:
    package = find_spec(_PACKAGE)
    files = sorted((Path(package.origin).parent / _PLACE).glob("*.ttf")) if package and package.origin else []
    if not files:
        raise FontMissing(f"缺少中文字体（软件包 {_PACKAGE}）：请按 requirements.txt 重新安装，如 make clean 后再 make run")
    return files[0]


def _look_at(fonts: Fonts) -> None:
    if FAMILY not in fonts.families():
        raise FontMissing(f"字体 {FAMILY} 不在软件包 {_PACKAGE} 里：请按 requirements.txt 重新安装")
    drawn = [Compiler(_PROBE.format(font=FAMILY, word=word).encode(), font_paths=fonts).compile(format="png") for word in _PROBES]
    if drawn[0] == drawn[1]:
        raise FontMissing(f"字体 {FAMILY} 画不出汉字（“{'”“'.join(_PROBES)}”看起来一样）：请按 requirements.txt 重新安装")
