"""What is told of a deployment filled by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.alerts.deployment import Deployment


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path / "home")
    yield deployment
    deployment.register.close()
