"""What all tests share."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def models_parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every home has its own dbt, which would parse the same models anew: what the first has parsed is lent to the others.

    dbt itself compares the files and parses again what differs, reference data of a test for instance.
    """
    from linli.warehouse import dbt

    parsed = tmp_path_factory.mktemp("parsed") / "partial_parse.msgpack"
    run = dbt._run

    @functools.wraps(run)
    def with_models_parsed(project: Any, *arguments: Any, **named: Any) -> Any:
        own: Path = project.target / parsed.name
        if parsed.exists() and not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(parsed, own)
        answer = run(project, *arguments, **named)
        if own.exists() and not parsed.exists():
            shutil.copyfile(own, parsed)
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbt, "_run", with_models_parsed)
        yield
