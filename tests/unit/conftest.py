"""What many units are asked with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from linli.contracts import Catalog


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The declarations of the project, read once."""
    from linli.contracts import load

    return load(Path(__file__).parents[2] / "expectations")
