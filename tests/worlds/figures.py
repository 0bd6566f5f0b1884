"""Shares, intervals, percentiles and agreement, by their textbook formulas: the arithmetic of the oracles."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z_95 = 1.959963984540054
SMALL_SAMPLE_BELOW = 10


def rate(numerator: int, denominator: int) -> float | None:
    """A share, or None of nothing."""
    return numerator / denominator if denominator else None


def wilson(successes: int, n: int, z: float = Z_95) -> tuple[float | None, float | None]:
    """The Wilson interval, by default of 95 %."""
    # "always with n, the Wilson 95% interval"
    if n == 0:
        return None, None
    p, zz = successes / n, z**2
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    reach = z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return middle - reach, middle + reach


def percentile(values: Sequence[float], share: float) -> float | None:
    """Interpolated between the two nearest values."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below, above = math.floor(position), math.ceil(position)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def kappa(both_yes: int, first_only: int, second_only: int, both_no: int) -> float | None:
    """Cohen's kappa of a two by two table; None when chance alone would agree fully, or of nothing."""
    # "Agreement is also given as Cohen's kappa."
    n = both_yes + first_only + second_only + both_no
    if n == 0:
        return None
    # by whole numbers up to the last division, so that "expected agreement is 1" is an exact question
    first_yes, second_yes = both_yes + first_only, both_yes + second_only
    agreed = (both_yes + both_no) * n
    expected = first_yes * second_yes + (n - first_yes) * (n - second_yes)
    return None if expected == n * n else (agreed - expected) / (n * n - expected)
