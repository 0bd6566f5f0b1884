"""docs/programme.md maps the programme to the warehouse: every row is there, everything it names exists, and its marts are made of its
facts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import yaml

from declared import declared

ROOT = Path(__file__).resolve().parents[2]
DBT = ROOT / "dbt_project"
PAGE = ROOT / "docs" / "programme.md"
ROWS = 19
SECTIONS = re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE.read_text(encoding="utf-8"), flags=re.M)
MARTS = sorted(path.stem for group in ("review", "quality") for path in DBT.glob(f"models/marts/{group}/**/*.sql"))


def names(text: str, kind: str) -> list[str]:
    """What a section names on its line `- kind:`."""
    found = re.search(rf"^- {kind}: (.*)$", text, flags=re.M)
    return re.findall(r"`([^`]+)`", found[1]) if found else []


def columns(model: str) -> set[str]:
    """The columns a model declares."""
    return {column["name"] for column in declared("models").get(model, {}).get("columns", [])}


@cache
def dbt_tests() -> set[str]:
    """The unit tests and singular tests of the dbt project."""
    unit = [
        re.findall(r"^  - name: (\w+)$", path.read_text(encoding="utf-8").partition("unit_tests:")[2], flags=re.M)
        for path in DBT.glob("models/**/_unit_tests*.yml")
    ]
    return {path.stem for path in DBT.glob("tests/*.sql")} | {name for found in unit for name in found}


def made_of(models: Iterable[str]) -> set[str]:
    """The models, and all that they are made of: what they refer to, by themselves or in the macros they use."""
    found, waiting = set(), list(models)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _refers_to(_code().get(name, ""))
    return found


@cache
def _code() -> dict[str, str]:
    """The models and, in brackets, the macros of the project."""
    found = {path.stem: path.read_text(encoding="utf-8") for suffix in ("sql", "py") for path in DBT.glob(f"models/**/*.{suffix}")}
    for path in DBT.glob("macros/*.sql"):
        for name, body in re.findall(r"{%-?\s*macro (\w+)\(.*?%}(.*?){%-?\s*endmacro", path.read_text(encoding="utf-8"), flags=re.S):
            found[f"({name})"] = body
    return found


def _refers_to(text: str) -> list[str]:
    called = [f"({name})" for name in re.findall(r"(\w+)\(", text) if f"({name})" in _code()]
    return [*re.findall(r"ref\(['\"](\w+)['\"]\)", text), *called]


def is_a_test(name: str) -> bool:
    path, _, function = name.partition("::")
    if not function:
        return name in dbt_tests()
    return (ROOT / path).exists() and f"\ndef {function}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_row_of_the_programme_is_there_once() -> None:
    numbered = [re.match(r"(\d+)\. .*[\u4e00-\u9fff].*, ", title) for title, _ in SECTIONS]
    assert [int(found[1]) for found in numbered if found] == list(range(1, ROWS + 1))


@pytest.mark.parametrize(("title", "text"), SECTIONS, ids=lambda value: value.split(",")[0] if "\n" not in value else "")
def test_what_a_row_names_exists(title: str, text: str) -> None:
    models = {path.stem for suffix in ("sql", "py") for path in DBT.glob(f"models/**/*.{suffix}")}
    facts = models - set(MARTS) | {path.stem for path in DBT.glob("seeds/*.csv")}
    assert [name for name in [*names(text, "facts"), *names(text, "looked up")] if name not in facts] == []
    of_figures = {name.split(".")[0] for name in names(text, "figure")}
    assert set(names(text, "facts")) - made_of(names(text, "marts")) - of_figures == set()
    assert names(text, "marts") and [name for name in names(text, "marts") if name not in MARTS] == []
    assert names(text, "tests") and [name for name in names(text, "tests") if not is_a_test(name)] == []
    if title[0].isdigit():
        figures = [name.split(".") for name in names(text, "figure")]
        assert figures and [figure for figure in figures if figure[1] not in columns(figure[0])] == []
        assert names(text, "facts")


def test_every_mart_answers_for_something() -> None:
    named = {name for _, text in SECTIONS for name in names(text, "marts")}
    assert [mart for mart in MARTS if mart not in named] == []


def test_every_fact_is_behind_something() -> None:
    named = {name for _, text in SECTIONS for kind in ("facts", "looked up") for name in names(text, kind)}
    assert [path.stem for path in DBT.glob("models/marts/core/**/*.sql") if path.stem not in named] == []


def test_every_mart_is_defined_in_the_documentation() -> None:
    pages = [*ROOT.glob("docs/marts/*.md"), ROOT / "docs" / "metrics.md"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    assert [mart for mart in MARTS if not re.search(rf"^(#+ .*)?`{mart}`", text, flags=re.M)] == []


def test_the_published_file_holds_every_mart_and_dimension() -> None:
    exposures = yaml.load((DBT / "models" / "marts" / "_exposures.yml").read_bytes(), yaml.CSafeLoader)["exposures"]
    held = next(exposure["depends_on"] for exposure in exposures if exposure["name"] == "published_file")
    dimensions = sorted(path.stem for path in DBT.glob("models/marts/core/dimensions/*.sql"))
    assert held == [f"ref('{name}')" for name in MARTS + dimensions]
    assert [exposure["name"] for exposure in exposures if set(exposure["owner"]) != {"name"}] == []
