"""A longest common subsequence, found in bounded time and memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from math import isqrt
from typing import Final, NamedTuple

__all__ = ["EFFORT", "Common", "common"]

EFFORT: Final = 2_000_000
"""Steps spent on a longest one: about 2,000 items that are only in one of two sequences."""
_AHEAD: Final = 20
"""Beyond that effort, how far an equal item is looked for."""

_Pairs = list[tuple[int, int]]


class Common(NamedTuple):
    """What two sequences have in common."""

    pairs: _Pairs
    """Indices into both, rising in both."""
    longest: bool
    """Whether there is no longer one; False: to find out was too much."""


def common(left: Sequence[int], right: Sequence[int], effort: int = EFFORT) -> Common:
    """Return a common subsequence of two sequences, the same one for the same two.

    It is a longest one (Myers, An O(ND) difference algorithm, 1986) unless that takes more than
    `effort` steps. Then items that each sequence has once stand fast (as in a patience diff), and
    what lies between them is compared with as many steps again; where that is too much as well,
    each item is paired with the next equal one not far ahead.
    """
    begin, ends = _edges(left, right)
    head = [(n, n) for n in range(begin)]
    size = len(left) - ends, len(right) - ends
    tail = [(size[0] + n, size[1] + n) for n in range(ends)]
    # What only one of them has is in no common subsequence.
    here, there = set(left[begin : size[0]]), set(right[begin : size[1]])
    ours = [n for n in range(begin, size[0]) if left[n] in there]
    theirs = [n for n in range(begin, size[1]) if right[n] in here]
    found = _between([left[n] for n in ours], [right[n] for n in theirs], effort)
    return Common([*head, *((ours[i], theirs[j]) for i, j in found.pairs), *tail], found.longest)


def _edges(left: Sequence[int], right: Sequence[int]) -> tuple[int, int]:
    """Return how many items at the beginning are equal, and how many others at the end."""
    most = min(len(left), len(right))
    begin = 0
    while begin < most and left[begin] == right[begin]:
        begin += 1
    most -= begin
    ends = 0
    while ends < most and left[-1 - ends] == right[-1 - ends]:
        ends += 1
    return begin, ends


def _between(left: Sequence[int], right: Sequence[int], effort: int) -> Common:
    pairs = _longest(left, right, effort)
    if pairs is not None:
        return Common(pairs, True)
    found: _Pairs = []
    i = j = 0
    share = effort / (len(left) + len(right))
    for p, q in [*_rising(_once(left, right)), (len(left), len(right))]:
        gap = left[i:p], right[j:q]
        inside = _longest(*gap, int(share * (p - i + q - j)))
        found += ((i + m, j + n) for m, n in (_ahead(*gap) if inside is None else inside))
        if p < len(left):
            found.append((p, q))
        i, j = p + 1, q + 1
    return Common(found, False)


def _longest(left: Sequence[int], right: Sequence[int], effort: int) -> _Pairs | None:
    """Return a longest one; None: it takes more than `effort` steps."""
    n, m = len(left), len(right)
    most = min(n + m, isqrt(2 * max(effort, 0)) + 1)
    # How far each diagonal k = i - j has come with so many edits, at index k + middle.
    middle = most + 1
    furthest = [0] * (2 * most + 3)
    steps: list[list[int]] = []
    for edits in range(most + 1):
        steps.append(furthest[middle - edits - 1 : middle + edits + 2])
        for k in range(-edits, edits + 1, 2):
            i = begun = _entry(furthest, middle + k, k, edits)
            while i < n and i - k < m and left[i] == right[i - k]:
                i += 1
            furthest[middle + k] = i
            effort -= 1 + i - begun
            if i >= n and i - k >= m:
                return _back(steps, i, k)
        if effort < 0:
            return None
    return None


def _down(furthest: Sequence[int], place: int, k: int, edits: int) -> bool:
    """Say whether the last of so many edits to diagonal k leaves out an item of the right."""
    return k == -edits or (k != edits and furthest[place - 1] < furthest[place + 1])


def _entry(furthest: Sequence[int], place: int, k: int, edits: int) -> int:
    """Return where that edit leads to on the diagonal."""
    if not edits:
        return 0
    down = _down(furthest, place, k, edits)
    return furthest[place + 1] if down else furthest[place - 1] + 1


def _back(steps: Sequence[Sequence[int]], i: int, k: int) -> _Pairs:
    """Return the pairs on the way to an end, by what was known before each edit."""
    found: _Pairs = []
    for edits in range(len(steps) - 1, -1, -1):
        furthest, place = steps[edits], edits + 1 + k
        begun = _entry(furthest, place, k, edits)
        found += ((step, step - k) for step in range(i - 1, begun - 1, -1))
        down = _down(furthest, place, k, edits)
        i, k = (begun, k + 1) if down else (begun - 1, k - 1)
    found.reverse()
    return found


def _once(left: Sequence[int], right: Sequence[int]) -> _Pairs:
    """Return where the items are that each has exactly once, in order of the left."""
    ours, theirs = Counter(left), Counter(right)
    place = {item: j for j, item in enumerate(right) if theirs[item] == 1}
    return [(i, place[item]) for i, item in enumerate(left) if ours[item] == 1 and item in place]


def _rising(pairs: _Pairs) -> _Pairs:
    """Return the most pairs that rise on the right as they do on the left."""
    ends: list[int] = []
    tails: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        place = bisect_left(ends, j)
        ends[place : place + 1] = [j]
        tails[place : place + 1] = [number]
        before.append(tails[place - 1] if place else -1)
    found: _Pairs = []
    number = tails[-1] if tails else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    found.reverse()
    return found


def _ahead(left: Sequence[int], right: Sequence[int]) -> _Pairs:
    places: dict[int, list[int]] = {}
    for j, item in enumerate(right):
        places.setdefault(item, []).append(j)
    found: _Pairs = []
    last = -1
    for i, item in enumerate(left):
        where = places.get(item, [])
        number = bisect_right(where, last)
        if number < len(where) and where[number] - last <= _AHEAD:
            last = where[number]
            found.append((i, last))
    return found
