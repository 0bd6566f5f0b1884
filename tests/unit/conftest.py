"""What many units are asked with."""

from __future__ import annotations

from pathlib import Path

import pytest

from linli.contracts import Catalog, load


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The declarations of the project, read once."""
    return load(Path(__file__).parents[2] / "expectations")
