"""A refusal is read by operators: its words are Chinese, wherever it is raised."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "include" / "linli"
# Declarations are written by those who write the code, and told in its language.
FOR_DEVELOPERS = {"DeclarationError"}


@functools.cache
def nodes() -> dict[Path, list[ast.AST]]:
    """The classes of the package and all that is called in it, by file."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    return {path: [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.ClassDef, ast.Call))] for path, text in texts.items()}


def refusals() -> set[str]:
    """Names of all classes under Refusal."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for of_file in nodes().values()
        for node in of_file
        if isinstance(node, ast.ClassDef)
    }
    found = {"Refusal"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def messages() -> dict[str, str]:
    """place -> the constant words of each refusal made there."""
    names = refusals() - FOR_DEVELOPERS
    return {
        f"{path.relative_to(PACKAGE)}:{node.lineno}": "".join(
            part.value for given in node.args for part in ast.walk(given) if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        for path, of_file in nodes().items()
        for node in of_file
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    }


def test_refusals_are_told_in_chinese() -> None:
    told = messages()
    assert len(told) > 40
    assert {place: words for place, words in told.items() if not re.search("[\u4e00-\u9fff]", words)} == {}
