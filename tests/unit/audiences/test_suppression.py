"""Which counts are hidden: hand-made sums, and what can be worked out from what is left."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from linli.audiences.suppression import Known, Sum, hidden

FEW, SPREAD = 5, 4


def hide(counts: Sequence[int], sums: Sequence[Sum], implied: Sequence[int] = ()) -> list[int]:
    """The places hidden; the first count of a sum is of the upper level."""
    ranks = [0 if any(of.whole == place for of in sums) else 1 for place in range(len(counts))]
    flags = np.isin(np.arange(len(counts)), list(implied))
    return np.flatnonzero(hidden(np.array(counts), sums, np.array(ranks), flags, few=FEW)).tolist()


def left_open(counts: Sequence[int], sums: Sequence[Sum], hid: Sequence[int], place: int) -> set[int]:
    """Every value the count could have by what is shown, tried one by one."""
    found = set()
    for values in itertools.product(range(max(counts) + SPREAD + 2), repeat=len(hid)):
        tried = list(counts)
        for at, value in zip(hid, values, strict=True):
            tried[at] = value
        if all(tried[of.whole] == sum(tried[part] for part in of.parts) for of in sums):
            found.add(tried[place])
    return found


def test_small_is_what_is_said_to_be() -> None:
    counts, nothing_implied = np.array([31, 3, 20, 8]), np.zeros(4, dtype=np.bool_)
    for few, is_hidden in ((3, False), (4, True)):
        flags = hidden(counts, [Sum(0, [1, 2, 3])], np.array([0, 1, 1, 1]), nothing_implied, few=few)
        assert bool(flags[1]) == is_hidden


def test_nothing_small_nothing_hidden() -> None:
    assert hide([20, 5, 15, 0], [Sum(0, [1, 2, 3])]) == []


def test_a_small_count_takes_the_least_that_is_enough_with_it() -> None:
    assert hide([31, 3, 20, 8], [Sum(0, [1, 2, 3])]) == [1, 3]


def test_small_counts_that_say_too_much_together_take_another() -> None:
    """1 and 1 of a known 2 leave three values open each."""
    assert hide([22, 1, 1, 20, 0], [Sum(0, [1, 2, 3, 4])]) == [1, 2, 3]


def test_where_no_sibling_is_left_the_sum_goes() -> None:
    assert hide([2, 1, 1], [Sum(0, [1, 2])]) == [0, 1, 2]


def test_what_nobody_prints_can_be_worked_out_as_well() -> None:
    """10 called and 8 satisfied say that 2 were not."""
    assert hide([10, 8, 2], [Sum(0, [1, 2])], implied=[2]) in ([0, 2], [1, 2])
    assert hide([10, 5, 5], [Sum(0, [1, 2])], implied=[2]) == [2]
    assert hide([10, 10, 0], [Sum(0, [1, 2])], implied=[2]) == [2]


def test_a_count_that_is_known_from_elsewhere_protects_nothing() -> None:
    """Of 12 matured 10 were called at one place and of 30 all at the other: hiding how many have matured would be enough, were it not
    known."""
    counts, implied = np.array([42, 40, 2, 12, 10, 2, 30, 30, 0]), np.isin(np.arange(9), [2, 5, 8])
    sums = [Sum(0, [1, 2]), Sum(3, [4, 5]), Sum(6, [7, 8]), *(Sum(at, [3 + at, 6 + at]) for at in range(3))]
    ranks = np.array([0] * 3 + [1] * 6)
    matured = np.isin(np.arange(9), [0, 3, 6])
    known = Known(matured, np.array([42] * 3 + [12] * 3 + [30] * 3))
    flags = hidden(counts, sums, ranks, implied, few=FEW, known=known)
    assert {1, 4, 7} <= set(np.flatnonzero(flags)) and not flags[matured].any()


def test_of_three_that_are_known_every_number_stays_open() -> None:
    """How many of three were called has no five values: then all the rest is not hidden in vain."""
    counts, implied = np.array([3, 1, 2, 40, 20, 20, 43, 21, 22]), np.isin(np.arange(9), [2, 5, 8])
    sums = [Sum(0, [1, 2]), Sum(3, [4, 5]), Sum(6, [7, 8]), *(Sum(6 + at, [at, 3 + at]) for at in range(3))]
    known = Known(np.isin(np.arange(9), [0, 3, 6]), np.array([3] * 3 + [40] * 3 + [43] * 3))
    flags = hidden(counts, sums, np.array([1] * 6 + [0] * 3), implied, few=FEW, known=known)
    assert flags[[1, 4]].all() and not flags[7]


@pytest.mark.parametrize("seed", range(6))
def test_every_small_count_of_a_small_table_stays_open(seed: int) -> None:
    """Two ways to add up one total: rows by columns, each of the sides printed."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 7, (2, 2))
    counts = [int(cells.sum()), *cells.sum(axis=1).tolist(), *cells.sum(axis=0).tolist(), *cells.ravel().tolist()]
    sums = [Sum(0, [1, 2]), Sum(0, [3, 4]), Sum(1, [5, 6]), Sum(2, [7, 8]), Sum(3, [5, 7]), Sum(4, [6, 8])]
    hid = hide(counts, sums)
    assert {place for place, count in enumerate(counts) if 0 < count < FEW} <= set(hid)
    if len(hid) <= 3:
        for place in hid:
            least = SPREAD + 1 if 0 < counts[place] < FEW else 2
            assert len(left_open(counts, sums, hid, place)) >= least
