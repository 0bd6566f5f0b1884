"""Cases that complain of the same thing, found from their Chinese texts.

A text is taken as the set of its informative pairs of neighbouring characters. What every complaint says (when, please
look into it) is left out because other items say it as often; what nearly every complaint about the item says is left
out because it says no more than the item; what few of them say weighs more. Numbers never count. Two texts are alike by
the Dice coefficient of their sets; a cluster is a star: every member is like its centre itself, so no chain of small
steps ties unlike texts together. Only texts of one district and item within one window are compared.
docs/marts/problems.md has the exact definitions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz.distance import Indel
from rapidfuzz.process import cpdist

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# What one row of a month's texts is, and one row of the answer. The text comes without place names.
TEXTS = pa.schema(
    [
        ("case_no", pa.string()),
        ("district_code", pa.string()),
        ("item_code", pa.string()),
        ("reported_at", pa.timestamp("us", tz="UTC")),
        ("reported_on", pa.date32()),
        ("text", pa.string()),
    ]
)
SIMILAR = pa.schema(
    [
        ("month", pa.date32()),
        ("district_code", pa.string()),
        ("item_code", pa.string()),
        ("centre_case_no", pa.string()),
        ("case_no", pa.string()),
        ("similarity", pa.float64()),
    ]
)

_NUMERALS = np.array([ord(c) for c in "〇零一二两三四五六七八九十百千万"], dtype=np.uint32)
_PAIRS_AT_ONCE = 4_000_000
# A pair weighs as many bits as its rarity tells, within these bounds; a few texts more are thought to have it than do.
_MOST_BITS = 6
_DOUBT = 4
_LOW = np.int64(0xFFFFFFFF)


@dataclass(frozen=True)
class Rules:
    """The thresholds, from dbt's variable `similar`; percentages are whole numbers so that no rounding decides."""

    window_days: int
    corpus_months: int
    similar_percent: int
    min_pairs: int
    lift_percent: int
    smoothing: int
    common_percent: int
    enough_texts: int


def similar_cases(months: Sequence[dt.date], read: Callable[[dt.date], pa.Table], rules: Rules) -> pa.Table:
    """The clusters of each month (first days), as SIMILAR: one row a month and case in a cluster of at least two cases.

    `read(month)` gives the counted cases reported in a month as TEXTS. A month's window is the month and the
    `window_days` before it; which characters are informative is learnt from the month and the months before it,
    `corpus_months` in all. The answer depends on nothing else, neither on the order of rows nor on the other months asked for.
    """
    items: dict[str, int] = {}
    held: dict[dt.date, _Month] = {}
    answers = []
    for month in sorted(months):
        span = [_months_before(month, back) for back in range(rules.corpus_months)]
        held = {each: held[each] if each in held else _Month.of(read(each), items) for each in span}
        answers.append(_clusters(month, list(held.values()), rules))
    return pa.concat_tables([SIMILAR.empty_table(), *answers])


@dataclass(frozen=True)
class _Month:
    """The texts of a month, and the distinct pairs of characters in each: `pair` belongs to text number `row`."""

    table: pa.Table
    item: Ints
    row: Ints
    pair: Ints

    @staticmethod
    def of(table: pa.Table, items: dict[str, int]) -> _Month:
        table = table.select(TEXTS.names).cast(TEXTS).combine_chunks()
        codes = pc.dictionary_encode(table.column("item_code").combine_chunks())
        numbers = np.array([items.setdefault(code, len(items)) for code in codes.dictionary.to_pylist()], dtype=np.int64)
        item = numbers[codes.indices.to_numpy(zero_copy_only=False)] if len(table) else np.empty(0, dtype=np.int64)
        row, pair = _pairs(table.column("text"))
        return _Month(table, item, row, pair)


def _pairs(texts: pa.ChunkedArray) -> tuple[Ints, Ints]:
    """The distinct pairs of neighbouring Han characters of each text, numerals apart: text number and pair."""
    texts = pc.utf8_normalize(pc.fill_null(texts, ""), form="NFKC")
    lengths = pc.utf8_length(texts).to_numpy()
    letters = np.frombuffer("".join(texts.to_pylist()).encode("utf-32-le"), dtype=np.uint32)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    says = (((letters >= 0x4E00) & (letters <= 0x9FFF)) | ((letters >= 0x3400) & (letters <= 0x4DBF))) & ~np.isin(letters, _NUMERALS)
    starts = says[:-1] & says[1:] & (rows[:-1] == rows[1:])
    first, second = letters[:-1][starts].astype(np.int64), letters[1:][starts].astype(np.int64)
    distinct = np.unique((rows[:-1][starts] << 32) | (first << 16) | second)
    return distinct >> 32, distinct & _LOW


@dataclass(frozen=True)
class _Informative:
    """The informative pairs of every item as sorted keys (item, pair). Each stands for `weight` letters from `letter` on, which are
    its own within the item; the rarest have the lowest.
    """

    key: Ints
    weight: Ints
    letter: Ints

    @staticmethod
    def of(months: Sequence[_Month], rules: Rules) -> _Informative:
        keys, counts = np.unique(np.concatenate([(m.item[m.row] << 32) | m.pair for m in months]), return_counts=True)
        item, pair = keys >> 32, keys & _LOW
        texts = np.bincount(np.concatenate([m.item for m in months]), minlength=1)
        own_texts = texts[item] if len(keys) else item
        _, which = np.unique(pair, return_inverse=True)
        everywhere = np.bincount(which, weights=counts).astype(np.int64)[which] if len(keys) else counts
        elsewhere, other_texts = everywhere - counts, texts.sum() - own_texts
        # rate here, drawn towards the rate elsewhere while there are few texts, against the rate elsewhere; all in whole numbers
        k = rules.smoothing
        here = 100 * (counts * other_texts + k * elsewhere) >= rules.lift_percent * elsewhere * (own_texts + k)
        enough = own_texts >= rules.enough_texts
        kept = here & ~(enough & (100 * counts > rules.common_percent * own_texts))
        weight = np.ones_like(counts)
        for bits in range(2, _MOST_BITS + 1):
            weight += own_texts >= (counts + _DOUBT) << bits
        keys, counts, item, weight = keys[kept], counts[kept], item[kept], weight[kept]
        order = np.lexsort((keys, counts, item))
        before = np.cumsum(weight[order]) - weight[order]
        letter = np.empty(len(keys), dtype=np.int64)
        letter[order] = before - before[np.searchsorted(item[order], item[order])]
        return _Informative(keys, weight, letter)


def _clusters(month: dt.date, months: Sequence[_Month], rules: Rules) -> pa.Table:
    informative = _Informative.of(months, rules)
    texts, row, item, pair = _window(month, months, rules)
    if not len(texts) or not len(informative.key):
        return SIMILAR.empty_table()
    wanted = (item[row] << 32) | pair
    place = np.minimum(np.searchsorted(informative.key, wanted), len(informative.key) - 1)
    found = informative.key[place] == wanted
    nodes = _Nodes.of(texts, item, row[found], place[found], informative, rules.min_pairs)
    left, right, distance = _edges(nodes, rules.similar_percent)
    centre, unlike = _stars(nodes, left, right, distance)
    return _answer(month, texts, nodes, centre, unlike)


def _window(month: dt.date, months: Sequence[_Month], rules: Rules) -> tuple[pa.Table, Ints, Ints, Ints]:
    """The texts of the window in order of report, with the pairs of each: texts, and row, item of a row, pair."""
    table = pa.concat_tables([m.table for m in months])
    item = np.concatenate([m.item for m in months])
    offsets = np.cumsum([0, *[len(m.table) for m in months]])
    row = np.concatenate([m.row + offset for m, offset in zip(months, offsets, strict=False)])
    pair = np.concatenate([m.pair for m in months])
    since = pa.scalar(month - dt.timedelta(days=rules.window_days))
    within = pc.greater_equal(table.column("reported_on"), since).to_numpy()
    order = pc.sort_indices(table, sort_keys=[("reported_at", "ascending"), ("case_no", "ascending")]).to_numpy()
    order = order[within[order]]
    position = np.full(len(table), -1, dtype=np.int64)
    position[order] = np.arange(len(order))
    inside = position[row] >= 0
    return table.take(order), position[row[inside]], item[order], pair[inside]


@dataclass(frozen=True)
class _Nodes:
    """The different texts of the window, by block (district and item): cases of equal content share a node.

    `of_text`: node of a text, -1 if it says too little. Of a node: `block`, `signature` (the letters of its informative pairs, rarest
    first: the Indel distance of two signatures counts the letters that only one of them has), `size` in letters, `weight` in cases,
    `first` case.
    """

    of_text: Ints
    block: Ints
    signature: npt.NDArray[np.object_]
    size: Ints
    weight: Ints
    first: Ints

    @staticmethod
    def of(texts: pa.Table, item: Ints, row: Ints, place: Ints, informative: _Informative, min_pairs: int) -> _Nodes:
        order = np.lexsort((informative.letter[place], row))
        row, place = row[order], place[order]
        weights = informative.weight[place]
        points = np.repeat(informative.letter[place] - np.cumsum(weights) + weights, weights) + np.arange(weights.sum()) + 1
        points += (points >= 0xD800) * 0x800
        letters = points.astype(np.uint32).tobytes().decode("utf-32-le")
        sizes = _sums(row, weights, len(texts))
        ends = np.cumsum(sizes)
        enough = np.flatnonzero(np.bincount(row, minlength=len(texts)) >= min_pairs)
        signatures = pa.array([letters[end - size : end] for end, size in zip(ends[enough], sizes[enough], strict=True)], pa.string())
        coded = pc.dictionary_encode(signatures)
        content = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        district = pc.dictionary_encode(texts.column("district_code").combine_chunks()).indices.to_numpy(zero_copy_only=False)
        block = (district.astype(np.int64)[enough] << 32) | item[enough]
        _, block = np.unique(block, return_inverse=True)
        _, first, node, weight = np.unique((block << 32) | content, return_index=True, return_inverse=True, return_counts=True)
        of_text = np.full(len(texts), -1, dtype=np.int64)
        of_text[enough] = node
        signature = np.array(coded.dictionary.to_pylist(), dtype=object)[content[first]]
        return _Nodes(of_text, block[first], signature, sizes[enough][first], weight, enough[first])

    def __len__(self) -> int:
        return len(self.size)


def _edges(nodes: _Nodes, percent: int) -> tuple[Ints, Ints, Ints]:
    """Every pair of nodes of one block that are alike: the two nodes, the lower first, and their Indel distance.

    Two sets that are alike share one of their rarest members: only such pairs are compared. Of the n members of a set
    at least n * percent / (200 - percent) are shared, so the others and one more are enough to look at.
    """
    least_shared = -(-percent * nodes.size // (200 - percent))
    found = []
    for left, right in _candidates(nodes, nodes.size - least_shared + 1):
        fits = np.minimum(nodes.size[left], nodes.size[right]) >= np.maximum(least_shared[left], least_shared[right])
        left, right = left[fits], right[fits]
        distance = cpdist(nodes.signature[left], nodes.signature[right], scorer=Indel.distance, dtype=np.int32).astype(np.int64)
        alike = 100 * distance <= (100 - percent) * (nodes.size[left] + nodes.size[right])
        found.append(np.stack([left[alike], right[alike], distance[alike]]))
    if not found:
        return (np.empty(0, dtype=np.int64),) * 3
    left, right, distance = np.concatenate(found, axis=1)
    _, once = np.unique((left << 32) | right, return_index=True)
    return left[once], right[once], distance[once]


def _candidates(nodes: _Nodes, lengths: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of nodes of one block with a common character among the first `lengths` of each; in portions, in which none is twice."""
    node = np.repeat(np.arange(len(nodes)), lengths)
    heads = "".join(signature[:length] for signature, length in zip(nodes.signature, lengths, strict=True))
    letter = np.frombuffer(heads.encode("utf-32-le"), dtype=np.uint32)
    order = np.lexsort((node, letter, nodes.block[node]))
    node = node[order]
    group = (nodes.block[node] << 32) | letter[order]
    ends = np.flatnonzero(np.append(group[1:] != group[:-1], len(node) > 0))
    # an entry goes with each of those after it in its group
    partners = ends[np.searchsorted(ends, np.arange(len(node)))] - np.arange(len(node)) if len(node) else node
    portions = np.cumsum(partners) // _PAIRS_AT_ONCE
    for portion in np.unique(portions):
        entries = np.flatnonzero((portions == portion) & (partners > 0))
        counts = partners[entries]
        nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        pairs = np.unique((np.repeat(node[entries], counts) << 32) | node[np.repeat(entries, counts) + 1 + nth])
        yield pairs >> 32, pairs & _LOW


def _stars(nodes: _Nodes, left: Ints, right: Ints, distance: Ints) -> tuple[Ints, npt.NDArray[np.float64]]:
    """The centre of every node, itself for a centre, and how unlike it is, 0 to 1.

    Nodes take turns, those that most cases are like first, then the earliest: a node not like any centre becomes a centre itself. The
    others go to the centre they are most like.
    """
    numbers = np.arange(len(nodes))
    reach = nodes.weight + _sums(left, nodes.weight[right], len(nodes)) + _sums(right, nodes.weight[left], len(nodes))
    turn = np.empty(len(nodes), dtype=np.int64)
    turn[np.lexsort((nodes.first, -reach))] = numbers
    waiting, is_centre = np.ones(len(nodes), dtype=bool), np.zeros(len(nodes), dtype=bool)
    while waiting.any():
        live = waiting[left] & waiting[right]
        a, b = left[live], right[live]
        earliest = turn.copy()
        np.minimum.at(earliest, a, turn[b])
        np.minimum.at(earliest, b, turn[a])
        chosen: Bools = waiting & (earliest == turn)
        is_centre |= chosen
        waiting &= ~chosen
        waiting[b[chosen[a]]] = False
        waiting[a[chosen[b]]] = False
    member, hub = np.concatenate([left, right]), np.concatenate([right, left])
    unlikeness = np.tile(distance / (nodes.size[left] + nodes.size[right]), 2)
    joins = is_centre[hub] & ~is_centre[member]
    member, hub, unlikeness = member[joins], hub[joins], unlikeness[joins]
    best = np.lexsort((turn[hub], unlikeness, member))
    member, at = np.unique(member[best], return_index=True)
    centre, unlike = numbers.copy(), np.zeros(len(nodes))
    centre[member], unlike[member] = hub[best][at], unlikeness[best][at]
    return centre, unlike


def _sums(where: Ints, what: Ints, size: int) -> Ints:
    return np.bincount(where, weights=what, minlength=size).astype(np.int64)


def _answer(month: dt.date, texts: pa.Table, nodes: _Nodes, centre: Ints, unlike: npt.NDArray[np.float64]) -> pa.Table:
    cases = _sums(centre, nodes.weight, len(nodes))
    row = np.flatnonzero(nodes.of_text >= 0)
    node = nodes.of_text[row]
    several = cases[centre[node]] > 1
    row, node = row[several], node[several]
    columns: list[Any] = [
        pa.array([month] * len(row), pa.date32()),
        texts.column("district_code").take(row),
        texts.column("item_code").take(row),
        texts.column("case_no").take(nodes.first[centre[node]]),
        texts.column("case_no").take(row),
        1 - unlike[node],
    ]
    return pa.table(columns, schema=SIMILAR)


def _months_before(month: dt.date, back: int) -> dt.date:
    months = month.year * 12 + month.month - 1 - back
    return dt.date(months // 12, months % 12 + 1, 1)
