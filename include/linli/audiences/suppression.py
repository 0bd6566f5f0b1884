"""Which counts are hidden so that none of the small ones can be worked out from those that are shown.

A count of 1 to `few` - 1 is hidden, then others with it, until the shown figures leave at least `few` values open for every small count
and two for every other hidden one. What the shown figures leave open is asked of a linear programme: every count at least 0, every
sum as declared. Whoever knows all copies of all audiences knows no more than that.

Some counts may be known from elsewhere. They are hidden like any other, and what is hidden beside them stays as open to whoever does
know them, or, where they leave fewer values from the first (how many of three), as open as it was before anything was shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

# scipy is imported late: it takes half a second, and only counts that are hidden are asked about.
if TYPE_CHECKING:
    from scipy import sparse
    from scipy.optimize import OptimizeResult

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


@dataclass(frozen=True)
class Known:
    """Which counts may be known from elsewhere, and how great every count can be at most by these."""

    counts: Flags
    most: Counts


def hidden(counts: Counts, sums: Sequence[Sum], rank: Counts, implied: Flags, *, few: int, known: Known | None = None) -> Flags:
    """Flags, one a count, of those not to be shown. Among others that would do, those of the highest `rank` and then the least count go
    first. An `implied` count is never shown by itself, and guarded only where it is small. A count that is 0 by the sums alone, whatever is
    hidden, is shown. Raises NotSolved."""
    small: Flags = (counts > 0) & (counts < few)
    spread = np.where(small, few - 1, np.where(implied, 0, 1))
    guard = _Guard(counts, sums, rank, small, implied)
    nobody: Flags = np.zeros_like(small)
    if known is not None:
        # who knows more comes first: what is hidden from them is mostly enough for all others. What can only be 0 is known as well
        knows = _Knowledge(known.counts | (known.most == 0), np.minimum(spread, known.most), counts)
        others = _Knowledge(nobody, spread, counts)
        before = -1
        while before != (before := int(guard.hide.sum())):
            guard.hide_from(knows)
            guard.hide_from(others)
    else:
        others = _Knowledge(nobody, spread, counts)
        guard.hide_from(others)
    return guard.hide & ~others.settled


class _Knowledge:
    """What somebody knows besides what is shown: the `known` counts. `spread` is how many more values than one each count is to leave open
    to them, `low` and `high` the least and the greatest found so far that it can have: what agrees with all that is shown still does when
    less is. What is `settled` is 0 by the sums alone."""

    def __init__(self, known: Flags, spread: Counts, counts: Counts) -> None:
        self.known, self.spread = known, spread.copy()
        self.low, self.high = counts.astype(float), counts.astype(float)
        self.settled: Flags = np.zeros_like(known)


class _Guard:
    """The counts of a district, the sums they make, and what of them is hidden so far."""

    def __init__(self, counts: Counts, sums: Sequence[Sum], rank: Counts, small: Flags, implied: Flags) -> None:
        self.counts, self.sums, self.rank, self.small, self.hide = counts, sums, rank, small, small | implied
        self.of_count: list[list[int]] = [[] for _ in counts]
        for number, each in enumerate(sums):
            for place in each.members:
                self.of_count[place].append(number)

    def hide_from(self, them: _Knowledge) -> None:
        """Hides what it takes that they are left their spread of values of all that is hidden and not known to them."""
        closed: set[bytes] = set()
        while True:
            told: dict[int, int | None] = {}
            for part in _apart(self.hide & ~them.known, self.sums):
                if part.tobytes() not in closed:
                    found = self._given_away(part, them)
                    told |= found
                    if not found:
                        closed.add(part.tobytes())
            for place in [place for place, also in told.items() if also is None]:
                if not them.known.any():
                    if self.small[place]:
                        raise NotSolved("a small count without any that is shown beside it is given away")
                    them.settled[place] = True
                # all that could help is hidden: what they still find, they find by what they know
                them.spread[place] = 0
            helped = {place: also for place, also in told.items() if also is not None}
            if not helped:
                return
            deepest = max(int(self.rank[also]) for also in helped.values())
            touched: set[int] = set()
            for place, also in helped.items():
                if self.rank[also] == deepest and touched.isdisjoint([*self.of_count[place], *self.of_count[also]]):
                    self.hide[also] = True
                    touched.update(self.of_count[place], self.of_count[also])

    def _given_away(self, part: npt.NDArray[np.intp], them: _Knowledge) -> dict[int, int | None]:
        """The counts of a group of which what is shown and known leaves too little open, each with one of those that give it away, None
        where no shown one does."""
        from scipy import sparse

        secret = self.hide & ~them.known
        column = {int(place): at for at, place in enumerate(part)}
        numbers = sorted({number for place in part for number in self.of_count[place]})
        matrix = sparse.lil_array((len(numbers), len(part)))
        shown = np.zeros(len(numbers))
        for row, number in enumerate(numbers):
            for place in self.sums[number].members:
                sign = -1 if place == self.sums[number].whole else 1
                if secret[place]:
                    matrix[row, column[place]] += sign
                else:
                    shown[row] -= sign * self.counts[place]
        widest = int(them.spread.max())
        asked = _Asked(matrix.tocsr(), shown, float(self.counts[part].max()) + sum(abs(shown)) + widest + 1)
        low, high = them.low[part], them.high[part]
        found: dict[int, int | None] = {}
        for at, place in enumerate(part):
            tight: set[int] = set()
            for direction in (-1, 1):
                if high[at] - low[at] < them.spread[place]:
                    answer = asked.furthest(at, direction)
                    tight.update(int(row) for row in np.flatnonzero(np.abs(answer.eqlin.marginals) > _LITTLE))
                    # what lies between two answers is one as well, whole numbers inside it
                    low, high = np.minimum(low, np.ceil(answer.x - _LITTLE)), np.maximum(high, np.floor(answer.x + _LITTLE))
            if high[at] - low[at] < them.spread[place]:
                found[int(place)] = self._companion(int(place), them, [self.sums[numbers[row]] for row in sorted(tight)], widest)
        them.low[part], them.high[part] = low, high
        return found

    def _companion(self, place: int, them: _Knowledge, tight: Sequence[Sum], widest: int) -> int | None:
        """A shown count whose hiding leaves more open about the one at `place`: in the sums that bound it, else in the nearest one. None
        where all that is connected with it is hidden: then it can be any multiple of itself, and is 0 where it can be nothing else."""
        secret, shown = self.hide & ~them.known, ~self.hide & ~them.known

        def cost(other: int, of: Sum) -> tuple[int, bool, int, int]:
            of_parts = self.counts[other] + sum(self.counts[part] for part in of.parts if secret[part])
            opens = bool(secret[of.whole]) or other == of.whole or of_parts >= widest
            return (-int(self.rank[other]), not opens, int(self.counts[other]), other)

        binding = [(cost(other, of), other) for of in tight for other in of.members if shown[other]]
        if binding:
            return min(binding)[1]
        seen, front = {place}, [place]
        while front:
            near = [
                (other, self.sums[number])
                for one in front
                for number in self.of_count[one]
                for other in self.sums[number].members
                if other not in seen
            ]
            would_do = [(cost(other, of), other) for other, of in near if shown[other]]
            if would_do:
                return min(would_do)[1]
            front = sorted({other for other, _ in near})
            seen.update(front)
        return None


def _apart(hide: Flags, sums: Sequence[Sum]) -> list[npt.NDArray[np.intp]]:
    """The hidden counts in groups that no sum connects."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

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


_LITTLE = 1e-7


@dataclass(frozen=True)
class _Asked:
    """What is known of hidden counts: the sums they make, and that none is below 0; `most` is more than any could be of interest at."""

    matrix: sparse.csr_array
    shown: npt.NDArray[np.float64]
    most: float

    def furthest(self, at: int, direction: int) -> OptimizeResult:
        """Counts that agree with everything shown, the one at `at` as low (direction 1) or as high (-1) as can be. Raises NotSolved."""
        from scipy.optimize import linprog

        aim = np.zeros(self.matrix.shape[1])
        aim[at] = direction
        solved = linprog(aim, A_eq=self.matrix, b_eq=self.shown, bounds=(0, self.most), method="highs")
        if solved.x is None:
            raise NotSolved(f"linear programme of {len(aim)} counts: {solved.message}")
        return solved
