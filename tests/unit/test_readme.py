"""Both READMEs say the same: sections, commands, links. What the documentation links to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = sorted([ENGLISH, CHINESE, *ROOT.glob("docs/**/*.md")])
MAX_LINES = 120


def _outside_fences(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def _commands(path: Path) -> list[str]:
    """Every line of the shell blocks, and what the table of commands begins its rows with."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.S | re.M)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"^\| `(\w+ [^`]+)` \|", text, flags=re.M)


def _links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", _outside_fences(path.read_text(encoding="utf-8")))


def _anchors(path: Path) -> set[str]:
    """The anchors of a document's headings: lower case, spaces as hyphens, other signs dropped."""
    headings = re.findall(r"^#+ (.*)$", _outside_fences(path.read_text(encoding="utf-8")), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _levels(path: Path) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", _outside_fences(path.read_text(encoding="utf-8")), flags=re.M)]


def _dead(path: Path) -> list[str]:
    dead = []
    for link in _links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if re.match(r"\w+:", link) or not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_a_readme_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_both_readmes_have_the_same_sections() -> None:
    assert _levels(ENGLISH) == _levels(CHINESE) and len(_levels(ENGLISH)) > 1


def test_both_readmes_give_the_same_commands() -> None:
    assert _commands(ENGLISH) == _commands(CHINESE)
    assert {"make run", "make test"} <= set(_commands(ENGLISH))


def test_both_readmes_link_to_the_same_places() -> None:
    others = {ENGLISH.name, CHINESE.name}
    assert [link for link in _links(ENGLISH) if link not in others] == [link for link in _links(CHINESE) if link not in others]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert _dead(path) == []


def test_make_knows_every_target_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {word for line in re.findall(r"^([a-z][\w -]*):(?!=)", makefile, flags=re.M) for word in line.split()}
    named = {line.split()[1] for line in _commands(ENGLISH) if line.startswith("make ")}
    assert named - targets == set()


def test_the_command_line_knows_every_command_named() -> None:
    folder = ROOT / "include" / "linli" / "cli"
    source = (folder / "__init__.py").read_text(encoding="utf-8")
    plain = set(re.findall(r"^@app\.command\(\)\ndef (\w+)", source, flags=re.M))
    nested = {
        f"{noun} {verb}"
        for module, noun in re.findall(r'^app\.add_typer\((\w+)\.app, name="(\w+)"\)', source, flags=re.M)
        for verb in re.findall(r'^@app\.command\("(\w+)"\)', (folder / f"{module}.py").read_text(encoding="utf-8"), flags=re.M)
    }
    for line in _commands(ENGLISH):
        if line.startswith("linli "):
            words = line.split()
            assert words[1] in plain or " ".join(words[1:3]) in nested, line
