"""Which counts are hidden so that none of the small ones can be worked out from those that are shown.

A count of 1 to `few` - 1 is hidden, then others with it, until the shown figures leave at least `few` values open for every small count
and two for every other hidden one. What the shown figures leave open is asked of a linear programme: every count at least 0, every
sum as declared. Whoever knows all copies of all audiences knows no more than that.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import OptimizeResult, linprog
from scipy.sparse.csgraph import connected_components

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class NotSolved(RuntimeError):
    """The solver gave no answer where there is one, the true counts."""


@dataclass(frozen=True)
class Sum:
    """The counts at places `parts` add up to the one at `whole`."""

    whole: int
    parts: Sequence[int]

    @property
    def members(self) -> list[int]:
        return [self.whole, *self.parts]


def hidden(counts: Counts, sums: Sequence[Sum], rank: Counts, implied: Flags, *, few: int) -> Flags:
    """Flags, one a count, of those not to be shown. Among others that would do, those of the highest `rank` and then the least count go
    first. An `implied` count is never shown by itself, and guarded only where it is small. A count that is 0 by the sums alone, whatever is
    hidden, is shown. Raises NotSolved."""
    small: Flags = (counts > 0) & (counts < few)
    hide: Flags = small | implied
    spread = np.where(small, few - 1, np.where(implied, 0, 1))
    of_count: list[list[int]] = [[] for _ in counts]
    for number, each in enumerate(sums):
        for place in each.members:
            of_count[place].append(number)
    closed: set[bytes] = set()
    settled: Flags = np.zeros_like(small)
    # what agrees with all that is shown still does when less is
    reached = _Reached(counts.astype(float), counts.astype(float))
    while True:
        told: dict[int, int | None] = {}
        for part in _apart(hide, sums):
            if part.tobytes() not in closed:
                found = _given_away(part, counts, hide, spread, reached, sums, of_count, rank)
                told |= found
                if not found:
                    closed.add(part.tobytes())
        for place in [place for place, also in told.items() if also is None]:
            if small[place]:
                raise NotSolved("a small count without any that is shown beside it is given away")
            settled[place], spread[place] = True, 0
        helped = {place: also for place, also in told.items() if also is not None}
        if not helped:
            return hide & ~settled
        deepest = max(int(rank[also]) for also in helped.values())
        touched: set[int] = set()
        for place, also in helped.items():
            if rank[also] == deepest and touched.isdisjoint([*of_count[place], *of_count[also]]):
                hide[also] = True
                touched.update(of_count[place], of_count[also])


def _apart(hide: Flags, sums: Sequence[Sum]) -> list[npt.NDArray[np.intp]]:
    """The hidden counts in groups that no sum connects."""
    places = np.flatnonzero(hide)
    number = {int(place): at for at, place in enumerate(places)}
    pairs = [
        (number[first], number[second])
        for each in sums
        for of_sum in [[place for place in each.members if hide[place]]]
        for first, second in itertools.pairwise(of_sum)
    ]
    rows, columns = ([pair[side] for pair in pairs] for side in (0, 1))
    graph = sparse.coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(places), len(places)))
    count, label = connected_components(graph, directed=False)
    return [places[label == each] for each in range(count)]


def _given_away(
    part: npt.NDArray[np.intp], counts: Counts, hide: Flags, spread: Counts, reached: _Reached, sums: Sequence[Sum],
    of_count: list[list[int]], rank: Counts,
) -> dict[int, int | None]:
    """The counts of a group of which the shown ones leave too little open, each with one of those that give it away, None where no shown
    one does."""
    column = {int(place): at for at, place in enumerate(part)}
    numbers = sorted({number for place in part for number in of_count[place]})
    matrix = sparse.lil_array((len(numbers), len(part)))
    shown = np.zeros(len(numbers))
    for row, number in enumerate(numbers):
        for place in sums[number].members:
            sign = -1 if place == sums[number].whole else 1
            if hide[place]:
                matrix[row, column[place]] += sign
            else:
                shown[row] -= sign * counts[place]
    widest = int(spread.max())
    asked = _Asked(matrix.tocsr(), shown, float(counts[part].max()) + sum(abs(shown)) + widest + 1)
    low, high = reached.low[part], reached.high[part]
    found: dict[int, int | None] = {}
    for at, place in enumerate(part):
        tight: set[int] = set()
        for direction in (-1, 1):
            if high[at] - low[at] < spread[place]:
                answer = asked.furthest(at, direction)
                tight.update(int(row) for row in np.flatnonzero(np.abs(answer.eqlin.marginals) > _LITTLE))
                # what lies between two answers is one as well, whole numbers inside it
                low, high = np.minimum(low, np.ceil(answer.x - _LITTLE)), np.maximum(high, np.floor(answer.x + _LITTLE))
        if high[at] - low[at] < spread[place]:
            binding = [sums[numbers[row]] for row in sorted(tight)]
            found[int(place)] = _companion(int(place), counts, hide, binding, sums, of_count, rank, widest)
    reached.low[part], reached.high[part] = low, high
    return found


_LITTLE = 1e-7


@dataclass(frozen=True)
class _Reached:
    """The least and the greatest value found so far that each count can have."""

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Asked:
    """What is known of hidden counts: the sums they make, and that none is below 0; `most` is more than any could be of interest at."""

    matrix: sparse.csr_array
    shown: npt.NDArray[np.float64]
    most: float

    def furthest(self, at: int, direction: int) -> OptimizeResult:
        """Counts that agree with everything shown, the one at `at` as low (direction 1) or as high (-1) as can be. Raises NotSolved."""
        aim = np.zeros(self.matrix.shape[1])
        aim[at] = direction
        solved = linprog(aim, A_eq=self.matrix, b_eq=self.shown, bounds=(0, self.most), method="highs")
        if solved.x is None:
            raise NotSolved(f"linear programme of {len(aim)} counts: {solved.message}")
        return solved


def _companion(
    place: int, counts: Counts, hide: Flags, tight: Sequence[Sum], sums: Sequence[Sum], of_count: list[list[int]], rank: Counts, widest: int
) -> int | None:
    """A shown count whose hiding leaves more open about the one at `place`: in the sums that bound it, else in the nearest one. None where
    all that is connected with it is hidden: then it can be any multiple of itself, and is 0 where it can be nothing else."""

    def cost(other: int, of: Sum) -> tuple[int, bool, int, int]:
        opens = bool(hide[of.whole]) or other == of.whole or counts[other] + sum(counts[part] for part in of.parts if hide[part]) >= widest
        return (-int(rank[other]), not opens, int(counts[other]), other)

    binding = [(cost(other, of), other) for of in tight for other in of.members if not hide[other]]
    if binding:
        return min(binding)[1]
    seen, front = {place}, [place]
    while front:
        near = [(other, sums[number]) for one in front for number in of_count[one] for other in sums[number].members if other not in seen]
        shown = [(cost(other, of), other) for other, of in near if not hide[other]]
        if shown:
            return min(shown)[1]
        front = sorted({other for other, _ in near})
        seen.update(front)
    return None
