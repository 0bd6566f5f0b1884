"""The arithmetic of the oracles against answers worked out by hand."""

from __future__ import annotations

import pytest

from . import figures


def test_figures_by_hand() -> None:
    # 8 of 10: (0.8 + 3.8414588/20 ± 1.9599640 * sqrt(0.016 + 3.8414588/400)) / 1.38414588
    low, high = figures.wilson(8, 10)
    assert low == pytest.approx(0.4901624715) and high == pytest.approx(0.9433178485)
    assert figures.wilson(0, 5)[0] == pytest.approx(0, abs=1e-12) and figures.wilson(5, 5)[1] == pytest.approx(1)
    assert figures.wilson(0, 0) == (None, None)
    assert figures.percentile([4, 1, 3, 2], 0.5) == 2.5 and figures.percentile([4, 1, 3, 2], 0.9) == pytest.approx(3.7)
    assert figures.kappa(5, 0, 0, 0) is None and figures.kappa(0, 0, 0, 0) is None
    # nobody agrees: (0 - 0.5) / (1 - 0.5)
    assert figures.kappa(0, 3, 3, 0) == -1.0
