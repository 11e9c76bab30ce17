"""Which item of one sequence is which of another."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .common import EFFORT, common
from .order import CROSSED_NS

__all__ = ["NOBODY", "Alignment", "Items", "align", "most_alike"]

NOBODY: Final = -1
_CELLS: Final = 400
"""So many comparisons at most to find out which of several items are most alike."""


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence as it is aligned: three numbers for each item."""

    keys: Sequence[int]
    """Equal for items that are equal."""
    kinds: Sequence[int]
    """Equal for items of which one may be the other, changed."""
    voices: Sequence[int] | None = None
    """Who says it; None: one says it all."""
    times_ns: Sequence[int] = ()
    """When, if items of two voices may have crossed."""
    any_order: bool = False
    """Whether items of one voice, between two of another, may come in any order."""

    def __len__(self) -> int:
        return len(self.keys)


class Alignment:
    """Each item of two sequences, in a pair with one of the other or alone."""

    def __init__(self, left: int, right: int) -> None:
        self.left = array("q", [NOBODY]) * left
        """For each item of the left its partner, NOBODY: it is missing on the right."""
        self.right = array("q", [NOBODY]) * right
        """For each item of the right its partner, NOBODY: it is extra."""
        self.moved: set[int] = set()
        """Items of the left that are on the right in another place."""
        self.aside: set[int] = set()
        """Items of the left that have a partner behind, or before, where others have theirs."""
        self.exact = True
        """Whether as few items as possible are alone or moved; False: that was too much."""

    def pair(self, i: int, j: int) -> None:
        """Make two items a pair."""
        self.left[i] = j
        self.right[j] = i

    def part(self, i: int) -> None:
        """Make an item of the left, and its partner, alone again."""
        self.right[self.left[i]] = NOBODY
        self.left[i] = NOBODY

    def rows(self) -> Iterator[tuple[int | None, int | None]]:
        """Yield the items of both in one order: those that are in line as pairs, others alone."""
        j = 0
        for i, partner in enumerate(self.left):
            if partner == NOBODY or i in self.aside:
                yield i, None
                continue
            while j < partner:
                yield None, j
                j += 1
            yield i, j
            j += 1
        for rest in range(j, len(self.right)):
            yield None, rest


def align(
    left: Items,
    right: Items,
    likeness: Callable[[int, int], float],
    effort: int = EFFORT,
) -> Alignment:
    """Align two sequences; the same two are always aligned alike.

    Equal items in the same order stand fast, as many as there can be. What is left is, in this
    order, moved, if an equal item is left on the other side; changed, if one of its kind is left
    between the same two that stand fast, or would be if it had not crossed what another voice
    said; missing or extra. `likeness` (0 to 1) tells which of several of a kind are the same,
    where they are few; where they are many, their order does. What may only have crossed what
    another voice said is not moved.
    """
    made = Alignment(len(left), len(right))
    fast, made.exact = common(left.keys, right.keys, effort)
    for i, j in fast:
        made.pair(i, j)
    here, there = _Turns(left, fast, 0), _Turns(right, fast, 1)
    _move(left, right, made, here, there)
    # What stands fast is equal: only between two that do, one may be the other, changed.
    _change(left, right, made, (here, there), likeness)
    if left.times_ns and not left.any_order:
        turns = _Turns(left, fast, 0, own=True), _Turns(right, fast, 1, own=True)
        late = _change(left, right, made, turns, likeness)
        for i in late - set(_crossed(left, right, made, fast, late)):
            made.part(i)
    made.aside = set(_aside(made.left, fast))
    made.moved &= made.aside
    if made.moved and left.times_ns and not left.any_order:
        made.moved -= set(_crossed(left, right, made, fast, made.moved))
    return made


class _Turns:
    """Between which items that stand fast, and whose order counts, an item is."""

    def __init__(
        self, items: Items, fast: Iterable[tuple[int, int]], side: int, *, own: bool = False
    ) -> None:
        """`own`: only the order among items of the same voice counts."""
        self._voices = items.voices if own or items.any_order else None
        places = [pair[side] for pair in fast]
        self._of: dict[int | None, list[int]] = {None: places}
        for voice in set(self._voices or ()):
            self._of[voice] = _by_voice(items, places, voice)[0 if own else 1]

    def __call__(self, item: int) -> int:
        """Return how many there are before it: for the same item of both sides the same."""
        voice = None if self._voices is None else self._voices[item]
        return bisect_left(self._of[voice], item)


def _move(left: Items, right: Items, made: Alignment, here: _Turns, there: _Turns) -> None:
    """Pair equal items that are left on both sides, the first with the first."""
    places: dict[int, list[int]] = {}
    for j in reversed(range(len(right))):
        if made.right[j] == NOBODY:
            places.setdefault(right.keys[j], []).append(j)
    for i in range(len(left)):
        if made.left[i] == NOBODY and places.get(left.keys[i]):
            j = places[left.keys[i]].pop()
            made.pair(i, j)
            if not left.any_order or here(i) != there(j):
                made.moved.add(i)


def _change(
    left: Items,
    right: Items,
    made: Alignment,
    turns: tuple[_Turns, _Turns],
    likeness: Callable[[int, int], float],
) -> set[int]:
    """Pair items of a kind that are left on both sides at one place; return those of the left."""
    found: set[int] = set()
    ours, theirs = _left_over(made.left, left, turns[0]), _left_over(made.right, right, turns[1])
    for place in sorted(ours.keys() & theirs.keys()):
        for i, j in most_alike(ours[place], theirs[place], likeness):
            made.pair(i, j)
            found.add(i)
    return found


def _by_voice(items: Items, places: Iterable[int], voice: int) -> tuple[list[int], list[int]]:
    """Return the items that one voice says, and those that others do."""
    assert items.voices is not None
    split: tuple[list[int], list[int]] = [], []
    for each in places:
        split[items.voices[each] != voice].append(each)
    return split


def _crossed(
    left: Items,
    right: Items,
    made: Alignment,
    fast: Sequence[tuple[int, int]],
    moved: set[int],
) -> Iterator[int]:
    """Yield those of moved items of the left that are in order with those of their own voice.

    On one of the two sides they are so near to all of another voice which they passed that each
    may have been on its way when the other was said.
    """
    assert left.voices is not None
    sides = {
        voice: (
            _by_voice(left, (i for i, _ in fast), voice),
            _by_voice(right, (j for _, j in fast), voice),
        )
        for voice in {left.voices[i] for i in moved}
    }
    last = dict.fromkeys(sides, NOBODY)
    for i in sorted(moved):
        j, voice = made.left[i], left.voices[i]
        (own_i, others_i), (own_j, others_j) = sides[voice]
        n, m = bisect_left(others_i, i), bisect_left(others_j, j)
        passed = (others_i[min(n, m) : max(n, m)], others_j[min(n, m) : max(n, m)])
        near = (
            not passed[0] or min(_gap(left, i, passed[0]), _gap(right, j, passed[1])) < CROSSED_NS
        )
        if near and j > last[voice] and bisect_left(own_i, i) == bisect_left(own_j, j):
            last[voice] = j
            yield i


def _gap(items: Items, item: int, others: Sequence[int]) -> int:
    """Return how far in time an item is from the farthest of others that are in order."""
    times = items.times_ns
    return max(abs(times[item] - times[others[0]]), abs(times[item] - times[others[-1]]))


def _left_over(
    partners: Sequence[int], items: Items, turn: _Turns
) -> dict[tuple[int, int], list[int]]:
    """Return the items without a partner by where they are and what kind they are of."""
    found: dict[tuple[int, int], list[int]] = {}
    for item, partner in enumerate(partners):
        if partner == NOBODY:
            found.setdefault((turn(item), items.kinds[item]), []).append(item)
    return found


def most_alike(
    left: Sequence[int],
    right: Sequence[int],
    likeness: Callable[[int, int], float],
    most: int = _CELLS,
) -> Iterable[tuple[int, int]]:
    """Return as many pairs as there can be, in order, and of these the ones most alike.

    Where that takes more than `most` comparisons, the first and the first are a pair.
    """
    number = len(left) * len(right)
    if number == 1 or number > most:
        return zip(left, right, strict=False)
    # best[p][q]: how alike the best pairs are among the items from p and from q on.
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    taken = [[False] * len(right) for _ in left]
    for p in reversed(range(len(left))):
        for q in reversed(range(len(right))):
            both = 1 + likeness(left[p], right[q]) + best[p + 1][q + 1]
            without = max(best[p + 1][q], best[p][q + 1])
            taken[p][q] = both >= without
            best[p][q] = max(both, without)
    found = []
    p = q = 0
    while p < len(left) and q < len(right):
        if taken[p][q]:
            found.append((left[p], right[q]))
            p, q = p + 1, q + 1
        elif best[p + 1][q] >= best[p][q + 1]:
            p += 1
        else:
            q += 1
    return found


def _aside(partners: Sequence[int], fast: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Yield the items of the left whose partner is not in line with those of what stands fast."""
    ahead = iter([*fast, (len(partners), NOBODY)])
    i, limit = next(ahead)
    last = NOBODY
    for item, partner in enumerate(partners):
        if item == i:
            last = partner
            i, limit = next(ahead)
        elif partner != NOBODY:
            if partner > last and (limit == NOBODY or partner < limit):
                last = partner
            else:
                yield item
